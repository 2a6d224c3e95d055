package postgres

import (
	"context"
	"slices"

	"github.com/exatlas/atlas/core/store"
)

// add appends events to a topic and returns its last number.
func add(ctx context.Context, c *conn, topic string, list []store.Event) (last uint64, err error) {
	if topic == "" {
		return 0, nil
	}
	if len(list) == 0 {
		_, err := c.one(ctx, []any{&last}, "SELECT last FROM topics WHERE name = $1", topic)
		return last, err
	}
	n := len(list)
	times, names, data, seqs, passing := make([]int64, n), make([]string, n), make([][]byte, n), make([]int64, n), make([]int64, n)
	_, err = c.one(ctx, []any{&last}, "INSERT INTO topics AS t VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET last = t.last + excluded.last RETURNING last", topic, n)
	if err != nil {
		return 0, err
	}
	for i, e := range list {
		times[i], names[i], data[i], seqs[i] = e.Time, e.Name, e.Data, int64(last)-int64(n-1-i)
		if len(e.Data) == 0 {
			data[i] = []byte("{}")
		}
		if e.Passing {
			passing[i] = 1
		}
	}
	_, err = c.run(ctx, "INSERT INTO events SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::smallint[])", topic, seqs, times, names, data, passing)
	return last, err
}

// Events reads a topic. The last number is read first: what comes between is then
// not in it, and its reader goes on from there.
func (s *Store) Events(ctx context.Context, topic string, from uint64, limit int) ([]store.Event, uint64, error) {
	last, err := read(ctx, s, "reading events", itself[int64], "SELECT last FROM topics WHERE name = $1", topic)
	if err != nil || len(last) == 0 {
		return nil, 0, err
	}
	list, err := read(ctx, s, "reading events", func(e *store.Event) []any { return []any{&e.Seq, &e.Time, &e.Name, &e.Data} }, "SELECT seq, time, name, data FROM events WHERE topic = $1 AND seq >= $2 ORDER BY seq LIMIT $3", topic, int64(from), limit)
	return list, uint64(last[0]), err
}

// Append adds events to a topic.
func (s *Store) Append(ctx context.Context, topic string, list []store.Event) (last uint64, err error) {
	list = slices.Clone(list)
	for i := range list {
		list[i].Passing = true
	}
	err = s.transact(ctx, "writing events", func(c *conn) error {
		last, err = add(ctx, c, topic, list)
		return err
	})
	return last, err
}

// Prune forgets some of what is old, both by an index. A topic's last number stays.
// Processes that prune at once pass each other by.
func (s *Store) Prune(ctx context.Context, before int64, limit int) (count int, err error) {
	err = s.transact(ctx, "pruning", func(c *conn) error {
		r, err := c.run(ctx, `DELETE FROM events e USING
			(SELECT topic, seq FROM events WHERE passing = 1 AND time < $1 ORDER BY time LIMIT $2 FOR UPDATE SKIP LOCKED) old
			WHERE e.topic = old.topic AND e.seq = old.seq`, before, limit)
		if err != nil {
			return err
		}
		if count = int(r.CommandTag.RowsAffected()); count >= limit {
			return nil
		}
		machines, err := collect(ctx, c, itself[string], `DELETE FROM sessions WHERE id IN
			(SELECT id FROM sessions WHERE state = 4 AND ended < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING compute`, before, limit-count)
		if err != nil {
			return err
		}
		count += len(machines)
		_, err = c.run(ctx, `DELETE FROM events e USING unnest($2::text[]) AS machine WHERE machine <> '' AND e.topic = 'compute:' || machine
			AND NOT EXISTS (SELECT FROM sessions s WHERE s.compute = machine AND s.compute <> '' AND (s.state < 4 OR s.ended >= $1))`, before, machines)
		return err
	})
	return count, err
}

// GetValue reads a value.
func (s *Store) GetValue(ctx context.Context, space, key string) ([]byte, bool, error) {
	list, err := read(ctx, s, "reading a value", itself[[]byte], "SELECT value FROM small WHERE space = $1 AND key = $2", space, key)
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
	_, err := s.exec(ctx, "writing a value", "INSERT INTO small VALUES ($1, $2, $3) ON CONFLICT (space, key) DO UPDATE SET value = excluded.value", space, key, value)
	return err
}

// DeleteValue forgets a value.
func (s *Store) DeleteValue(ctx context.Context, space, key string) error {
	_, err := s.exec(ctx, "forgetting a value", "DELETE FROM small WHERE space = $1 AND key = $2", space, key)
	return err
}
