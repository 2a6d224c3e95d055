package logs

import (
	"context"
	"maps"
	"strconv"
	"time"
)

// catchUp brings a reader from where it wants to begin to where the streamer is.
// within ends when the reader leaves.
func (st *streamer) catchUp(within context.Context, r *reader) {
	select {
	case <-st.placed:
	case <-within.Done():
		return
	}
	st.mu.Lock()
	goal := st.position
	st.mu.Unlock()
	start, cursor, _ := resume(r.from) // it was looked at when the reader came
	numbers, given, now := newTally(), newLedger(st.service.counted), start
	since := start.at // 0: the first line tells
	if since > 0 && start.marks == "" {
		since++ // Fly's own cursors count the moment they name out
	}
	for failures := 0; ; {
		got, err := st.service.ask(within, st.app, cursor, r.filter)
		if err != nil {
			failures++
			switch {
			case within.Err() != nil:
				return
			case final(err):
				r.sub.TellLast(EventError, last(err))
				st.service.left(st, r)
				return
			case st.service.Clock.Wait(within, st.after(failures, err)) != nil:
				return
			}
			continue
		}
		failures = 0
		var list []*Line
		numbers.number(st.service.seed, got.lines, func(l *Line, key uint64, n int32) {
			if n <= given.get(key) {
				return
			}
			given.set(key, n)
			if !start.had(l, n) && r.filter.takes(l) {
				list = append(list, l)
			}
		})
		at := st.service.Clock.Now()
		given.turn(at, time.Hour, 0)
		for _, l := range list {
			if since == 0 {
				since = l.at
			}
			now.pass(l)
			l.Cursor = now.cursor()
			if r.sub.Put(within, EventLine, encode(l)) != nil {
				return
			}
		}
		next := got.onward()
		if len(got.lines) < pageSize || next == "" || next == cursor || next == got.next && reached(next, goal) {
			break
		}
		cursor = next
	}
	st.handOver(within, r, now, since, given)
}

// handOver gives a reader who has caught up what the streamer held back for it
// meanwhile, and lets it read along from there. Lines may come while those are put
// into its queue, so that is done until there are none.
func (st *streamer) handOver(within context.Context, r *reader, now place, since int64, given *ledger) {
	st.mu.Lock()
	r.place, r.since, r.given = now, since, given.before
	if r.given == nil {
		r.given = map[uint64]int32{}
	}
	maps.Copy(r.given, given.now)
	r.until = st.service.Clock.Now().Add(6 * st.service.Settings.Overlap)
	for len(r.held) > 0 {
		list := r.take(r.held)
		r.held = nil
		st.mu.Unlock()
		for _, data := range list {
			if r.sub.Put(within, EventLine, data) != nil {
				return
			}
		}
		st.mu.Lock()
	}
	r.holding = false
	st.mu.Unlock()
}

// reached compares cursors, which are times in nanoseconds.
func reached(cursor, goal string) bool {
	a, err1 := strconv.ParseInt(cursor, 10, 64)
	b, err2 := strconv.ParseInt(goal, 10, 64)
	if err1 != nil || err2 != nil {
		return cursor == goal
	}
	return a >= b
}
