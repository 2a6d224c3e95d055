package postgres

import (
	"context"
	"strconv"

	"github.com/exatlas/atlas/core/store"
)

const (
	columns   = "id, owner, fence, state, provider, compute, account, created, touched, ended, doc"
	qualified = "s.id, s.owner, s.fence, s.state, s.provider, s.compute, s.account, s.created, s.touched, s.ended, s.doc"
)

func fields(s *store.Session) []any {
	return []any{&s.ID, &s.Owner, &s.Fence, &s.State, &s.Provider, &s.ComputeID, &s.UserID, &s.Created, &s.Touched, &s.Ended, &s.Doc}
}

// Commit carries out changes in one transaction.
func (s *Store) Commit(ctx context.Context, by store.Lease, changes []store.Change) ([]store.Result, error) {
	out := make([]store.Result, len(changes))
	err := s.transact(ctx, "writing sessions", func(c *conn) error {
		ok, err := holds(ctx, c, by)
		for i := range changes {
			if err != nil {
				return err
			}
			if out[i] = (store.Result{Verdict: store.Lost}); ok {
				out[i], err = change(ctx, c, by, &changes[i])
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func change(ctx context.Context, tx *conn, by store.Lease, c *store.Change) (store.Result, error) {
	n := &c.Session
	if n.Owner != by.Holder || n.Fence != by.Fence {
		return store.Result{Verdict: store.Lost}, nil
	}
	touched := n.Touched
	if c.New {
		r, err := tx.run(ctx, "INSERT INTO sessions ("+columns+") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
			n.ID, n.Owner, n.Fence, n.State, n.Provider, n.ComputeID, n.UserID, n.Created, n.Touched, n.Ended, append([]byte{}, n.Doc...))
		if err != nil || r.CommandTag.RowsAffected() == 0 {
			return store.Result{Verdict: store.Lost}, err
		}
	} else {
		var stored int64
		found, err := tx.one(ctx, []any{&stored}, "SELECT touched FROM sessions WHERE id = $1 AND owner = $2 AND fence = $3 FOR UPDATE", n.ID, n.Owner, n.Fence)
		switch {
		case err != nil:
			return store.Result{}, err
		case !found:
			return store.Result{Verdict: store.Lost}, nil
		case c.IdleSince != 0 && stored > c.IdleSince:
			return store.Result{Verdict: store.Used, Touched: stored}, nil
		}
		touched = max(touched, stored)
		if _, err := tx.run(ctx, "UPDATE sessions SET state = $2::int, provider = $3, compute = $4, account = $5, touched = $6, ended = $7, word = CASE WHEN $2::int < 3 OR $2::int = 3 AND state = 3 THEN word ELSE '' END, doc = coalesce($8, doc) WHERE id = $1",
			n.ID, n.State, n.Provider, n.ComputeID, n.UserID, touched, n.Ended, orNull(n.Doc)); err != nil {
			return store.Result{}, err
		}
	}
	last, err := add(ctx, tx, c.Topic, c.Events)
	return store.Result{Verdict: store.Done, Touched: touched, Last: last}, err
}

// orNull is NULL for what is to stay.
func orNull(doc []byte) any {
	if doc == nil {
		return nil
	}
	return doc
}

// Touch moves last activities forward. Rows are locked in order, so that two of
// these never wait for each other.
func (s *Store) Touch(ctx context.Context, touches []store.Touch) ([]string, error) {
	ids, times := make([]string, len(touches)), make([]int64, len(touches))
	for i, t := range touches {
		ids[i], times[i] = t.ID, t.At
	}
	var live []string
	err := s.transact(ctx, "noting activity", func(c *conn) (err error) {
		live, err = collect(ctx, c, itself[string], `WITH said AS (SELECT id, max(at) AS at FROM unnest($1::text[], $2::bigint[]) AS t (id, at) GROUP BY id),
			locked AS (SELECT s.id FROM sessions s JOIN said USING (id) WHERE s.state = $3 ORDER BY s.id FOR UPDATE OF s)
			UPDATE sessions s SET touched = greatest(s.touched, said.at) FROM said JOIN locked USING (id) WHERE s.id = said.id RETURNING s.id`, ids, times, store.Live)
		return err
	})
	if err != nil {
		return nil, err
	}
	alive := make(map[string]bool, len(live))
	for _, id := range live {
		alive[id] = true
	}
	var notLive []string
	for _, id := range ids {
		if !alive[id] {
			notLive = append(notLive, id)
		}
	}
	return notLive, nil
}

// Ask leaves a word.
func (s *Store) Ask(ctx context.Context, id, word, over string) (bool, error) {
	n, err := s.exec(ctx, "leaving word", "UPDATE sessions SET word = CASE WHEN word IN ('', $3) THEN $2 ELSE word END WHERE id = $1 AND state < 4", id, word, over)
	return n > 0, err
}

// Asked lists words.
func (s *Store) Asked(ctx context.Context, owner string) ([]store.Word, error) {
	return read(ctx, s, "reading words", func(w *store.Word) []any { return []any{&w.ID, &w.Word} }, "SELECT id, word FROM sessions WHERE owner = $1 AND word <> ''", owner)
}

// Get returns a session.
func (s *Store) Get(ctx context.Context, id string) (store.Session, bool, error) {
	list, err := read(ctx, s, "reading a session", fields, `SELECT `+columns+` FROM sessions WHERE id = $1 OR compute = $1 AND compute <> '' ORDER BY id = $1 DESC, state = 4, created DESC LIMIT 1`, id)
	if err != nil || len(list) == 0 {
		return store.Session{}, false, err
	}
	return list[0], true, nil
}

// List returns sessions in order.
func (s *Store) List(ctx context.Context, f store.Filter) ([]store.Session, error) {
	text, args := "SELECT "+columns+" FROM sessions WHERE id COLLATE \"C\" > $1", []any{f.After}
	and := func(clause string, value any) {
		args = append(args, value)
		text += " AND " + clause + " $" + strconv.Itoa(len(args))
	}
	if f.Owner != "" {
		and("owner =", f.Owner)
		if f.Fence != 0 {
			and("fence =", f.Fence)
		}
	}
	if f.UserID != "" {
		and("account =", f.UserID)
	}
	if len(f.States) == 1 {
		text += " AND state = " + strconv.Itoa(int(f.States[0]))
	} else if len(f.States) > 1 {
		text += " AND state IN (0"
		for _, state := range f.States {
			text += ", " + strconv.Itoa(int(state))
		}
		text += ")"
	}
	limit := f.Limit
	if limit == 0 {
		limit = 1000
	}
	args = append(args, limit)
	return read(ctx, s, "listing sessions", fields, text+" ORDER BY id COLLATE \"C\" LIMIT $"+strconv.Itoa(len(args)), args...)
}
