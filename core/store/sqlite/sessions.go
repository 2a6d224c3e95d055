package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/exatlas/atlas/core/store"
)

const (
	columns = "id, owner, fence, state, provider, compute, user, created, touched, ended"
	whole   = "SELECT " + columns + ", doc FROM sessions "
	docs    = " CROSS JOIN docs USING (id) " // in this order: the columns say which
)

func scan(rows interface{ Scan(...any) error }) (s store.Session, err error) {
	err = rows.Scan(&s.ID, &s.Owner, &s.Fence, &s.State, &s.Provider, &s.ComputeID, &s.UserID, &s.Created, &s.Touched, &s.Ended, &s.Doc)
	return s, err
}

// Commit carries out changes.
func (s *Store) Commit(ctx context.Context, by store.Lease, changes []store.Change) ([]store.Result, error) {
	out := make([]store.Result, len(changes))
	err := s.submit(ctx, "writing sessions", func(w *writer) error {
		holds, err := s.holds(w, by)
		for i := range changes {
			if err != nil {
				return err
			}
			if out[i] = (store.Result{Verdict: store.Lost}); holds {
				out[i], err = change(w, by, &changes[i])
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func change(w *writer, by store.Lease, c *store.Change) (store.Result, error) {
	n := &c.Session
	if n.Owner != by.Holder || n.Fence != by.Fence {
		return store.Result{Verdict: store.Lost}, nil
	}
	touched := n.Touched
	if c.New {
		r, err := w.exec("INSERT INTO sessions ("+columns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
			n.ID, n.Owner, n.Fence, n.State, n.Provider, n.ComputeID, n.UserID, n.Created, n.Touched, n.Ended)
		if err != nil {
			return store.Result{}, err
		}
		if count, err := r.RowsAffected(); err != nil || count == 0 {
			return store.Result{Verdict: store.Lost}, err
		}
		if _, err := w.exec("INSERT INTO docs (id, doc) VALUES (?, ?)", n.ID, append([]byte{}, n.Doc...)); err != nil {
			return store.Result{}, err
		}
	} else {
		var stored int64
		err := w.row("SELECT touched FROM sessions WHERE id = ? AND owner = ? AND fence = ?", n.ID, n.Owner, n.Fence).Scan(&stored)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return store.Result{Verdict: store.Lost}, nil
		case err != nil:
			return store.Result{}, err
		case c.IdleSince != 0 && stored > c.IdleSince:
			return store.Result{Verdict: store.Used, Touched: stored}, nil
		}
		touched = max(touched, stored)
		if _, err := w.exec("UPDATE sessions SET state = ?1, provider = ?, compute = ?, user = ?, touched = ?, ended = ?, word = iif(?1 < 3 OR ?1 = 3 AND state = 3, word, '') WHERE id = ?",
			n.State, n.Provider, n.ComputeID, n.UserID, touched, n.Ended, n.ID); err != nil {
			return store.Result{}, err
		}
		if n.Doc != nil {
			if _, err := w.exec("UPDATE docs SET doc = ? WHERE id = ?", n.Doc, n.ID); err != nil {
				return store.Result{}, err
			}
		}
	}
	last, err := add(w, c.Topic, c.Events)
	return store.Result{Verdict: store.Done, Touched: touched, Last: last}, err
}

// Touch moves last activities forward.
func (s *Store) Touch(ctx context.Context, touches []store.Touch) (notLive []string, err error) {
	err = s.submit(ctx, "noting activity", func(w *writer) error {
		notLive = nil
		for _, t := range touches {
			r, err := w.exec("UPDATE sessions SET touched = max(touched, ?) WHERE id = ? AND state = ?", t.At, t.ID, store.Live)
			if err != nil {
				return err
			}
			if count, err := r.RowsAffected(); err != nil {
				return err
			} else if count == 0 {
				notLive = append(notLive, t.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return notLive, nil
}

// Ask leaves a word.
func (s *Store) Ask(ctx context.Context, id, word, over string) (found bool, err error) {
	err = s.submit(ctx, "leaving word", func(w *writer) error {
		r, err := w.exec("UPDATE sessions SET word = iif(word IN ('', ?), ?, word) WHERE id = ? AND state < ?", over, word, id, store.Ended)
		if err != nil {
			return err
		}
		count, err := r.RowsAffected()
		found = count > 0
		return err
	})
	return found && err == nil, err
}

// Asked lists words.
func (s *Store) Asked(ctx context.Context, owner string) ([]store.Word, error) {
	return read(s, ctx, "reading words", func(rows *sql.Rows) (w store.Word, err error) {
		err = rows.Scan(&w.ID, &w.Word)
		return w, err
	}, "SELECT id, word FROM sessions WHERE owner = ? AND word <> ''", owner)
}

// Get returns a session.
func (s *Store) Get(ctx context.Context, id string) (store.Session, bool, error) {
	list, err := read(s, ctx, "reading a session", scanRows, whole+docs+"WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		list, err = read(s, ctx, "reading a session", scanRows, whole+docs+"WHERE compute = ? AND compute <> '' ORDER BY state = 4, created DESC LIMIT 1", id)
	}
	if err != nil || len(list) == 0 {
		return store.Session{}, false, err
	}
	return list[0], true, nil
}

func scanRows(rows *sql.Rows) (store.Session, error) { return scan(rows) }

// List returns sessions in order.
func (s *Store) List(ctx context.Context, f store.Filter) ([]store.Session, error) {
	text, args := whole+docs+"WHERE id > ?", []any{f.After}
	and := func(clause string, values ...any) {
		text += " AND " + clause
		args = append(args, values...)
	}
	if f.Owner != "" {
		and("owner = ?", f.Owner)
		if f.Fence != 0 {
			and("fence = ?", f.Fence)
		}
	}
	if f.UserID != "" {
		and("user = ?", f.UserID)
	}
	if len(f.States) == 1 {
		and("state = ?", f.States[0])
	} else if len(f.States) > 1 {
		values := make([]any, len(f.States))
		for i, state := range f.States {
			values[i] = state
		}
		and("state IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	}
	limit := f.Limit
	if limit == 0 {
		limit = 1000
	}
	return read(s, ctx, "listing sessions", scanRows, text+" ORDER BY id LIMIT ?", append(args, limit)...)
}

// read runs a query outside the writer and gathers its rows.
func read[T any](s *Store, ctx context.Context, doing string, scan func(*sql.Rows) (T, error), text string, args ...any) ([]T, error) {
	if err := s.there(); err != nil {
		return nil, cannot(doing, err)
	}
	rows, err := s.reads.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, cannot(doing, err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, cannot(doing, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, cannot(doing, err)
	}
	if err := s.there(); err != nil { // what was read may be of a file that nobody sees any more
		return nil, cannot(doing, err)
	}
	return out, nil
}
