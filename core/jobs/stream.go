package jobs

import (
	"context"
	"maps"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// The pace of a stream whose reads come back empty.
const (
	streamFirst   = 500 * time.Millisecond
	streamLongest = 5 * time.Second
	// streamFailures is how many reads in a row may fail in passing.
	streamFailures = 8
)

// Events of a stream.
const (
	EventChunk  = "chunk"
	EventGap    = "gap"
	EventResult = "result"
	EventError  = "error"
)

// reader reads the stream of one job for all that subscribe to it.
type reader struct {
	service *Service
	account provider.Account
	request spec.JobRequest
	topic   string
	first   uint64 // sequence number of its first event
	ctx     context.Context
	stop    context.CancelFunc
	tail    tail

	subs map[*events.Subscription]bool // guarded by the service
	over bool
}

// Stream subscribes to what a job's worker yields. The subscription is started
// by its receiver and finishes with the last event.
func (s *Service) Stream(ctx context.Context, p *StreamParams, ready func(*events.Subscription)) (*events.Subscription, error) {
	a, err := s.account(ctx, &p.Target)
	if err != nil {
		return nil, err
	}
	request := spec.JobRequest{Endpoint: p.Endpoint, ID: p.ID}
	topic := "jobs:" + p.ID
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.readers[topic]
	if r != nil && !r.over && (r.account.Provider != a.Provider || r.request != request || r.account.Key != a.Key) {
		return nil, &spec.Error{Kind: spec.KindConflict, Provider: a.Provider, Message: "a job of this id is being streamed from another endpoint or account"}
	}
	fresh := r == nil || r.over
	if fresh {
		r = &reader{service: s, account: a.Standing(), request: request, topic: topic, subs: map[*events.Subscription]bool{}}
		r.first = s.Bus.Last(topic) + 1
		r.ctx, r.stop = context.WithCancel(s.until)
	}
	var sub *events.Subscription
	sub, fault := s.Bus.Subscribe(topic, r.first, ready, func() { s.left(r, sub) })
	if fault != nil {
		r.stop()
		return nil, fault
	}
	r.subs[sub] = true
	if fresh {
		s.readers[topic] = r
		safego.Go(&s.work, r.fail, r.run)
	}
	return sub, nil
}

// left stops the reader with its last subscription.
func (s *Service) left(r *reader, sub *events.Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(r.subs, sub)
	if len(r.subs) == 0 {
		r.over = true
		r.stop()
		if s.readers[r.topic] == r {
			delete(s.readers, r.topic)
		}
	}
}

// run reads until the job is over and nothing is left to read.
func (r *reader) run() {
	defer r.stop()
	s := r.service
	pause, failures, last := streamFirst, 0, spec.JobInProgress
	for gap := false; ; {
		if r.ctx.Err() != nil {
			r.fail(&spec.Error{Kind: spec.KindCancelled, Message: "cancelled"})
			return
		}
		chunks, err := provider.Do[spec.JobChunks](r.ctx, s.Backend, r.account, spec.OpStreamJob, &r.request, false)
		if err != nil {
			e := spec.AsError(err)
			if e.Kind == spec.KindNotFound && last.Terminal() { // it is forgotten since its end was read
				_ = r.release() // an ended stream is noticed by its last event
				r.conclude(last)
				return
			}
			if e.UnknownOutcome && !gap && r.ctx.Err() == nil {
				gap = true
				r.missing(e)
			}
			if failures++; r.ctx.Err() != nil || !passing(e) || failures > streamFailures {
				_ = r.release()
				r.fail(e)
				return
			}
			if s.Clock.Wait(r.ctx, spread(max(pause, time.Duration(e.RetryAfterMS)*time.Millisecond), s.Jitter)) != nil {
				r.fail(e)
				return
			}
			pause = min(2*pause, streamLongest)
			continue
		}
		again := r.same(chunks.Chunks)
		if again {
			chunks.Status = r.status(chunks.Status)
		}
		failures, last = 0, chunks.Status
		gap = gap && len(chunks.Chunks) == 0
		held := again && last.Terminal()
		switch {
		case held && r.hold():
			r.conclude(last)
			return
		case !held && r.hand(chunks.Chunks) != nil:
			r.fail(&spec.Error{Kind: spec.KindCancelled, Message: "cancelled"})
			return
		}
		switch {
		case len(chunks.Chunks) > 0 && !held:
			pause = streamFirst
		case last.Terminal() && !held:
			r.conclude(last)
			return
		default:
			if s.Clock.Wait(r.ctx, spread(pause, s.Jitter)) != nil {
				r.fail(&spec.Error{Kind: spec.KindCancelled, Message: "cancelled"})
				return
			}
			pause = min(2*pause, streamLongest)
		}
	}
}

// missing tells that the answer of a read was lost, and with it the chunks that it
// took away at the cloud, if there were any. Reads that are lost one after another
// make one gap.
func (r *reader) missing(e *spec.Error) {
	_ = r.service.Bus.Publish(r.ctx, r.topic, events.Data, EventGap, encode(struct {
		Message string `json:"message"`
		Hint    string `json:"hint"`
	}{"the answer of a read was lost: " + e.Message, "chunks may be missing here; the result's job has the whole output where the cloud keeps it"})) // an ended stream is noticed by the read after this
}

// finished fetches the finished job, and again where that fails in passing: without
// it the last event would say that the job is done, and not what it has yielded.
func (r *reader) finished() (*spec.Job, error) {
	s := r.service
	for pause, failures := streamFirst, 1; ; failures++ {
		job, err := s.do(r.ctx, &r.account, spec.OpGetJob, &r.request, r.request.Endpoint, r.request.ID, false)
		if err == nil || r.ctx.Err() != nil || failures > streamFailures {
			return job, err
		}
		e := spec.AsError(err)
		if !passing(e) || s.Clock.Wait(r.ctx, spread(max(pause, time.Duration(e.RetryAfterMS)*time.Millisecond), s.Jitter)) != nil {
			return nil, err
		}
		pause = min(2*pause, streamLongest)
	}
}

// conclude publishes the last event, with the finished job. Where that cannot be
// fetched any more, the stream's own status still says how it ended.
func (r *reader) conclude(status spec.JobStatus) {
	job, err := r.finished()
	if err != nil || !job.Status.Terminal() {
		job = &spec.Job{ID: r.request.ID, Provider: r.account.Provider, Endpoint: r.request.Endpoint, Status: status}
	}
	if job.Status == spec.JobCompleted {
		r.last(EventResult, encode(struct {
			Final bool      `json:"final"`
			Job   *spec.Job `json:"job"`
		}{true, job}))
		return
	}
	e := &spec.Error{Kind: spec.KindProvider, Provider: r.account.Provider, Operation: spec.OpStreamJob, Message: "the job failed"}
	switch job.Status {
	case spec.JobCancelled:
		e.Kind, e.Message = spec.KindCancelled, "the job was cancelled"
	case spec.JobTimedOut:
		e.Kind, e.Message = spec.KindTimeout, "the job ran out of time"
	}
	if job.Error != "" {
		e.Message += ": " + job.Error
	}
	e.Details = details(job, "")
	r.last(EventError, errorData(e))
}

// fail publishes an error as the last event.
func (r *reader) fail(e *spec.Error) {
	out := *e
	if out.Kind == spec.KindNotFound && out.Hint == "" {
		out.Hint = "the cloud keeps jobs for a short time only; this one has expired or never was"
	}
	r.last(EventError, errorData(&out))
}

func errorData(e *spec.Error) spec.Raw {
	data := struct {
		Final bool        `json:"final"`
		Error *spec.Error `json:"error"`
	}{true, e}
	if out := encode(data); out != nil {
		return out
	}
	bare := *e
	bare.Raw, bare.Details = nil, nil
	data.Error = &bare
	return encode(data)
}

// last publishes the last event and finishes the subscriptions: what they have
// not handed out yet stays theirs. A reader whose subscribers have all left says
// nothing, so that the next stream of the same job does not hear its end.
func (r *reader) last(name string, data spec.Raw) {
	s := r.service
	s.mu.Lock()
	defer s.mu.Unlock()
	r.over = true
	if s.readers[r.topic] == r {
		delete(s.readers, r.topic)
	}
	if len(r.subs) == 0 {
		return
	}
	s.Bus.PublishLast(r.topic, name, data, maps.Keys(r.subs)) // a closed bus has no reader
}

func encode(v any) spec.Raw {
	out, err := json.MarshalWithOption(v, json.DisableHTMLEscape())
	if err != nil {
		return nil
	}
	return out
}
