package logs

import (
	"context"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// mostHeld is how many new lines wait for a reader that is still catching up.
const mostHeld = 20_000

// reader is one subscription. The streamer's lock guards it.
type reader struct {
	sub    *events.Subscription
	filter filter
	from   string
	leave  context.CancelFunc // ends its catching up; nil: it does none

	holding bool             // it is catching up: new lines wait
	held    []entry          // those
	place   place            // how far it had come then
	since   int64            // ns: where it began; 0: with new lines
	given   map[uint64]int32 // lines it got while catching up, not to be given again
	until   time.Time        // when given is forgotten

	taken uint64    // how many events had been read from it
	stuck time.Time // since when it has had no room and nothing was read
}

// entry is a line on its way out.
type entry struct {
	*Line
	key   uint64
	place int64 // ns: how far the streamer had come with it
	old   bool  // it was written before the streamer began, and came late
	data  spec.Raw
}

func encode(v any) spec.Raw {
	out, err := json.MarshalWithOption(v, json.DisableHTMLEscape())
	if err != nil {
		return spec.Raw(`{}`)
	}
	return out
}

// wants tells whether a line is one of those the reader asked for.
func (r *reader) wants(e *entry) bool {
	return r.filter.takes(e.Line) && !(e.old && (r.since == 0 || e.at < r.since))
}

// hold keeps fresh lines for a reader that is catching up. Those beyond mostHeld are
// dropped and counted.
func (r *reader) hold(list []entry) {
	lost := 0
	for i := range list {
		switch {
		case !r.wants(&list[i]):
		case len(r.held) < mostHeld:
			r.held = append(r.held, list[i])
		default:
			lost++
		}
	}
	if lost > 0 {
		r.sub.Lose(lost)
	}
}

// take chooses what of fresh lines the reader gets.
func (r *reader) take(list []entry) []spec.Raw {
	var out []spec.Raw
	for i := range list {
		e := &list[i]
		if !r.wants(e) {
			continue
		}
		if n := r.given[e.key]; n > 0 {
			r.given[e.key] = n - 1
			continue
		}
		if e.place > r.place.at {
			out = append(out, e.data)
			continue
		}
		own := *e.Line // the streamer has not come as far as the reader yet
		r.place.pass(&own)
		own.Cursor = r.place.cursor()
		out = append(out, encode(&own))
	}
	return out
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
	if r.leave != nil {
		r.leave()
	}
	return len(st.readers)
}

// spread hands fresh lines out. It waits for nobody.
func (st *streamer) spread(list []entry) {
	if len(list) == 0 {
		return
	}
	all, old := make([]spec.Raw, len(list)), false
	for i := range list {
		list[i].data = encode(list[i].Line)
		all[i], old = list[i].data, old || list[i].old
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for r := range st.readers {
		if r.holding {
			r.hold(list)
			continue
		}
		mine := all
		if old || r.filter != (filter{}) || len(r.given) > 0 || r.place.at >= list[0].place {
			mine = r.take(list)
		}
		r.sub.Offer(EventLine, mine)
	}
}

// tend looks after the readers: it forgets what they cannot be given again, and
// gives those up that nobody reads.
func (st *streamer) tend(now time.Time) {
	s := st.service
	var dead []*reader
	st.mu.Lock()
	for r := range st.readers {
		switch {
		case len(r.given) == 0:
		case st.place.at < r.place.at:
			r.until = now.Add(6 * s.Settings.Overlap)
		case !r.holding && now.After(r.until):
			r.given = nil
		}
		taken, full := r.sub.Progress()
		switch {
		case !full || taken != r.taken:
			r.taken, r.stuck = taken, time.Time{}
		case r.stuck.IsZero():
			r.stuck = now
		case now.Sub(r.stuck) >= s.Settings.Abandon:
			dead = append(dead, r)
		}
	}
	st.mu.Unlock()
	for _, r := range dead {
		r.sub.TellLast(EventError, last(&spec.Error{Kind: spec.KindTimeout, Provider: "fly", Message: "nothing was read from the subscription for " + s.Settings.Abandon.String()}))
		s.left(st, r)
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
			r.sub.TellLast(EventError, last)
		} else {
			r.sub.Finish()
		}
		if delete(st.readers, r); r.leave != nil {
			r.leave()
		}
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
