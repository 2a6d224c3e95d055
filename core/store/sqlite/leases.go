package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/store"
)

// Now reads the store's clock.
func (s *Store) Now(ctx context.Context) (int64, error) {
	if err := s.there(); err != nil {
		return 0, cannot("reading the clock", err)
	}
	return s.clock.now(), ctx.Err()
}

// Lease takes or renews a lease.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl int64) (lease store.Lease, mine bool, err error) {
	err = s.submit(ctx, "taking a lease", func(w *writer) error {
		if strings.HasPrefix(name, "node/") {
			if err := s.presence.show(holder); err != nil {
				return fmt.Errorf("showing that this process lives: %w", err)
			}
		}
		now := s.clock.now()
		lease, mine = store.Lease{Name: name}, true
		err := w.row("SELECT holder, fence, expires FROM leases WHERE name = ?", name).Scan(&lease.Holder, &lease.Fence, &lease.Expires)
		if err != nil && err != sql.ErrNoRows {
			return err
		}
		lease.Now = now
		if err == nil && lease.Expires > now && lease.Holder != holder && !s.presence.dead(lease.Holder) {
			mine = false
			return nil
		}
		if err != nil || lease.Expires <= now || lease.Holder != holder {
			if lease.Fence, err = nextFence(w); err != nil {
				return err
			}
		}
		lease.Holder, lease.Expires = holder, now+ttl
		_, err = w.exec("INSERT INTO leases (name, holder, fence, expires) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, expires = excluded.expires",
			name, holder, lease.Fence, lease.Expires)
		if err != nil {
			return err
		}
		return s.clock.keep(w.Tx)
	})
	return lease, mine && err == nil, err
}

// nextFence counts every lease that was ever taken.
func nextFence(w *writer) (int64, error) {
	text, err := meta(w.Tx, "fence", func() string { return "0" })
	if err != nil {
		return 0, err
	}
	fence, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, err
	}
	return fence + 1, setMeta(w.Tx, "fence", strconv.FormatInt(fence+1, 10))
}

// Release ends a lease.
func (s *Store) Release(ctx context.Context, l store.Lease) error {
	return s.submit(ctx, "releasing a lease", func(w *writer) error {
		_, err := w.exec("DELETE FROM leases WHERE name = ? AND fence = ?", l.Name, l.Fence)
		return err
	})
}

// holds tells whether a lease is in force.
func (s *Store) holds(w *writer, l store.Lease) (bool, error) {
	var one int
	err := w.row("SELECT 1 FROM leases WHERE name = ? AND holder = ? AND fence = ? AND expires > ?", l.Name, l.Holder, l.Fence, s.clock.now()).Scan(&one)
	if err == sql.ErrNoRows {
		return false, nil
	}
	return err == nil, err
}

// Claim takes over sessions of the dead.
func (s *Store) Claim(ctx context.Context, by store.Lease, limit int) (out []store.Claimed, err error) {
	err = s.submit(ctx, "claiming sessions", func(w *writer) error {
		out = nil
		if holds, err := s.holds(w, by); err != nil || !holds {
			return err
		}
		owners, err := s.orphaned(w)
		if err != nil {
			return err
		}
		if len(owners) == 0 {
			return s.tidy(w)
		}
		s.tidied = false
		for _, o := range owners {
			if len(out) == limit {
				return nil
			}
			if out, err = s.take(w, by, o, limit, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// owner is a holder under one fencing number.
type owner struct {
	holder string
	fence  int64
}

// orphaned lists the owners of sessions that have not ended whose lease is over. It
// steps from owner to owner through the index: reading the sessions of each would
// take seconds where there are many.
func (s *Store) orphaned(w *writer) ([]owner, error) {
	var out []owner
	now := s.clock.now()
	const where = "SELECT owner, fence FROM sessions INDEXED BY sessions_owner WHERE state < 4 AND "
	for o := (owner{fence: -1}); ; {
		err := w.row(where+"owner = ? AND fence > ? ORDER BY fence LIMIT 1", o.holder, o.fence).Scan(&o.holder, &o.fence)
		if errors.Is(err, sql.ErrNoRows) {
			err = w.row(where+"owner > ? ORDER BY owner, fence LIMIT 1", o.holder).Scan(&o.holder, &o.fence)
		}
		if errors.Is(err, sql.ErrNoRows) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var alive bool
		err = w.row("SELECT EXISTS (SELECT 1 FROM leases WHERE name = 'node/' || ? AND holder = ? AND fence = ? AND expires > ?)", o.holder, o.holder, o.fence, now).Scan(&alive)
		if err != nil {
			return nil, err
		}
		if !alive || s.presence.dead(o.holder) {
			out = append(out, o)
		}
	}
}

// tidy removes the files of dead holders that have no sessions any more: what
// their logs say has been counted.
func (s *Store) tidy(w *writer) error {
	s.legacy = legacy{}
	if s.tidied {
		return nil
	}
	for _, holder := range s.presence.graves() {
		var has bool
		if err := w.row("SELECT EXISTS (SELECT 1 FROM sessions INDEXED BY sessions_owner WHERE owner = ? AND state < 4)", holder).Scan(&has); err != nil {
			return err
		}
		if !has {
			s.presence.bury(holder)
		}
	}
	s.tidied = true
	return nil
}

func (s *Store) take(w *writer, by store.Lease, o owner, limit int, out []store.Claimed) ([]store.Claimed, error) {
	first := len(out)
	log, err := s.lastWords(o)
	if err != nil {
		return out, err
	}
	rows, err := w.query(whole+"INDEXED BY sessions_owner"+docs+"WHERE owner = ? AND fence = ? AND state < 4 LIMIT ?", o.holder, o.fence, limit-len(out))
	if err != nil {
		return out, err
	}
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return out, errors.Join(err, rows.Close())
		}
		row.Owner, row.Fence = by.Holder, by.Fence
		if row.State == store.Live {
			row.Touched = max(row.Touched, log[row.ID])
		}
		out = append(out, store.Claimed{Session: row, From: o.holder})
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return out, err
	}
	for _, c := range out[first:] {
		if _, err := w.exec("UPDATE sessions SET owner = ?, fence = ?, touched = ? WHERE id = ?", by.Holder, by.Fence, c.Touched, c.ID); err != nil {
			return out, err
		}
	}
	return out, nil
}
