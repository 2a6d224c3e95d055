package memory

import (
	"context"
	"strings"

	"github.com/exatlas/atlas/core/store"
)

// Lease takes or renews a lease.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl int64) (store.Lease, bool, error) {
	if err := s.begin(ctx, "taking a lease"); err != nil {
		return store.Lease{}, false, err
	}
	defer s.end()
	now := s.now()
	l, held := s.leases[name]
	held = held && l.Expires > now
	if held && l.Holder != holder {
		l.Now = now
		return l, false, nil
	}
	if !held {
		s.fence++
		l = store.Lease{Name: name, Holder: holder, Fence: s.fence}
	}
	l.Now, l.Expires = now, now+ttl
	s.leases[name] = l
	return l, true, nil
}

// Release ends a lease.
func (s *Store) Release(ctx context.Context, l store.Lease) error {
	if err := s.begin(ctx, "releasing a lease"); err != nil {
		return err
	}
	defer s.end()
	if now := s.leases[l.Name]; now.Fence == l.Fence {
		delete(s.leases, l.Name)
	}
	return nil
}

// holds tells whether a lease is in force.
func (c *contents) holds(l store.Lease) bool {
	now, ok := c.leases[l.Name]
	return ok && now.Fence == l.Fence && now.Holder == l.Holder && now.Expires > c.now()
}

// Claim takes over sessions.
func (s *Store) Claim(ctx context.Context, by store.Lease, limit int) ([]store.Claimed, error) {
	if err := s.begin(ctx, "claiming sessions"); err != nil {
		return nil, err
	}
	defer s.end()
	if !s.holds(by) {
		return nil, nil
	}
	alive := map[string]int64{} // fencing number by holder
	now := s.now()
	for _, l := range s.leases {
		if strings.HasPrefix(l.Name, "node/") && l.Expires > now {
			alive[l.Holder] = l.Fence
		}
	}
	var out []store.Claimed
	for _, row := range s.sessions {
		if len(out) == limit {
			break
		}
		if row.State == store.Ended || alive[row.Owner] == row.Fence && row.Fence != 0 {
			continue
		}
		from := row.Owner
		if row.State == store.Live {
			row.Touched = max(row.Touched, s.logs[from][row.ID])
		}
		row.Owner, row.Fence = by.Holder, by.Fence
		out = append(out, store.Claimed{Session: row.Session, From: from})
	}
	return out, nil
}
