package memory

import (
	"context"
	"slices"

	"github.com/exatlas/atlas/core/store"
)

func (c *contents) append(name string, list []store.Event) uint64 {
	t := c.topics[name]
	if t == nil {
		if len(list) == 0 {
			return 0
		}
		t = &topic{}
		c.topics[name] = t
	}
	for _, e := range list {
		t.last++
		e.Seq, e.Data = t.last, slices.Clone(e.Data)
		t.events = append(t.events, e)
	}
	return t.last
}

// Events reads a topic.
func (s *Store) Events(ctx context.Context, name string, from uint64, limit int) ([]store.Event, uint64, error) {
	if err := s.begin(ctx, "reading events"); err != nil {
		return nil, 0, err
	}
	defer s.end()
	t := s.topics[name]
	if t == nil {
		return nil, 0, nil
	}
	var out []store.Event
	for _, e := range t.events {
		if e.Seq >= from && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, t.last, nil
}

// Append adds events.
func (s *Store) Append(ctx context.Context, name string, list []store.Event) (uint64, error) {
	if err := s.begin(ctx, "writing events"); err != nil {
		return 0, err
	}
	defer s.end()
	passing := slices.Clone(list)
	for i := range passing {
		passing[i].Passing = true
	}
	return s.append(name, passing), nil
}

// Prune forgets some of what is old. Topics keep their last number.
func (s *Store) Prune(ctx context.Context, before int64, limit int) (int, error) {
	if err := s.begin(ctx, "pruning"); err != nil {
		return 0, err
	}
	defer s.end()
	count := 0
	for _, t := range s.topics {
		t.events = slices.DeleteFunc(t.events, func(e store.Event) bool {
			old := count < limit && e.Passing && e.Time < before
			if old {
				count++
			}
			return old
		})
	}
	for id, row := range s.sessions {
		if count < limit && row.State == store.Ended && row.Ended < before {
			delete(s.sessions, id)
			s.unname(row.ComputeID, id, before)
			count++
		}
	}
	return count, nil
}

// unname takes a forgotten session from its machine's, and the machine's events where
// it was the last one of those that are kept.
func (c *contents) unname(machine, id string, before int64) {
	left := slices.DeleteFunc(c.machines[machine], func(of string) bool { return of == id })
	if c.machines[machine] = left; len(left) == 0 {
		delete(c.machines, machine)
	}
	t := c.topics["compute:"+machine]
	kept := slices.ContainsFunc(left, func(of string) bool {
		return c.sessions[of].State != store.Ended || c.sessions[of].Ended >= before
	})
	if t != nil && machine != "" && !kept {
		t.events = nil
	}
}

// GetValue reads a value.
func (s *Store) GetValue(ctx context.Context, space, key string) ([]byte, bool, error) {
	if err := s.begin(ctx, "reading a value"); err != nil {
		return nil, false, err
	}
	defer s.end()
	value, found := s.values[space+"\x00"+key]
	return slices.Clone(value), found, nil
}

// PutValue writes a value.
func (s *Store) PutValue(ctx context.Context, space, key string, value []byte) error {
	if err := s.begin(ctx, "writing a value"); err != nil {
		return err
	}
	defer s.end()
	s.values[space+"\x00"+key] = slices.Clone(value)
	return nil
}

// DeleteValue forgets a value.
func (s *Store) DeleteValue(ctx context.Context, space, key string) error {
	if err := s.begin(ctx, "forgetting a value"); err != nil {
		return err
	}
	defer s.end()
	delete(s.values, space+"\x00"+key)
	return nil
}
