package postgres

import (
	"context"

	"github.com/exatlas/atlas/core/store"
)

// Now reads the store's clock.
func (s *Store) Now(ctx context.Context) (int64, error) {
	list, err := read(ctx, s, "reading the clock", itself[int64], "SELECT now_ms()")
	if err != nil {
		return 0, err
	}
	return list[0], nil
}

// Lease takes or renews a lease.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl int64) (lease store.Lease, mine bool, err error) {
	err = s.transact(ctx, "taking a lease", func(c *conn) error {
		taken, err := collect(ctx, c, leaseFields, `WITH t AS MATERIALIZED (SELECT now_ms() AS now)
			INSERT INTO leases AS l SELECT $1, $2, nextval('fences'), t.now + $3 FROM t
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires,
				fence = CASE WHEN l.expires > now_ms() AND l.holder = excluded.holder THEN l.fence ELSE excluded.fence END
			WHERE l.expires <= now_ms() OR l.holder = excluded.holder
			RETURNING l.name, l.holder, l.fence, l.expires - $3, l.expires`, name, holder, ttl)
		if err != nil {
			return err
		}
		if mine = len(taken) > 0; mine {
			lease = taken[0]
			return nil
		}
		found, err := c.one(ctx, leaseFields(&lease), "SELECT name, holder, fence, now_ms(), expires FROM leases WHERE name = $1", name)
		if err == nil && !found {
			err = errRow
		}
		return err
	})
	return lease, mine && err == nil, err
}

func leaseFields(l *store.Lease) []any {
	return []any{&l.Name, &l.Holder, &l.Fence, &l.Now, &l.Expires}
}

// Release ends a lease.
func (s *Store) Release(ctx context.Context, l store.Lease) error {
	_, err := s.exec(ctx, "releasing a lease", "DELETE FROM leases WHERE name = $1 AND fence = $2", l.Name, l.Fence)
	return err
}

// holds tells whether a lease is in force, and keeps it from changing until the
// transaction ends.
func holds(ctx context.Context, c *conn, l store.Lease) (held bool, err error) {
	found, err := c.one(ctx, []any{&held}, "SELECT expires > now_ms() FROM leases WHERE name = $1 AND holder = $2 AND fence = $3 FOR SHARE", l.Name, l.Holder, l.Fence)
	return err == nil && found && held, err
}

// claimLock is held by whoever claims.
const claimLock = 0x65786175

// Claim takes over sessions of the gone.
func (s *Store) Claim(ctx context.Context, by store.Lease, limit int) (out []store.Claimed, err error) {
	err = s.transact(ctx, "claiming sessions", func(c *conn) error {
		out = nil
		// One claim at a time: a second one would find the same rows orphaned, in the
		// state of before the first, and take them again.
		if _, err := c.run(ctx, "SELECT pg_advisory_xact_lock($1)", claimLock); err != nil {
			return err
		}
		ok, err := holds(ctx, c, by)
		if err != nil || !ok {
			return err
		}
		out, err = collect(ctx, c, func(c *store.Claimed) []any { return append(fields(&c.Session), &c.From) }, `WITH picked AS (
				SELECT s.id, s.owner FROM sessions s
				LEFT JOIN leases l ON l.name = 'node/' || s.owner AND l.holder = s.owner AND l.fence = s.fence AND l.expires > now_ms()
				WHERE s.state < 4 AND l.name IS NULL LIMIT $3 FOR UPDATE OF s SKIP LOCKED)
			UPDATE sessions s SET owner = $1, fence = $2 FROM picked p WHERE s.id = p.id RETURNING `+qualified+`, p.owner`, by.Holder, by.Fence, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
