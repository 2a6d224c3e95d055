package orchestrator

import (
	"context"
	"time"
)

// What is old is forgotten in short steps with pauses between them: each holds up the
// writes of all sessions, for some 25 ms with SQLite and two million events, and four
// thousand events a second are twice what a hundred thousand sessions in use tell.
const (
	pruneFirst  = time.Minute // programs that run for minutes have a store too
	pruneEvery  = time.Hour
	pruneAtOnce = 500
	prunePause  = 100 * time.Millisecond
)

// passes tells of events that are told any number of times in the life of a session.
// They are kept for Settings.Retain, however long the session lives, and all others as
// long as the session: of those there is one of a kind.
func passes(name string) bool {
	switch name {
	case "heartbeat", "cost", "status", "terminate_failed", "adopted", "taken_over":
		return true
	}
	return false
}

// prune forgets sessions that ended long ago, and events that passed long ago.
func (s *Service) prune() {
	for wait := pruneFirst; s.pause(min(wait, s.Settings.Retain)); wait = pruneEvery {
		for s.pruneSome() && s.pause(prunePause) {
		}
	}
}

// pruneSome takes one step, and tells whether there is more to forget. Of several
// processes one does it: two would only take turns in the same work.
func (s *Service) pruneSome() (more bool) {
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	_, mine, err := s.store.Lease(ctx, "pruner", s.node.holder, max(3*s.Settings.Lease, 2*commitLimit).Milliseconds())
	if err != nil || !mine {
		return false
	}
	n, err := s.store.Prune(ctx, s.node.now()-s.Settings.Retain.Milliseconds(), pruneAtOnce)
	return err == nil && n >= pruneAtOnce // the next round tries again what failed
}
