package orchestrator

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// kept counts the events of a topic that the store holds, by name.
func (w *world) kept(topic string) (names map[string]int, all int) {
	w.t.Helper()
	names = map[string]int{}
	for from := uint64(1); ; {
		list, _, err := w.store.Events(context.Background(), topic, from, page)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range list {
			names[e.Name]++
		}
		if all += len(list); len(list) < page {
			return names, all
		}
		from = list[len(list)-1].Seq + 1
	}
}

func TestPrune_EventsOfASessionThatNeverEndsAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		slow := func(s *Settings) {
			s.Retain, s.ReapEvery, s.Heartbeat, s.CostEvery = 10*time.Minute, time.Minute, 20*time.Second, time.Minute
		}
		p := w.process(slow)
		s := p.spawn(idle(0))
		use := func(minutes int) {
			for range 2 * minutes {
				wait(30 * time.Second)
				if err := p.touch(s.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		use(55)
		p.kill()
		p = w.process(slow)
		defer p.close()
		use(30)
		names, all := w.kept(s.Topic)
		if all > 70 || names["provisioning"] != 1 || names["ready"] != 1 || names["heartbeat"] < 20 {
			t.Fatalf("%d events, of three a minute: %v", all, names) // what is kept, and what came since the last round
		}
		if _, reports := w.kept(TopicReaper); reports > 30 {
			t.Errorf("%d reports of the reaper", reports)
		}
		sub, err := p.Subscribe(context.Background(), s.Topic, 1, func(*events.Subscription) {})
		if err != nil {
			t.Fatal(err)
		}
		sub.Start()
		wait(time.Minute)
		if err := p.touch(s.ID); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		next, pruned := sub.Next, 0
		for {
			e, _ := sub.TakeEvent()
			if e == nil {
				break
			}
			if e.Name == "pruned" {
				count := 0
				if _, err := fmt.Sscanf(string(e.Data), `{"count":%d}`, &count); err != nil {
					t.Fatal(err)
				}
				next, pruned = next+uint64(count)-1, pruned+count
			}
			if e.Seq != next {
				t.Fatalf("%s has number %d, want %d", e.Name, e.Seq, next)
			}
			next++
		}
		if _, last, _ := w.store.Events(context.Background(), s.Topic, 1, 1); next != last+1 || pruned < 100 {
			t.Fatalf("read up to %d of %d, %d of them pruned", next-1, last, pruned)
		}
	})
}

func TestPrune_AReaderLearnsThatTheLatestEventsAreForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process(func(s *Settings) { s.Retain, s.ReapEvery = 10*time.Minute, -1 })
		defer p.close()
		w.cloud.price = nil
		s := p.spawn(idle(0))
		w.cloud.set(func(c *cloud) { c.machines[s.Compute.ID].Status = spec.StatusStopped })
		wait(25 * time.Minute)
		for from, want := range map[uint64]string{1: "1 provisioning 2 pruned 3 ready 4 pruned", 3: "3 ready 4 pruned", 4: ""} {
			sub, err := p.Subscribe(context.Background(), s.Topic, from, func(*events.Subscription) {})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for e, _ := sub.TakeEvent(); e != nil; e, _ = sub.TakeEvent() {
				got = append(got, fmt.Sprint(e.Seq, " ", e.Name))
			}
			if text := strings.Join(got, " "); text != want || from == 4 && sub.Next != 5 {
				t.Errorf("from %d: %s, want %s; next %d", from, text, want, sub.Next)
			}
		}
	})
}

func TestPrune_IsOneProcesssWorkAndAnothersWhenThatOneIsGone(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p, q := w.process(), w.process()
		defer q.close()
		wait(time.Second)
		if p.pruneSome(); !w.leads(p) {
			t.Fatal("nobody leads")
		}
		if q.pruneSome(); !w.leads(p) {
			t.Fatal("two lead")
		}
		p.kill()
		wait(2 * time.Minute)
		if q.pruneSome(); !w.leads(q) {
			t.Fatal("the work of a process that is gone is nobody's")
		}
	})
}

// leads tells whether a process holds the lease of the one that prunes.
func (w *world) leads(p *process) bool {
	l, _, err := w.store.Lease(context.Background(), "pruner", "the test", 1)
	return err == nil && l.Holder == p.node.holder
}
