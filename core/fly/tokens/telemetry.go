package tokens

import (
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/telemetry"
)

// EventAcquire tells that somebody looked for a token.
const EventAcquire = "fly.token.acquire"

// Acquired is its data. It never holds the token.
type Acquired struct {
	App        string    `json:"app,omitempty"`
	Source     Source    `json:"source,omitempty"` // none where there was none
	Acquirer   string    `json:"acquirer"`
	Outcome    string    `json:"outcome"` // found or failed
	Error      spec.Kind `json:"error,omitempty"`
	DurationMS float64   `json:"duration_ms"`
}

// Who answered one that looked for a token.
const (
	acquirerMemory = "memory"
	acquirerSearch = "search" // its own
	acquirerJoined = "joined" // a search that another had begun
	acquirerDeploy = "deploy" // what a deploy hands to flyctl: store and environment alone
)

// acquired tells who measures.
func (s *Service) acquired(began time.Time, app, acquirer string, source Source, err error) {
	tell := s.Telemetry.Watched()
	if tell == nil {
		return
	}
	data := Acquired{App: app, Source: source, Acquirer: acquirer, Outcome: "found", DurationMS: telemetry.Milliseconds(s.Clock.Now().Sub(began))}
	if err != nil {
		data.Source, data.Outcome, data.Error = "", "failed", spec.AsError(err).Kind
	}
	tell(EventAcquire, data)
}
