package logs

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// The pace of failures.
const (
	retryFirst = 500 * time.Millisecond
	// stalledAfter is how many failures in a row readers hear of; of one after which
	// Fly asks for a longer pause than any of these, they hear at once.
	stalledAfter = 5
	// betweenPages lets readers take a full page before the next comes: a streamer
	// that was held up reads many, and faster than a busy machine runs its readers.
	betweenPages = 10 * time.Millisecond
)

// streamer reads one app for all its readers.
type streamer struct {
	service *Service
	app     string
	ctx     context.Context
	stop    context.CancelFunc
	placed  chan struct{} // closed when it knows where new lines begin

	// What follows is run's own.
	forward *tally
	given   *ledger
	place   place     // how far it has come; written under the lock
	base    int64     // ns: what arrives late from before it is not new
	newest  int64     // ns: of the latest line
	swept   time.Time // when the last seconds were read again
	upTo    int64     // ns: the latest line there was then
	heard   time.Time // when a line came
	idle    time.Duration

	mu       sync.Mutex
	position string // cursor
	readers  map[*reader]struct{}
}

func newStreamer(s *Service, app string) *streamer {
	st := &streamer{service: s, app: app, placed: make(chan struct{}), forward: newTally(), given: newLedger(s.counted), readers: map[*reader]struct{}{}}
	st.ctx, st.stop = context.WithCancel(s.until)
	return st
}

// run reads until the last reader leaves or Fly says that there is nothing to
// read.
func (st *streamer) run() {
	s := st.service
	failures, stalled := 0, false
	for st.ctx.Err() == nil {
		wait, err := st.step()
		st.tend(s.Clock.Now())
		switch {
		case err == nil:
			if stalled {
				st.tell(EventResumed, spec.Raw(`{}`))
			}
			failures, stalled = 0, false
		case st.ctx.Err() != nil:
		case final(err):
			st.fail(err)
			return
		default:
			failures++
			if !stalled && (failures >= stalledAfter || asksFor(err) > s.Settings.Retry) {
				stalled = true
				st.tell(EventStalled, encode(map[string]*spec.Error{"error": err}))
			}
			wait = st.after(failures, err)
		}
		if wait > 0 && !st.pause(wait) {
			break
		}
	}
	s.over(st, last(&spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"})) // nobody hears it where all have left
}

// fail ends the stream with an error.
func (st *streamer) fail(e *spec.Error) { st.service.over(st, last(e)) }

// final reports whether an error is there to stay.
func final(e *spec.Error) bool {
	switch e.Kind {
	case spec.KindUnauthorized, spec.KindForbidden, spec.KindNotFound, spec.KindValidation, spec.KindConflict:
		return true
	}
	return false
}

// after is the pause after failures in a row.
func (st *streamer) after(failures int, e *spec.Error) time.Duration {
	d := min(retryFirst<<min(failures-1, 16), st.service.Settings.Retry)
	return max(st.spreadOut(d), asksFor(e))
}

// asksFor is the pause that Fly asks for; 0 where it does not say.
func asksFor(e *spec.Error) time.Duration { return time.Duration(e.RetryAfterMS) * time.Millisecond }

// spreadOut keeps streamers from asking in step: d, less or more by a fifth.
func (st *streamer) spreadOut(d time.Duration) time.Duration {
	return d*4/5 + time.Duration(st.service.Jitter()*float64(d)*2/5)
}

// step reads one page, and the last seconds again where that is due. It returns
// how long to wait before the next.
func (st *streamer) step() (time.Duration, *spec.Error) {
	s := st.service
	st.mu.Lock()
	cursor := st.position
	st.mu.Unlock()
	got, err := s.ask(st.ctx, st.app, cursor, filter{})
	if err != nil {
		return 0, err
	}
	now := s.Clock.Now()
	st.turn(now)
	first := !st.isPlaced()
	fresh := st.fresh(st.forward, got.lines, true)
	if first {
		st.base, st.upTo, st.swept, st.heard = st.newest, st.newest, now, now
		fresh = nil // those were there before anybody asked
	}
	if next := got.onward(); next != "" && (cursor == "" || !reached(cursor, next)) {
		cursor = next
	} else if len(got.lines) > 0 && st.newest > 0 && got.next == "" {
		cursor = strconv.FormatInt(st.newest, 10)
	}
	st.mu.Lock()
	st.position = cursor
	st.mu.Unlock()
	if first {
		close(st.placed)
	}
	st.spread(fresh)
	if len(fresh) > 0 {
		st.heard, st.idle = now, 0
	}
	if now.Sub(st.swept) >= s.Settings.Overlap && now.Sub(st.heard) < 3*s.Settings.Overlap {
		if err := st.sweep(); err != nil {
			return 0, err
		}
		st.swept = now
	}
	switch {
	case len(got.lines) >= pageSize && len(fresh) > 0:
		return betweenPages, nil
	case len(fresh) > 0:
		return st.spreadOut(s.Settings.Busy), nil
	}
	st.idle = min(max(2*st.idle, s.Settings.Busy), s.Settings.Idle)
	return st.spreadOut(st.idle), nil
}

func (st *streamer) isPlaced() bool {
	select {
	case <-st.placed:
		return true
	default:
		return false
	}
}

// sweep reads the last seconds again and hands out what arrived late.
func (st *streamer) sweep() *spec.Error {
	if st.newest == 0 {
		return nil
	}
	// What was late at the last sweep may have come since. Further back than five
	// times that, or than the ledger reaches, nothing is known of what was handed out.
	overlap, newest := st.service.Settings.Overlap.Nanoseconds(), st.newest
	from := max(st.upTo-overlap, newest-5*overlap, st.given.beforeFrom)
	numbers := newTally()
	for cursor := strconv.FormatInt(from, 10); ; {
		got, err := st.service.ask(st.ctx, st.app, cursor, filter{})
		if err != nil {
			return err
		}
		st.mu.Lock()
		goal := st.position
		st.mu.Unlock()
		fresh := st.fresh(numbers, got.lines, false)
		st.spread(fresh)
		if slices.ContainsFunc(fresh, func(e entry) bool { return !e.old }) {
			st.heard = st.service.Clock.Now()
		}
		next := got.onward()
		if len(got.lines) < pageSize || next == "" || next == cursor || next == got.next && reached(next, goal) {
			st.upTo = newest
			return nil
		}
		cursor = next
	}
}

// fresh chooses the lines that were not handed out yet. Behind the cursor all are
// new, whatever their machines' clocks say; what turns up before it is old where it
// was written before the streamer began.
func (st *streamer) fresh(numbers *tally, lines []Line, ahead bool) []entry {
	var out []entry
	st.mu.Lock()
	defer st.mu.Unlock()
	numbers.number(st.service.seed, lines, func(l *Line, key uint64, n int32) {
		st.newest = max(st.newest, l.at)
		if n <= st.given.get(key) {
			return
		}
		st.given.set(key, n)
		st.place.pass(l)
		l.Cursor = st.place.cursor()
		out = append(out, entry{Line: l, key: key, place: st.place.at, old: !ahead && l.at != 0 && l.at < st.base})
	})
	return out
}

// turn lets go of what no reading can meet again.
func (st *streamer) turn(now time.Time) {
	window := 6 * st.service.Settings.Overlap
	st.given.turn(now, window, st.newest)
}
