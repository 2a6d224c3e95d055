package orchestrator

import (
	"context"
	"crypto/rand"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/store"
)

// opening is a service whose store takes its time to open.
func (w *world) opening(open func(context.Context) error) *Service {
	return New(Wiring{Open: func(ctx context.Context) (store.Store, error) {
		if err := open(ctx); err != nil {
			return nil, err
		}
		return w.store.Handle(), nil
	}, Names: w.cloud.Names, Bus: events.NewBus(clock.System{}, events.Settings{}), Clock: clock.System{}, Random: rand.Reader})
}

func TestStart_EachCallerWaitsForAStoreThatHangsAsLongAsItsOwnTime(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var opened atomic.Int64
		s := w.opening(func(ctx context.Context) error {
			opened.Add(1)
			return clock.System{}.Wait(ctx, time.Minute)
		})
		patient := make(chan error, 1)
		go func() { patient <- s.Start(context.Background()) }()
		wait(time.Second)
		for range 10 {
			start := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if _, err := s.Touch(ctx, &TouchParams{ID: []string{"ses-1"}}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("%v after %s", err, time.Since(start))
			}
			cancel()
		}
		if err := <-patient; err != nil || opened.Load() != 1 {
			t.Errorf("%v after %d attempts", err, opened.Load())
		}
		if !s.Close(context.Background()) {
			t.Error("something was left")
		}
	})
}

func TestStart_FailsForAllWhoWaitAndTriesAgainForTheNext(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var opened atomic.Int64
		s := w.opening(func(ctx context.Context) error {
			if opened.Add(1) > 1 {
				return nil
			}
			_ = clock.System{}.Wait(ctx, 10*time.Second)
			return errors.New("nobody answers")
		})
		start := time.Now()
		failed := make(chan error, 20)
		for range cap(failed) {
			go func() { failed <- s.Start(context.Background()) }()
		}
		for range cap(failed) {
			if err := <-failed; err == nil {
				t.Error("a store that nobody opened")
			}
		}
		if took := time.Since(start); took != 10*time.Second || opened.Load() != 1 {
			t.Errorf("they took %s and %d attempts", took, opened.Load())
		}
		if err := s.Start(context.Background()); err != nil {
			t.Error(err)
		}
		s.Close(context.Background())
	})
}

func TestClose_DoesNotWaitForAStoreThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		s := w.opening(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		told := make(chan error, 1)
		go func() { told <- s.Start(context.Background()) }()
		wait(time.Second)
		start := time.Now()
		if !s.Close(context.Background()) || time.Since(start) != 0 {
			t.Errorf("closing took %s", time.Since(start))
		}
		if err := <-told; err == nil {
			t.Error("a closed service was started")
		}
		if err := s.Start(context.Background()); err == nil {
			t.Error("a closed service was started afterwards")
		}
	})
}

// slowLogger is a store whose touch log takes its time to open; it counts those that
// are open.
type slowLogger struct {
	store.Store
	open *atomic.Int64
}

func (l slowLogger) OpenTouchLog(holder string) (store.TouchLog, error) {
	time.Sleep(time.Second)
	log, err := l.Store.(store.TouchLogger).OpenTouchLog(holder)
	l.open.Add(1)
	return countedLog{log, l.open}, err
}

type countedLog struct {
	store.TouchLog
	open *atomic.Int64
}

func (l countedLog) Close(brought bool) error {
	l.open.Add(-1)
	return l.TouchLog.Close(brought)
}

func TestClose_LeavesNoTouchLogOpenThatWasAboutToBeUsed(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		var open atomic.Int64
		s := w.opening(func(context.Context) error { return nil })
		s.Open = func(context.Context) (store.Store, error) { return slowLogger{w.store.Handle(), &open}, nil }
		told := make(chan error, 1)
		go func() { told <- s.Start(context.Background()) }()
		wait(500 * time.Millisecond)
		if !s.Close(context.Background()) {
			t.Error("something was left")
		}
		if err := <-told; err == nil || open.Load() != 0 {
			t.Errorf("%v, %d logs are open", err, open.Load())
		}
	})
}
