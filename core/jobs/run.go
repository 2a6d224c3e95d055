package jobs

import (
	"context"
	"errors"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

const (
	defaultTimeout = 30 * time.Second
	// maxWait bounds how long one synchronous call is asked to take: RunPod holds
	// at most 300 s, and shorter calls survive proxies better.
	maxWait = 90 * time.Second
	// cancelLimit bounds the cancelling of a remote job after its caller left.
	cancelLimit = 10 * time.Second

	// A wait at the cloud ends this long before the caller's time is up, and is
	// not worth asking for when it would be shorter: then the job is polled.
	waitMargin = time.Second
	minWait    = time.Second

	pollFirst   = 250 * time.Millisecond
	pollLongest = 5 * time.Second
)

// Run submits a job and, in mode sync, waits for its end.
func (s *Service) Run(ctx context.Context, p *RunParams) (*spec.Job, error) {
	a, err := s.account(ctx, &p.Target)
	if err != nil {
		return nil, err
	}
	if p.Webhook != "" {
		if err := a.Need(spec.CapWebhooks, "webhooks", "webhook"); err != nil {
			return nil, err
		}
	}
	request := &spec.RunJobRequest{Endpoint: p.Endpoint, Input: p.Input, Webhook: p.Webhook, Options: p.ProviderOpts}
	if p.Policy != nil {
		if request.Policy, err = json.Marshal(p.Policy); err != nil {
			return nil, &spec.Error{Kind: spec.KindInternal, Message: "the policy could not be encoded"}
		}
	}
	if p.Mode != ModeSync {
		return s.do(ctx, &a, spec.OpRunJob, request, p.Endpoint, "", p.IncludeRaw)
	}
	return s.runSync(ctx, &a, p, request)
}

// runSync submits a job and waits. The wait handed to the cloud ends before the
// caller's time is up, so that the job's id arrives and the job can be cancelled.
func (s *Service) runSync(ctx context.Context, a *provider.Account, p *RunParams, request *spec.RunJobRequest) (*spec.Job, error) {
	limit := defaultTimeout
	if p.TimeoutMS > 0 {
		limit = time.Duration(p.TimeoutMS) * time.Millisecond
	}
	start := s.Clock.Now()
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if deadline, ok := within.Deadline(); ok {
		limit = min(limit, deadline.Sub(start))
	}
	if wait := min(ahead(limit), maxWait, longestHeld(a)); wait >= minWait {
		request.WaitMS = wait.Milliseconds()
	}
	job, err := s.do(within, a, spec.OpRunJob, request, p.Endpoint, "", p.IncludeRaw)
	if err != nil {
		return nil, lostSubmission(within, a, err)
	}
	for pause := pollFirst; !job.Status.Terminal(); {
		if s.Clock.Wait(within, spread(pause, s.Jitter)) != nil {
			return s.overdue(ctx, a, p, job)
		}
		next, err := s.do(within, a, spec.OpGetJob, &spec.JobRequest{Endpoint: p.Endpoint, ID: job.ID}, p.Endpoint, job.ID, p.IncludeRaw)
		switch {
		case err == nil:
			job, pause = next, min(pause*3/2, pollLongest)
		case within.Err() != nil:
			return s.overdue(ctx, a, p, job)
		default:
			e := spec.AsError(err)
			if !passing(e) {
				out := *e
				out.Details = details(job, "")
				return nil, &out
			}
			pause = max(min(pause*2, pollLongest), time.Duration(e.RetryAfterMS)*time.Millisecond)
		}
	}
	return job, nil
}

// ahead is how long a wait at the cloud may take whose answer is to be there when
// the time is up.
func ahead(limit time.Duration) time.Duration { return limit - max(limit/10, waitMargin) }

// longestHeld is how long the cloud may hold an answer before the request for it is
// given up.
func longestHeld(a *provider.Account) time.Duration {
	if a.HTTP.TimeoutMS == 0 {
		return maxWait
	}
	return ahead(time.Duration(a.HTTP.TimeoutMS) * time.Millisecond)
}

// lostSubmission completes the error of a submission that did not answer: it is
// never repeated.
func lostSubmission(within context.Context, a *provider.Account, err error) error {
	e := *spec.AsError(err)
	if within.Err() != nil && e.Kind != spec.KindTimeout && e.Kind != spec.KindCancelled {
		e.Kind = spec.KindTimeout
		if errors.Is(within.Err(), context.Canceled) {
			e.Kind = spec.KindCancelled
		}
	}
	if e.UnknownOutcome && e.Hint == "" {
		e.Hint = "the job may run all the same; its id was in the lost answer, so it can be neither cancelled nor read"
	}
	e.Provider = a.Provider
	return &e
}

// passing tells errors of a poll that say nothing about the job.
func passing(e *spec.Error) bool {
	switch e.Kind {
	case spec.KindTransport, spec.KindRateLimited, spec.KindTimeout, spec.KindProvider:
		return true
	}
	return e.Retryable
}

// overdue ends a run whose time is up or whose caller left: with an error, unless
// the job was done before it could be cancelled.
func (s *Service) overdue(ctx context.Context, a *provider.Account, p *RunParams, job *spec.Job) (*spec.Job, error) {
	out := &spec.Error{Kind: spec.KindTimeout, Provider: a.Provider, Operation: "jobs.run", Message: "the job was not done in time"}
	if errors.Is(ctx.Err(), context.Canceled) {
		out.Kind, out.Message = spec.KindCancelled, "cancelled while the job was running"
	}
	if p.OnTimeout == TimeoutKeep {
		out.Hint = "the job goes on: read it with jobs.get, or cancel it with jobs.cancel"
		out.Details = details(job, "kept")
		return nil, out
	}
	// The caller's time is up, so the cancelling has a little of its own. Whoever
	// left altogether does not wait for it.
	done := make(chan end, 1)
	standing := a.Standing()
	safego.Go(&s.work, func(e *spec.Error) { done <- end{nil, e} }, func() {
		limited, cancel := context.WithTimeout(s.until, cancelLimit)
		defer cancel()
		done <- s.cancel(limited, &standing, p, job.ID)
	})
	var last end
	select {
	case last = <-done:
	case <-ctx.Done():
		out.Hint = "the job is being cancelled; use on_timeout keep to let it go on"
		out.Details = details(job, "cancelling")
		return nil, out
	}
	switch {
	case last.job != nil && last.err == nil:
		return last.job, nil
	case last.job != nil:
		out.Message = "the job ended as its time was up, and its result did not come: " + spec.AsError(last.err).Message
		out.Hint = "read it with jobs.get"
		out.Details = details(last.job, "ended")
	case last.err != nil:
		out.Hint = "the job could not be cancelled and may go on: " + spec.AsError(last.err).Message
		out.Details = details(job, "cancel_failed")
	default:
		out.Hint = "the job was cancelled; use on_timeout keep to let it go on"
		out.Details = details(job, "cancelled")
	}
	return nil, out
}

// end is how the cancelling of a job went. job is there where it had ended by itself.
type end struct {
	job *spec.Job
	err error
}

// cancel cancels a job, and fetches it where the cloud says that it had ended before.
func (s *Service) cancel(ctx context.Context, a *provider.Account, p *RunParams, id string) end {
	request := &spec.JobRequest{Endpoint: p.Endpoint, ID: id}
	job, err := s.do(ctx, a, spec.OpCancelJob, request, p.Endpoint, id, false)
	if err != nil || !job.Status.Terminal() || job.Status == spec.JobCancelled {
		return end{nil, err}
	}
	whole, err := s.do(ctx, a, spec.OpGetJob, request, p.Endpoint, id, p.IncludeRaw)
	if err != nil {
		return end{job, err}
	}
	return end{whole, nil}
}

// details names the job, and what became of it at the cloud.
func details(job *spec.Job, remote string) spec.Raw {
	out, err := json.MarshalWithOption(struct {
		JobID    string         `json:"job_id"`
		Endpoint string         `json:"endpoint"`
		Status   spec.JobStatus `json:"status"`
		Remote   string         `json:"remote,omitempty"`
	}{job.ID, job.Endpoint, job.Status, remote}, json.DisableHTMLEscape())
	if err != nil {
		return nil
	}
	return out
}

// spread makes a pause up to a quarter longer, so that many waiters do not ask
// at the same moment.
func spread(pause time.Duration, jitter func() float64) time.Duration {
	return pause + time.Duration(jitter()*float64(pause)/4)
}
