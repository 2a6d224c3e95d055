package dashboard

import (
	"context"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
)

// Source is what the page shows and acts on. Its errors are of type *spec.Error.
type Source interface {
	Sessions(context.Context, orchestrator.ListParams) (*orchestrator.SessionList, error)
	Session(context.Context, orchestrator.SessionParams) (*orchestrator.Session, error)
	Touch(context.Context, orchestrator.TouchParams) (*orchestrator.Touched, error)
	End(context.Context, orchestrator.StopParams) (*orchestrator.Session, error)
	StopMachine(context.Context, compute.IDParams) (*spec.Compute, error)
	StartMachine(context.Context, compute.IDParams) (*spec.Compute, error)

	// Events follows a topic from an event's number on; 1 is the first.
	Events(ctx context.Context, topic string, from int64) (Stream, error)
}

// Stream gives the events of one topic in order. Next answers io.EOF after the
// last one.
type Stream interface {
	Next(ctx context.Context) (*events.Event, error)
	Close() error
}
