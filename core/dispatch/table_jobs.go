package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/jobs"
	"github.com/exatlas/atlas/core/spec"
)

// Subscribed is the result of methods that open a subscription.
type Subscribed struct {
	Subscription string `json:"subscription" doc:"Its identifier, on every event and for events.unsubscribe."`
	Topic        string `json:"topic" doc:"Topic of its events."`
	NextSeq      uint64 `json:"next_seq" doc:"Sequence number of the first event it gets."`

	start func()
}

// answered lets the events flow, after the subscriber has been told its number.
func (r *Subscribed) answered() { r.start() }

func subscribed(s *events.Subscription) *Subscribed {
	return &Subscribed{Subscription: s.ID, Topic: s.Topic, NextSeq: s.Next, start: s.Start}
}

func addJobs(t *Table, s *Services) {
	const done = `{"id":"60902e6c-u1","provider":"runpod","endpoint":"abc123","status":"completed","native_status":"COMPLETED","output":{"text":"hello"},"delay_ms":310,"execution_time_ms":1437}`
	add(t, "jobs.run", Doc{
		Summary: "Submits a serverless job.",
		Text: "Mode sync waits for its end: through the cloud's own synchronous call first, then by polling. When timeout_ms is up, or the call is cancelled, the remote job is cancelled or kept as on_timeout says; " +
			"the error's details tell which, with the job's id. A job that ended before it could be cancelled is answered. A job whose submission lost its answer is not submitted again: the error has unknown_outcome.",
		Errors: cloudKinds(spec.KindNotFound, spec.KindUnsupported),
		Params: `{"provider":"runpod","endpoint":"abc123","input":{"prompt":"a sunset"},"mode":"sync","timeout_ms":60000}`,
		Result: done,
	}, func(ctx context.Context, p *jobs.RunParams) (*spec.Job, error) { return s.Jobs.Run(ctx, p) })
	add(t, "jobs.get", Doc{
		Summary: "Tells the state of a job, and its output once it is done.",
		Text:    "Clouds keep results for a short time only; afterwards the kind is not_found.",
		Errors:  cloudKinds(spec.KindNotFound, spec.KindUnsupported),
		Params:  `{"provider":"runpod","endpoint":"abc123","id":"60902e6c-u1"}`,
		Result:  done,
	}, func(ctx context.Context, p *jobs.JobParams) (*spec.Job, error) { return s.Jobs.Get(ctx, p) })
	add(t, "jobs.cancel", Doc{
		Ends:    true,
		Summary: "Cancels a job.",
		Errors:  cloudKinds(spec.KindNotFound, spec.KindConflict, spec.KindUnsupported),
		Params:  `{"provider":"runpod","endpoint":"abc123","id":"60902e6c-u1"}`,
		Result:  `{"id":"60902e6c-u1","provider":"runpod","endpoint":"abc123","status":"cancelled","native_status":"CANCELLED"}`,
	}, func(ctx context.Context, p *jobs.JobParams) (*spec.Job, error) { return s.Jobs.Cancel(ctx, p) })
	add(t, "jobs.stream", Doc{
		Summary: "Streams a job's output as events.",
		Text: `Each piece the worker yields is an event "chunk" with data {"output":…}. The last event is always "result" with data {"final":true,"job":{…}} or "error" with data {"final":true,"error":{…}}, ` +
			"and the subscription ends with it. A second stream of the same job joins the first and gets its chunks from the start. A slow reader slows the reading. " +
			"Reading takes away what it reads at the cloud, so two clients that stream one job share its chunks between them. A read whose answer was lost cannot be repeated: the event \"gap\" with data {\"message\":…,\"hint\":…} stands where chunks may be missing, " +
			"and job.output of the result is the authority, where the cloud keeps it.",
		Errors: cloudKinds(spec.KindNotFound, spec.KindUnsupported, spec.KindConflict),
		Params: `{"provider":"runpod","endpoint":"abc123","id":"60902e6c-u1"}`,
		Result: `{"subscription":"sub-1","topic":"jobs:60902e6c-u1","next_seq":1}`,
	}, func(ctx context.Context, p *jobs.StreamParams) (*Subscribed, error) {
		sub, err := s.Jobs.Stream(ctx, p, s.Ready)
		if err != nil {
			return nil, err
		}
		return subscribed(sub), nil
	})
}
