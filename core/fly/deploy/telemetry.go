package deploy

import (
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/telemetry"
)

// EventExit tells that a deploy is over. Its lines are counted there: an event for
// each would be one more for each that a reader already gets, and one who measures
// wants their number.
const EventExit = "fly.deploy.exit"

// Exited is its data. It never holds the text of a line.
type Exited struct {
	App        string    `json:"app,omitempty"`
	Ticket     string    `json:"ticket,omitempty"`
	Outcome    string    `json:"outcome"`   // that of FlyDeploy
	ExitCode   int       `json:"exit_code"` // -1: a signal ended it, or it could not be started
	Signal     string    `json:"signal,omitempty"`
	Lines      int64     `json:"lines"`
	Error      spec.Kind `json:"error,omitempty"`
	DurationMS float64   `json:"duration_ms"`
}

// exited tells who measures.
func (d *deployment) exited(t *ticket, out *FlyDeploy, took time.Duration, err *spec.Error) {
	tell := d.service.Telemetry.Watched()
	if tell == nil {
		return
	}
	data := Exited{App: d.app, Outcome: out.Outcome, ExitCode: out.ExitCode, Signal: out.Signal, Lines: out.Lines, DurationMS: telemetry.Milliseconds(took)}
	if t != nil {
		data.Ticket = t.name
	}
	if err != nil {
		data.Error = err.Kind
	}
	tell(EventExit, data)
}
