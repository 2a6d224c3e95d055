package orchestrator

import (
	"context"
	"encoding/hex"
	"io"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/internal/safego"
)

// openLimit bounds the opening of the store, which may bring it up to date.
const openLimit = 15 * time.Minute

// attempt is one opening of the store, for all who wait for it.
type attempt struct {
	done chan struct{}
	err  error // set before done is closed
}

// Start opens the store, takes over what dead processes left, and begins to act.
// Once it has succeeded it does nothing. Those who call it at once share one attempt,
// and each waits for it as long as its own ctx lasts.
func (s *Service) Start(ctx context.Context) error {
	if s.running() {
		return nil
	}
	a, err := s.join()
	if a == nil {
		return err
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join returns the attempt that is under way, or begins one. Without one, err tells
// whether that is because the service runs.
func (s *Service) join() (*attempt, error) {
	s.starting.Lock()
	defer s.starting.Unlock()
	switch {
	case s.running():
		return nil, nil
	case s.closed:
		return nil, isClosed()
	case s.attempt == nil:
		a := &attempt{done: make(chan struct{})}
		s.attempt = a
		safego.Go(&s.work, nil, func() {
			defer close(a.done)
			defer s.tried()
			defer safego.Recover(func(e *spec.Error) { a.err = e })
			a.err = s.open()
		})
	}
	return s.attempt, nil
}

// tried lets the next call begin an attempt, where this one has failed.
func (s *Service) tried() {
	s.starting.Lock()
	defer s.starting.Unlock()
	s.attempt = nil
}

func isClosed() error { return &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"} }

// open opens the store and begins to act, unless the service was closed meanwhile.
func (s *Service) open() error {
	n, opened, log, err := s.openStore()
	s.starting.Lock()
	defer s.starting.Unlock()
	if err == nil && s.closed {
		if log != nil {
			_ = log.Close(true)
		}
		_ = opened.Close() // nothing was done with it
		err = isClosed()
	}
	if err != nil {
		return err
	}
	s.store, s.node, s.log = opened, n, log
	close(s.started)
	for _, loop := range s.loops() {
		s.background(loop)
	}
	return nil
}

// openStore opens the store and takes this process's lease.
func (s *Service) openStore() (*node, store.Store, store.TouchLog, error) {
	ctx, cancel := context.WithTimeout(s.until, openLimit)
	defer cancel()
	var raw [8]byte
	if _, err := io.ReadFull(s.Random, raw[:]); err != nil {
		return nil, nil, nil, &spec.Error{Kind: spec.KindInternal, Message: "the system gave no random bytes", Err: err}
	}
	opened, err := s.Open(ctx)
	if err != nil {
		return nil, nil, nil, spec.AsError(err)
	}
	n := newNode(opened, hex.EncodeToString(raw[:]), s.Settings.Lease)
	if _, err := n.renew(ctx); err != nil {
		_ = opened.Close()
		return nil, nil, nil, unknown(err)
	}
	logger, ok := opened.(store.TouchLogger)
	if !ok {
		return n, opened, nil, nil
	}
	log, err := logger.OpenTouchLog(n.holder)
	if err != nil {
		log = nil // touches are written to the store itself then
	}
	return n, opened, log, nil
}
