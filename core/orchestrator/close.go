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
	write, done := outlast(ctx)
	defer done()
	var mu sync.Mutex
	var work sync.WaitGroup
	slots := make(chan struct{}, acts)
	for _, t := range s.index.all() {
		if t.stays() {
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
		select {
		case slots <- struct{}{}:
		case <-write.Done():
			report(false)
			continue
		}
		safego.Go(&work, func(*spec.Error) { report(false) }, func() {
			defer func() { <-slots }()
			report(s.leave(ctx, write, t))
		})
	}
	work.Wait()
	return out, nil
}

// outlast is a context that ends a second after another one: that a session ends is
// written down though there is no time to end its machine, for the next process does
// that only where it reads so.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	write, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, cancel) })
	return write, func() {
		stop()
		cancel()
	}
}

// leave does to one session what its on_exit says, and waits until it is done. Of a
// spawn without a result it waits until that is known. What is done is written down
// until write ends, and waited for until ctx does.
func (s *Service) leave(ctx, write context.Context, t *tracked) bool {
	for {
		switch row, d := t.state(); {
		case row.State == store.Ended:
			return true
		case t.over(): // another process's
			return false
		case row.State != store.Live:
		case d.stops && !t.isAbandoned():
			if s.lock(ctx, t) != nil {
				return false
			}
			defer t.acting.Unlock()
			return s.stopMachine(ctx, t)
		default:
			if !s.endNow(write, t) {
				return false
			}
		}
		if s.Clock.Wait(ctx, soon) != nil {
			return false
		}
	}
}

// endNow writes down that a living session ends with its client.
func (s *Service) endNow(write context.Context, t *tracked) bool {
	if s.lock(write, t) != nil {
		return false
	}
	defer t.acting.Unlock()
	reason := ReasonShutdown
	if t.isAbandoned() {
		reason = ReasonNotRented
	}
	verdict, err := s.finish(t, reason, 0)
	return err == nil && verdict == store.Done
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
//
// No call is in flight any more, unless ctx is over.
func (s *Service) Close(ctx context.Context) bool {
	s.starting.Lock()
	s.closed = true
	s.starting.Unlock()
	if !s.running() {
		s.end() // an attempt to open the store is given up
		s.work.Wait()
		return true
	}
	write, done := outlast(ctx)
	defer done()
	context.AfterFunc(write, s.end) // a store that does not answer is waited for no longer
	s.disown(write)
	report, err := s.Shutdown(ctx, &ShutdownParams{TimeoutMS: time.Hour.Milliseconds()})
	all := err == nil && len(report.Left) == 0

	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	s.flush(last)
	s.end()
	s.work.Wait()
	if s.log != nil {
		_ = s.log.Close(s.flush(last)) // a log left behind is read by the next process
	}
	s.node.release(last)
	return s.store.Close() == nil && all
}

// disown writes down that the callers of spawns which are still under way are told that
// they failed: the next process would keep what they rent otherwise.
func (s *Service) disown(write context.Context) {
	var work sync.WaitGroup
	for _, t := range s.index.all() {
		if !t.renting() {
			continue
		}
		safego.Go(&work, s.defect, func() {
			if s.lock(write, t) != nil {
				return
			}
			defer t.acting.Unlock()
			_ = s.abandon(t) // a store that fails now may not be there for the spawn either
		})
	}
	work.Wait()
}

// abandon writes down of a session without a machine that nobody is to have one. The
// caller holds t.acting.
func (s *Service) abandon(t *tracked) error {
	_, err := s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State != store.Intended || d.Abandoned {
			return nil, false
		}
		d.Abandoned = true
		return nil, true
	}, 0)
	return err
}
