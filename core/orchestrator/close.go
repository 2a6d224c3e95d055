package orchestrator

import (
	"context"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

// ShutdownParams asks for what closing the client does to sessions.
type ShutdownParams struct {
	TimeoutMS int64 `json:"timeout_ms" min:"1" max:"3600000" default:"60000" doc:"How long to wait until the clouds say that the machines are gone, ms."`
}

// Shutdown is the result of orchestrator.shutdown.
type Shutdown struct {
	Ended int      `json:"ended" doc:"Sessions that ended, and machines that were stopped."`
	Left  []string `json:"left" doc:"Sessions whose machines the clouds have not confirmed to be gone or stopped; the next process that opens the store finishes what is ending."`
}

// Shutdown ends or stops the sessions of this process whose on_exit says so, and
// tells which are left.
func (s *Service) Shutdown(ctx context.Context, p *ShutdownParams) (*Shutdown, error) {
	out := &Shutdown{Left: []string{}}
	if !s.running() {
		return out, nil
	}
	limit := time.Minute
	if p.TimeoutMS > 0 {
		limit = time.Duration(p.TimeoutMS) * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var mu sync.Mutex
	var work sync.WaitGroup
	slots := make(chan struct{}, acts)
	for _, t := range s.index.all() {
		row, d := t.state()
		if row.State == store.Live && d.keeps {
			continue
		}
		report := func(ok bool) {
			mu.Lock()
			defer mu.Unlock()
			if ok {
				out.Ended++
			} else {
				out.Left = append(out.Left, t.id)
			}
		}
		if row.State == store.Intended {
			if t.unsettled() { // the next process looks for what it rented
				report(false)
			}
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			report(false)
			continue
		}
		safego.Go(&work, func(*spec.Error) { report(false) }, func() {
			defer func() { <-slots }()
			report(s.leave(ctx, t))
		})
	}
	work.Wait()
	return out, nil
}

// leave does to one session what its on_exit says, and waits until it is done.
func (s *Service) leave(ctx context.Context, t *tracked) bool {
	if row, d := t.state(); row.State == store.Live {
		if s.lock(ctx, t) != nil {
			return false
		}
		if d.stops {
			defer t.acting.Unlock()
			return s.stopMachine(ctx, t)
		}
		verdict, err := s.finish(t, ReasonShutdown, 0)
		t.acting.Unlock()
		if err != nil || verdict != store.Done {
			return false
		}
	}
	for {
		if row, _ := t.state(); row.State == store.Ended {
			return true
		}
		if s.Clock.Wait(ctx, soon) != nil {
			return false
		}
	}
}

// lock waits until nobody else acts on a session, or ctx ends.
func (s *Service) lock(ctx context.Context, t *tracked) error {
	for !t.acting.TryLock() {
		if err := s.Clock.Wait(ctx, soon); err != nil {
			return err
		}
	}
	return nil
}

// stopMachine pauses a machine; its session lives on and is the next process's. The
// machine of a session that may be another process's by now is left alone.
func (s *Service) stopMachine(ctx context.Context, t *tracked) bool {
	row, _ := t.state()
	if row.State != store.Live || t.over() || !s.node.valid() {
		return false
	}
	c, err := s.Compute.Stop(ctx, &compute.IDParams{Target: target(row.Provider), ID: row.ComputeID})
	if err != nil {
		return false
	}
	if c.Status == spec.StatusStopped {
		s.lookHalted(t, c)
	}
	return true
}

// Close does what on_exit says of each session, as far as ctx leaves time, and
// ends the service. What is still ending is finished by the next process. It
// reports whether all was done.
func (s *Service) Close(ctx context.Context) bool {
	s.starting.Lock()
	s.closed = true
	s.starting.Unlock()
	if !s.running() {
		s.end() // an attempt to open the store is given up
		s.work.Wait()
		return true
	}
	done := true
	if report, err := s.Shutdown(ctx, &ShutdownParams{TimeoutMS: time.Hour.Milliseconds()}); err != nil || len(report.Left) > 0 {
		done = false
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	s.flush(last)
	s.end()
	s.work.Wait()
	if s.log != nil {
		_ = s.log.Close(s.flush(last)) // a log left behind is read by the next process
	}
	s.node.release(last)
	return s.store.Close() == nil && done
}
