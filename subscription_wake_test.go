package atlas

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
)

// TestSubscription_WakesAReaderForEachEvent lets a second event come before a reader
// was woken for the first one: the source tells of both once.
func TestSubscription_WakesAReaderForEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := events.NewBus(clock.System{}, events.Settings{})
		defer bus.Close()
		publish := func(name string) {
			if err := bus.Publish(context.Background(), "x", events.Lifecycle, name, []byte("{}")); err != nil {
				t.Error(err)
			}
		}
		s := &Subscription{bus: bus, signal: make(chan struct{}, 1)}
		told := 0
		sub, fault := bus.Subscribe("x", 0, func(*events.Subscription) {
			if told++; told == 1 {
				publish("b")
			}
			s.tell()
		}, nil)
		if fault != nil {
			t.Fatal(fault)
		}
		s.sub = sub
		sub.Start()
		ctx, cancel := context.WithCancel(t.Context())
		read := make(chan *Event, 2)
		for range 2 {
			go func() {
				event, _ := s.Next(ctx)
				read <- event
			}()
		}
		synctest.Wait()
		publish("a")
		synctest.Wait()
		cancel()
		for range 2 {
			if event := <-read; event == nil {
				t.Error("a reader waits, though there is an event for it")
			}
		}
	})
}
