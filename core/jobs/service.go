package jobs

import (
	"context"
	"sync"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// Wiring is what the service works with.
type Wiring struct {
	Backend   provider.Backend
	Directory *provider.Directory
	Bus       *events.Bus
	Clock     clock.Clock
	Jitter    func() float64 // 0 to 1, to spread polls
}

// Service carries out the jobs methods.
type Service struct {
	Wiring
	work  sync.WaitGroup
	until context.Context // ends with the client
	end   context.CancelFunc

	mu      sync.Mutex
	readers map[string]*reader // by topic
}

// New makes the service.
func New(w Wiring) *Service {
	s := &Service{Wiring: w, readers: map[string]*reader{}}
	s.until, s.end = context.WithCancel(context.Background())
	return s
}

// Close ends the streams and waits for their readers, and for jobs that are
// being cancelled, until ctx ends. It reports whether all have ended.
func (s *Service) Close(ctx context.Context) bool {
	s.mu.Lock()
	for _, r := range s.readers {
		r.stop()
	}
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, s.end)
	s.work.Wait()
	done := stop()
	s.end()
	return done
}

// account resolves a call and refuses providers without serverless jobs.
func (s *Service) account(ctx context.Context, t *provider.Target) (provider.Account, error) {
	a, err := s.Directory.At(ctx, *t)
	if err != nil {
		return a, err
	}
	return a, a.Need(spec.CapServerless, "serverless jobs", "")
}

// Get tells the state of a job.
func (s *Service) Get(ctx context.Context, p *JobParams) (*spec.Job, error) {
	a, err := s.account(ctx, &p.Target)
	if err != nil {
		return nil, err
	}
	return s.do(ctx, &a, spec.OpGetJob, &spec.JobRequest{Endpoint: p.Endpoint, ID: p.ID}, p.Endpoint, p.ID, p.IncludeRaw)
}

// Cancel cancels a job.
func (s *Service) Cancel(ctx context.Context, p *JobParams) (*spec.Job, error) {
	a, err := s.account(ctx, &p.Target)
	if err != nil {
		return nil, err
	}
	return s.do(ctx, &a, spec.OpCancelJob, &spec.JobRequest{Endpoint: p.Endpoint, ID: p.ID}, p.Endpoint, p.ID, p.IncludeRaw)
}

// do carries out one operation that answers a job.
func (s *Service) do(ctx context.Context, a *provider.Account, operation string, request any, endpoint, id string, raw bool) (*spec.Job, error) {
	job, err := provider.Do[spec.Job](ctx, s.Backend, *a, operation, request, raw)
	if err != nil {
		return nil, err
	}
	if job.ID == "" {
		job.ID = id
	}
	if job.ID == "" {
		return nil, &spec.Error{Kind: spec.KindPlugin, Provider: a.Provider, Operation: operation, Message: "the plugin answered no job",
			Hint: "report it to the plugin's author", UnknownOutcome: true}
	}
	job.Provider, job.Endpoint = a.Provider, endpoint
	switch job.Status {
	case spec.JobInQueue, spec.JobInProgress, spec.JobCompleted, spec.JobFailed, spec.JobCancelled, spec.JobTimedOut:
	default:
		job.Status = spec.JobInQueue
		if operation == spec.OpCancelJob {
			job.Status = spec.JobCancelled
		}
	}
	if !raw {
		job.Raw = nil
	}
	return job, nil
}
