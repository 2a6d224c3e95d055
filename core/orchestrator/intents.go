package orchestrator

import (
	"context"
	"slices"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// intents are what sessions without a machine may have rented.
type intents struct {
	names map[string]bool // request ids of creates, and names that only they give
	odd   []store.Session // those of which nobody can say what it is
}

// oddLongest is how long a spawn may be under way: the longest wait for capacity, and
// what it does before and after. oddSkew is how much later by the store's clock than by
// a cloud's it may have begun.
const (
	oddLongest = 25 * time.Hour
	oddSkew    = 10 * time.Minute
	oddTold    = 100
)

// has tells whether a machine may be that of a session without one. Any that is not
// older may be an unreadable one's, whose spawn may be under way at a process of another
// version. Once that cannot be any more, what carries the store's mark is nobody's.
func (n *intents) has(c *spec.Compute, now int64) bool {
	if n.names[c.RequestID] || n.names[c.Name] {
		return true
	}
	born, err := time.Parse(time.RFC3339, c.CreatedAt)
	return slices.ContainsFunc(n.odd, func(row store.Session) bool {
		older := err == nil && born.UnixMilli() < row.Created-oddSkew.Milliseconds()
		return !older && now < row.Created+oddLongest.Milliseconds()
	})
}

// told names the unreadable ones.
func (n *intents) told() (out []string) {
	for _, row := range n.odd[:min(len(n.odd), oddTold)] {
		out = append(out, row.ID)
	}
	return out
}

// intended gathers what sessions that have no machine yet may have rented. One that
// cannot be read keeps the reaper from no other's.
func (s *Service) intended(ctx context.Context) (*intents, error) {
	out := &intents{names: map[string]bool{}}
	after := ""
	for {
		rows, err := s.store.List(ctx, store.Filter{States: []store.State{store.Intended}, After: after, Limit: 1000})
		if err != nil {
			return nil, err
		}
		for i := range rows {
			d, fault := decode(&rows[i])
			if fault != nil {
				out.odd = append(out.odd, rows[i])
				continue
			}
			for _, in := range d.Intents {
				out.names[in.RequestID] = true
				if in.OwnName {
					out.names[in.Name] = true
				}
			}
		}
		if len(rows) < 1000 {
			return out, nil
		}
		after = rows[len(rows)-1].ID
	}
}
