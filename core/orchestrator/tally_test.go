package orchestrator

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// told is what a process's metrics say, without their heads.
func (p *process) told() string {
	var all, out strings.Builder
	for _, f := range p.Metrics() {
		f.Write(&all)
	}
	for line := range strings.Lines(all.String()) {
		if line[0] != '#' {
			out.WriteString(line)
		}
	}
	return out.String()
}

func TestMetrics_TellOfTheSessionsOfAProcess(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		w.cloud.set(func(c *cloud) { *c.price = 2 })
		p.spawn(idle(time.Hour))
		s := p.spawn(idle(0))
		wait(time.Minute)
		if got, want := p.told(), "atlas_sessions{provider=\"runpod\",state=\"live\"} 2\natlas_sessions_cost_usd_per_hour{provider=\"runpod\"} 4\n"; got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
		wait(59 * time.Minute) // the first one ends
		wait(time.Minute)
		if _, err := p.Stop(context.Background(), &StopParams{ID: s.ID, WaitMS: ms(5000)}); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		got := p.told()
		for _, want := range []string{`atlas_sessions_ended_total{provider="runpod",reason="idle_timeout"} 1`, `atlas_sessions_ended_total{provider="runpod",reason="stopped"} 1`} {
			if !strings.Contains(got, want+"\n") {
				t.Errorf("no %s in\n%s", want, got)
			}
		}
		if !strings.Contains(got, `atlas_sessions_spent_usd_total{provider="runpod",reason="idle_timeout"} 2`+"\n") || strings.Contains(got, "atlas_sessions{") {
			t.Errorf("got\n%s", got)
		}
		p.close()
	})
}

func TestMetrics_OfAClosedProcessTellOfNoSessionThatGoesOn(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		p.spawn(idle(0))
		wait(time.Minute)
		p.close()
		if got := p.told(); got != "" || p.Tracked() != 0 || w.cloud.count() != 1 {
			t.Errorf("%d sessions, %d machines, and\n%s", p.Tracked(), w.cloud.count(), got)
		}
	})
}

// TestMetrics_CountAnEndWhoseCommitWasAnsweredLateOnce loses the answer of the commit
// that ends a session: that it ended is learned by reading it again.
func TestMetrics_CountAnEndWhoseCommitWasAnsweredLateOnce(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		p := w.process()
		defer p.close()
		p.spawn(idle(time.Minute))
		lost := 0 // the commits that begin and make the end
		p.store.set(func(what string) error {
			if what == "committed" && lost < 2 {
				lost++
				return errors.New("lost")
			}
			return nil
		})
		wait(time.Hour)
		if got := p.told(); lost != 2 || !strings.Contains(got, `atlas_sessions_ended_total{provider="runpod",reason="idle_timeout"} 1`+"\n") {
			t.Errorf("after %d lost answers\n%s", lost, got)
		}
	})
}
