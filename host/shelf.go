package host

import (
	"context"
	"errors"
	"sync"
)

// engines are those of the built-in plugins that clients of this process use: the code
// of a plugin is megabytes and takes tens of milliseconds to read, and it is the same
// for all of them. Nothing of a client is in an engine: settings, limits and memory are
// of its module and its instances.
var engines = shelf{held: map[engineKey]*shelved{}}

// engineKey names an engine. Two that differ in anything that is compiled in, or in
// where the code is kept, are two.
type engineKey struct {
	sha     string
	checked bool
	memory  int64
	folder  string
}

// shelf shares engines. The last one that lets go of an engine closes it.
type shelf struct {
	mu   sync.Mutex
	held map[engineKey]*shelved
}

type shelved struct {
	ready  chan struct{} // closed when engine and err are set
	users  int           // guarded by the shelf's lock, as what follows
	engine *engine
	err    error
}

// take returns the engine of a key, and how it is let go of; make makes it where nobody
// has it. An attempt that failed is its maker's alone, whose client may have been closed.
func (s *shelf) take(ctx context.Context, key engineKey, make func() (*engine, error)) (*engine, func(), error) {
	for {
		one, mine := s.join(key)
		drop := func() { s.leave(key, one) }
		if mine {
			s.fill(one, make)
			if one.err != nil {
				drop()
			}
			return one.engine, drop, one.err
		}
		select {
		case <-one.ready:
			if one.err == nil {
				return one.engine, drop, nil
			}
			drop()
		case <-ctx.Done():
			drop()
			return nil, nil, ctx.Err()
		}
	}
}

// errUnmade is what those who wait find where the maker has panicked.
var errUnmade = errors.New("it was not made")

// fill makes the engine for all who wait for it.
func (s *shelf) fill(one *shelved, make func() (*engine, error)) {
	var e *engine
	err := errUnmade
	defer func() {
		s.mu.Lock()
		one.engine, one.err = e, err
		s.mu.Unlock()
		close(one.ready)
	}()
	if e, err = make(); err != nil {
		e = nil
	}
}

// join counts a user in. mine: it is the first, and makes the engine.
func (s *shelf) join(key engineKey) (one *shelved, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one = s.held[key]
	if mine = one == nil; mine {
		one = &shelved{ready: make(chan struct{})}
		s.held[key] = one
	}
	one.users++
	return one, mine
}

// leave counts a user out.
func (s *shelf) leave(key engineKey, one *shelved) {
	s.mu.Lock()
	one.users--
	last := one.users == 0
	if s.held[key] == one && (last || one.err != nil) {
		delete(s.held, key)
	}
	made := one.engine
	s.mu.Unlock()
	if last && made != nil {
		made.close()
	}
}
