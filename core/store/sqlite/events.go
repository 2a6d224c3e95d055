package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/exatlas/atlas/core/store"
)

// add appends events to a topic and returns its last number.
func add(w *writer, topic string, list []store.Event) (uint64, error) {
	if topic == "" {
		return 0, nil
	}
	var last uint64
	if len(list) == 0 {
		err := w.row("SELECT last FROM topics WHERE name = ?", topic).Scan(&last)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil
		}
		return last, err
	}
	err := w.row("INSERT INTO topics (name, last) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET last = last + excluded.last RETURNING last", topic, len(list)).Scan(&last)
	if err != nil {
		return 0, err
	}
	for i, e := range list {
		data := e.Data
		if len(data) == 0 {
			data = []byte("{}")
		}
		if _, err := w.exec("INSERT INTO events (topic, seq, time, name, data, passing) VALUES (?, ?, ?, ?, ?, ?)", topic, last-uint64(len(list)-1-i), e.Time, e.Name, data, e.Passing); err != nil {
			return 0, err
		}
	}
	return last, nil
}

// Events reads a topic.
func (s *Store) Events(ctx context.Context, topic string, from uint64, limit int) ([]store.Event, uint64, error) {
	// The last number is read first: what comes between is then not in it, and its
	// reader goes on from there.
	last, err := read(s, ctx, "reading events", func(rows *sql.Rows) (n uint64, err error) {
		err = rows.Scan(&n)
		return n, err
	}, "SELECT last FROM topics WHERE name = ?", topic)
	if err != nil || len(last) == 0 {
		return nil, 0, err
	}
	list, err := read(s, ctx, "reading events", func(rows *sql.Rows) (e store.Event, err error) {
		err = rows.Scan(&e.Seq, &e.Time, &e.Name, &e.Data)
		return e, err
	}, "SELECT seq, time, name, data FROM events WHERE topic = ? AND seq >= ? ORDER BY seq LIMIT ?", topic, from, limit)
	return list, last[0], err
}

// Append adds events to a topic.
func (s *Store) Append(ctx context.Context, topic string, list []store.Event) (last uint64, err error) {
	list = slices.Clone(list)
	for i := range list {
		list[i].Passing = true
	}
	err = s.submit(ctx, "writing events", func(w *writer) error {
		last, err = add(w, topic, list)
		return err
	})
	return last, err
}

// GetValue reads a value.
func (s *Store) GetValue(ctx context.Context, space, key string) ([]byte, bool, error) {
	list, err := read(s, ctx, "reading a value", func(rows *sql.Rows) (v []byte, err error) {
		err = rows.Scan(&v)
		return v, err
	}, "SELECT value FROM small WHERE space = ? AND key = ?", space, key)
	if err != nil || len(list) == 0 {
		return nil, false, err
	}
	return list[0], true, nil
}

// PutValue writes a value.
func (s *Store) PutValue(ctx context.Context, space, key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	return s.submit(ctx, "writing a value", func(w *writer) error {
		_, err := w.exec("INSERT INTO small (space, key, value) VALUES (?, ?, ?) ON CONFLICT (space, key) DO UPDATE SET value = excluded.value", space, key, value)
		return err
	})
}

// DeleteValue forgets a value.
func (s *Store) DeleteValue(ctx context.Context, space, key string) error {
	return s.submit(ctx, "forgetting a value", func(w *writer) error {
		_, err := w.exec("DELETE FROM small WHERE space = ? AND key = ?", space, key)
		return err
	})
}
