package orchestrator

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/exatlas/atlas/core/metrics"
	"github.com/exatlas/atlas/core/store"
)

// tally counts the sessions that ended in this process.
type tally struct {
	mu    sync.Mutex
	ended map[[2]string]*total // by provider and reason
}

type total struct {
	sessions uint64
	spent    float64 // USD
}

// took counts a session in whose end has just become known. before is what it was.
func (c *tally) took(before store.State, row *store.Session, d *document) {
	if row.State != store.Ended || before == store.Ended || d == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = map[[2]string]*total{}
	}
	key := [2]string{row.Provider, d.Reason}
	t := c.ended[key]
	if t == nil {
		t = &total{}
		c.ended[key] = t
	}
	t.sessions++
	t.spent += d.spent(row.Ended)
}

// Metrics tells of the sessions that this process acts on, and of those that ended
// here.
func (s *Service) Metrics() []*metrics.Family {
	living := &metrics.Family{Name: "atlas_sessions", Type: metrics.Gauge, Help: "Sessions that this process acts on, by state."}
	rate := &metrics.Family{Name: "atlas_sessions_cost_usd_per_hour", Type: metrics.Gauge, Help: "What the machines of those sessions cost now, as far as their clouds tell, in USD per hour."}
	ended := &metrics.Family{Name: "atlas_sessions_ended_total", Type: metrics.Counter, Help: "Sessions that this process ended, by reason."}
	spent := &metrics.Family{Name: "atlas_sessions_spent_usd_total", Type: metrics.Counter, Help: "What the sessions that this process ended had cost until then, in USD."}
	states, costs := map[[2]string]int{}, map[string]float64{}
	for _, t := range s.acted() {
		row, d := t.state()
		if row.State == store.Ended {
			continue
		}
		states[[2]string{row.Provider, stateName(row.State)}]++
		if d.priced {
			costs[row.Provider] += d.price
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(states), byNames) {
		living.Add(float64(states[key]), "provider", key[0], "state", key[1])
	}
	for _, provider := range slices.Sorted(maps.Keys(costs)) {
		rate.Add(costs[provider], "provider", provider)
	}
	s.tally.mu.Lock()
	defer s.tally.mu.Unlock()
	for _, key := range slices.SortedFunc(maps.Keys(s.tally.ended), byNames) {
		t := s.tally.ended[key]
		ended.Add(float64(t.sessions), "provider", key[0], "reason", key[1])
		spent.Add(t.spent, "provider", key[0], "reason", key[1])
	}
	return []*metrics.Family{living, rate, ended, spent}
}

// acted lists the sessions that this process acts on: none once it is closed, whatever
// goes on without it.
func (s *Service) acted() []*tracked {
	if s.until.Err() != nil {
		return nil
	}
	return s.index.all()
}

func byNames(a, b [2]string) int { return strings.Compare(a[0]+" "+a[1], b[0]+" "+b[1]) }
