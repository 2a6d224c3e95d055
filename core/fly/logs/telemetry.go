package logs

import (
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/telemetry"
)

// EventFetch tells that a page was asked for, by fly.logs.fetch or by a stream.
const EventFetch = "fly.logs.fetch"

// Fetched is its data. It never holds the text of a line.
type Fetched struct {
	App        string    `json:"app"`
	Status     int       `json:"status,omitempty"` // of the last answer
	Count      int       `json:"count"`            // of lines, those not handed out included
	Error      spec.Kind `json:"error,omitempty"`
	DurationMS float64   `json:"duration_ms"` // looking for the token included
}

// fetched tells who measures.
func (s *Service) fetched(began time.Time, app string, status, count int, err *spec.Error) {
	tell := s.Telemetry.Watched()
	if tell == nil {
		return
	}
	data := Fetched{App: app, Status: status, Count: count, DurationMS: telemetry.Milliseconds(s.Clock.Now().Sub(began))}
	if err != nil {
		data.Error = err.Kind
	}
	tell(EventFetch, data)
}
