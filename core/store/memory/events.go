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
	return s.append(name, list), nil
}

// Prune forgets what is old. Topics keep their last number.
func (s *Store) Prune(ctx context.Context, before int64) (int, error) {
	if err := s.begin(ctx, "pruning"); err != nil {
		return 0, err
	}
	defer s.end()
	count := 0
	kept := map[string]bool{} // topics of sessions that stay
	for _, row := range s.sessions {
		if row.State != store.Ended || row.Ended >= before {
			kept["compute:"+row.ComputeID] = true
		}
	}
	for id, row := range s.sessions {
		if row.State == store.Ended && row.Ended < before {
			delete(s.sessions, id)
			if s.machines[row.ComputeID] = slices.DeleteFunc(s.machines[row.ComputeID], func(of string) bool { return of == id }); len(s.machines[row.ComputeID]) == 0 {
				delete(s.machines, row.ComputeID)
			}
			count++
		}
	}
	for name, t := range s.topics {
		if !kept[name] {
			t.events = slices.DeleteFunc(t.events, func(e store.Event) bool { return e.Time < before })
		}
	}
	return count, nil
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
