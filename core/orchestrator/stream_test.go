package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

func (p *process) subscribe(topic string, from uint64) *events.Subscription {
	p.w.t.Helper()
	sub, err := p.Subscribe(context.Background(), topic, from, func(*events.Subscription) {})
	if err != nil {
		p.w.t.Fatal(err)
	}
	sub.Start()
	return sub
}

// taken are the numbers and names of the events that a subscription holds.
func taken(sub *events.Subscription) string {
	var out []string
	for e, _ := sub.TakeEvent(); e != nil; e, _ = sub.TakeEvent() {
		text := fmt.Sprint(e.Seq, " ", e.Name)
		if strings.Contains(string(e.Data), `"final":true`) {
			text += " final"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// Who subscribes while the answer to a commit is on its way reads no event that the
// session does not show, and has all of them in the end.
func TestSubscribe_ReadsNoEventAheadOfWhatTheSessionShows(t *testing.T) {
	for i := range 40 {
		bubble(t, func(t *testing.T, w *world) {
			p := w.process()
			s := p.spawn(idle(time.Minute))
			if i%4 > 1 {
				p.close()
				p = w.process()
			}
			defer p.close()
			p.store.mu.Lock()
			p.store.hang = func(what string) {
				if what == "committed" {
					time.Sleep(3 * time.Second) // virtual
				}
			}
			p.store.mu.Unlock()
			wait(time.Minute + time.Duration(i)*250*time.Millisecond)
			_, there, err := w.store.Events(context.Background(), s.Topic, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			sub := p.subscribe(s.Topic, uint64(i%2))
			seen := sub.Next - 1
			if seen > there || i%2 == 1 && seen != 0 {
				t.Fatalf("reader %d begins behind %d of %d", i, seen, there)
			}
			for range 300 {
				for e, _ := sub.TakeEvent(); e != nil; e, _ = sub.TakeEvent() {
					if state := p.get(s.ID).State; e.Name == "terminating" && state == "live" || e.Name == "terminated" && state != "ended" {
						t.Errorf("reader %d: %s is told, and the session is %s", i, e.Name, state)
					}
					if e.Seq != seen+1 {
						t.Errorf("reader %d: %d after %d", i, e.Seq, seen)
					}
					seen = e.Seq
				}
				wait(100 * time.Millisecond)
			}
			if _, last, err := w.store.Events(context.Background(), s.Topic, 1, 1); err != nil || seen != last || over(sub) == "" {
				t.Errorf("reader %d has %d of %d%s, %v", i, seen, last, over(sub), err)
			}
		})
	}
}

func TestSubscribe_IsOverWhereTheSessionIsForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		brief := func(s *Settings) { s.Retain, s.ReapEvery = 10*time.Minute, -1 }
		p, q := w.process(brief), w.process(brief)
		defer p.close()
		defer q.close()
		s := p.spawn(idle(time.Minute))
		late := q.subscribe(s.Topic, 1)
		wait(time.Second)
		before := taken(late)
		q.store.set(func(what string) error { // it stands still for longer than events are kept
			if what == "events" {
				return errors.New("cut")
			}
			return nil
		})
		wait(3 * time.Hour)
		q.store.set(nil)
		wait(time.Second)
		if got := taken(late) + over(late); before == "" || got != "5 pruned final, over" {
			t.Errorf("who subscribed before: %q, then %q", before, got)
		}
		for _, who := range []*process{p, q} {
			for _, from := range []uint64{0, 1, 4, 99} {
				sub := who.subscribe(s.Topic, from)
				if got := taken(sub) + over(sub); got != "5 pruned final, over" || sub.Next != 5 {
					t.Errorf("from %d: %q, next %d", from, got, sub.Next)
				}
			}
			if _, watched := who.Bus.Watched(s.Topic); watched {
				t.Error("the topic is looked at although nothing comes any more")
			}
		}
	})
}

func TestSubscribe_RefusesASessionInThePlaceOfItsMachine(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer p.close()
		defer q.close()
		s := p.spawn(idle(0))
		for _, who := range []*process{p, q} {
			_, err := who.Subscribe(context.Background(), "compute:"+s.ID, 1, func(*events.Subscription) {})
			if e := spec.AsError(err); err == nil || e.Kind != spec.KindValidation || !strings.Contains(e.Hint, s.Topic) {
				t.Error("a session of now:", err)
			}
			_, err = who.Subscribe(context.Background(), "compute:ses-0123456789abcdef01234567", 0, func(*events.Subscription) {})
			if e := spec.AsError(err); err == nil || e.Kind != spec.KindNotFound {
				t.Error("a session that never was:", err)
			}
		}
		p.subscribe("compute:somebody's", 0)
	})
}
