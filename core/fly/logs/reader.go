package logs

import (
	"strconv"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// mostHeld is how many new lines wait for a reader that is still catching up.
const mostHeld = 20_000

// reader is one subscription. The streamer's lock guards it.
type reader struct {
	sub     *events.Subscription
	filter  filter
	from    string
	holding bool             // it is catching up: new lines wait
	held    []entry          // those
	given   map[uint64]int32 // lines it got while catching up, not to be given again
	until   time.Time        // when given is forgotten
	stuck   time.Time        // since when it has had no room at all
}

// entry is a line on its way out.
type entry struct {
	*Line
	key  uint64
	data spec.Raw
}

func encode(v any) spec.Raw {
	out, err := json.MarshalWithOption(v, json.DisableHTMLEscape())
	if err != nil {
		return spec.Raw(`{}`)
	}
	return out
}

// take chooses what of fresh lines the reader gets.
func (r *reader) take(list []entry) []spec.Raw {
	var out []spec.Raw
	for i := range list {
		if !r.filter.takes(list[i].Line) {
			continue
		}
		if n := r.given[list[i].key]; n > 0 {
			r.given[list[i].key] = n - 1
			continue
		}
		out = append(out, list[i].data)
	}
	return out
}

// catchUp brings a reader from where it wants to begin to where the streamer is.
func (st *streamer) catchUp(r *reader) {
	select {
	case <-st.placed:
	case <-st.ctx.Done():
		return
	}
	st.mu.Lock()
	goal := st.position
	st.mu.Unlock()
	numbers, given, cursor := newTally(), newLedger(), r.from
	for failures := 0; ; {
		got, err := st.service.ask(st.ctx, st.app, cursor, r.filter)
		if err != nil {
			failures++
			switch {
			case st.ctx.Err() != nil:
				return
			case final(err):
				r.sub.Tell(EventError, last(err))
				r.sub.Finish()
				st.service.left(st, r)
				return
			case !st.pause(st.after(failures, err)):
				return
			}
			continue
		}
		failures = 0
		var list []spec.Raw
		numbers.number(st.service.seed, got.lines, func(l *Line, key uint64, n int32) {
			if n > given.get(key) && r.filter.takes(l) {
				given.set(key, n)
				list = append(list, encode(l))
			}
		})
		now := st.service.Clock.Now()
		given.turn(now, time.Hour)
		numbers.counts.turn(now, time.Hour)
		for _, data := range list {
			if r.sub.Put(st.ctx, EventLine, data) != nil {
				return
			}
		}
		if len(got.lines) < pageSize || got.next == "" || got.next == cursor || reached(got.next, goal) {
			break
		}
		cursor = got.next
	}
	st.mu.Lock()
	r.given = map[uint64]int32{}
	for key, n := range given.before {
		r.given[key] = n
	}
	for key, n := range given.now {
		r.given[key] = n
	}
	r.until = st.service.Clock.Now().Add(6 * st.service.Settings.Overlap)
	for len(r.held) > 0 {
		list := r.take(r.held)
		r.held = nil
		st.mu.Unlock()
		for _, data := range list {
			if r.sub.Put(st.ctx, EventLine, data) != nil {
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

// join adds a reader.
func (st *streamer) join(r *reader, behind bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	r.holding = behind
	st.readers[r] = struct{}{}
}

// leave takes a reader away and returns how many are left.
func (st *streamer) leave(r *reader) int {
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.readers, r)
	return len(st.readers)
}

// spread hands fresh lines out. It waits for nobody.
func (st *streamer) spread(list []entry) {
	if len(list) == 0 {
		return
	}
	all := make([]spec.Raw, len(list))
	for i := range list {
		list[i].data = encode(list[i].Line)
		all[i] = list[i].data
	}
	now := st.service.Clock.Now()
	var dead []*reader
	st.mu.Lock()
	for r := range st.readers {
		if r.holding {
			room := max(0, mostHeld-len(r.held))
			r.held = append(r.held, list[:min(room, len(list))]...)
			if lost := len(list) - room; lost > 0 {
				r.sub.Lose(lost)
			}
			continue
		}
		if len(r.given) > 0 && now.After(r.until) {
			r.given = nil
		}
		mine := all
		if r.filter != (filter{}) || len(r.given) > 0 {
			mine = r.take(list)
		}
		switch taken := r.sub.Offer(EventLine, mine); {
		case taken > 0 || len(mine) == 0:
			r.stuck = time.Time{}
		case r.stuck.IsZero():
			r.stuck = now
		case now.Sub(r.stuck) >= st.service.Settings.Abandon:
			dead = append(dead, r)
		}
	}
	st.mu.Unlock()
	for _, r := range dead {
		r.sub.Tell(EventError, last(&spec.Error{Kind: spec.KindTimeout, Provider: "fly", Message: "nothing was read from the subscription for " + st.service.Settings.Abandon.String()}))
		r.sub.Finish()
		st.service.left(st, r)
	}
}

// tell gives every reader an event.
func (st *streamer) tell(name string, data spec.Raw) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for r := range st.readers {
		r.sub.Tell(name, data)
	}
}

// finish ends every subscription, after a last word where there is one.
func (st *streamer) finish(last spec.Raw) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for r := range st.readers {
		if last != nil {
			r.sub.Tell(EventError, last)
		}
		r.sub.Finish()
		delete(st.readers, r)
	}
}

// last is the data of an error that ends a stream.
func last(e *spec.Error) spec.Raw {
	return encode(struct {
		Final bool        `json:"final"`
		Error *spec.Error `json:"error"`
	}{true, e})
}

// pause waits, and tells whether the stream goes on.
func (st *streamer) pause(d time.Duration) bool {
	return st.service.Clock.Wait(st.ctx, d) == nil
}
