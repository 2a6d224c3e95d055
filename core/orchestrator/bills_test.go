package orchestrator

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestBills_CostIsNeverTakenForLessThanTheBill(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.bill = 0.01
		p := w.process()
		defer p.close()
		capped := p.spawn(idle(0), func(p *SpawnParams) { p.MaxCost = 2 }) // at 0.5 USD an hour: 4 hours
		free := p.spawn(idle(0))
		wait(20 * time.Minute)
		if got := p.get(capped.ID); got.Billed == nil || *got.Billed != 0.01 || *got.Spent < 0.16 || *got.Spent > 0.17 {
			t.Fatalf("a bill that lags behind: billed %v, spent %v", got.Billed, *got.Spent)
		}
		w.cloud.set(func(c *cloud) { c.bill = 1.5 }) // storage, traffic, or a price that rose
		wait(20 * time.Minute)
		got := p.get(capped.ID)
		if got.Billed == nil || *got.Billed != 1.5 || *got.Spent < 1.5 || *got.Spent > 1.65 {
			t.Fatalf("a bill that is higher: billed %v, spent %v", got.Billed, *got.Spent)
		}
		wait(time.Hour)
		if got = p.get(capped.ID); got.State != "ended" || got.Reason != ReasonCost || *got.Spent < 1.99 {
			t.Fatalf("the limit holds for the bill too: %+v", got)
		}
		if got = p.get(free.ID); got.State != "live" || got.Billed != nil {
			t.Fatalf("without a limit nothing is asked while it lives: %+v", got)
		}
	})
}

func TestBills_OfEndedSessionsAreAskedForOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.bill = 3
		p := w.process()
		defer p.close()
		s := p.spawn(idle(10 * time.Minute))
		wait(12 * time.Minute)
		if got := p.get(s.ID); got.State != "ended" || got.Billed != nil || *got.Spent > 0.1 {
			t.Fatalf("%+v", got)
		}
		wait(10 * time.Minute)
		if got := p.get(s.ID); got.Billed == nil || *got.Billed != 3 || *got.Spent != 3 || got.State != "ended" {
			t.Fatalf("%+v", got)
		}
		wait(time.Hour)
		if n := w.cloud.calls["get_bill"]; n != 1 {
			t.Fatalf("asked %d times", n)
		}
	})
}

// Some clouds charge by the day: a question that began within the first one, or
// ended before now, would leave out what was charged.
func TestBills_AreAskedForFromTheDayOfTheSessionUntilNow(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.bill = 0.01
		wait(23*time.Hour + 55*time.Minute) // 2000-01-01
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0), func(p *SpawnParams) { p.MaxCost = 9 })
		wait(20 * time.Minute)
		if _, err := p.Stop(context.Background(), &StopParams{ID: s.ID}); err != nil {
			t.Fatal(err)
		}
		wait(10 * time.Minute)
		w.cloud.mu.Lock()
		defer w.cloud.mu.Unlock()
		if len(w.cloud.billed) != 2 {
			t.Fatalf("asked %d times, want once while it lived and once after it", len(w.cloud.billed))
		}
		for i, want := range []string{"2000-01-02T00:10", "2000-01-02T00:20"} {
			got := w.cloud.billed[i]
			if got.ID != s.Compute.ID || got.From != "2000-01-01T00:00:00Z" || !strings.HasPrefix(got.To, want) {
				t.Errorf("question %d: %+v, want it to end at %s", i, got, want)
			}
		}
	})
}

func TestBills_ThatAreNotThereYetChangeNothing(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.cloud.late = true
		p := w.process()
		defer p.close()
		s := p.spawn(idle(0), func(p *SpawnParams) { p.MaxCost = 9 })
		wait(time.Hour)
		if got := p.get(s.ID); got.Billed == nil || *got.Billed != 0 || *got.Spent < 0.499 || *got.Spent > 0.501 {
			t.Fatalf("while it lives: billed %v, spent %v", got.Billed, *got.Spent)
		}
		if _, err := p.Stop(context.Background(), &StopParams{ID: s.ID}); err != nil {
			t.Fatal(err)
		}
		wait(10 * time.Minute)
		if got := p.get(s.ID); got.State != "ended" || got.Billed == nil || *got.Billed != 0 || *got.Spent < 0.499 || *got.Spent > 0.501 {
			t.Fatalf("after its end: %+v, spent %v", got, *got.Spent)
		}
	})
}

func TestBills_HoldEachSessionOnce(t *testing.T) {
	var b bills
	for at, id := range []string{"a", "b", "a", "c", "b"} { // a again before its turn came
		b.add(id, int64(at))
	}
	if got := strings.Join(b.due(3), " "); got != "a c" {
		t.Errorf("due are %q", got)
	}
	if got := strings.Join(b.due(9), " "); got != "b" || len(b.due(99)) != 0 {
		t.Errorf("then %q", got)
	}
}
