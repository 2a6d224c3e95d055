package deploy

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// TopicPrefix stands before the ticket in the name of a deploy's topic.
const TopicPrefix = "fly.deploy:"

// What is kept of deploys for those who come later.
const (
	keptEvents = 1000      // the latest of each
	keptBytes  = 1 << 20   // of their data, the last one aside
	keptFor    = time.Hour // after its end
	keptEnded  = 32        // deploys that have ended
)

// board is where deploys are followed, each by its ticket.
type board struct {
	clock clock.Clock
	bus   *events.Bus

	mu      sync.Mutex
	tickets map[string]*ticket
	past    []*ticket // those that have ended, the oldest first
	next    int64     // number of the next deploy whose starter gave no ticket
	floor   uint64    // highest event number of any ticket that was let go
}

// ticket is what is known of one: somebody waits for its deploy, it runs, or it
// has ended and is kept. The board's lock guards it.
type ticket struct {
	name    string
	topic   string
	starter *events.Subscription // makes the deploy wait; nil: it has none
	readers map[*events.Subscription]struct{}
	running bool
	ended   time.Time // zero: it has not, or nothing of it is kept

	last  uint64 // number of the latest event; it only grows, over all deploys of a ticket
	kept  []*events.Event
	bytes int
}

// claim takes a ticket for a deploy; without a name it is the next number that is
// free. Whoever waits for it follows from the first event.
func (b *board) claim(name string) (*ticket, *spec.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget()
	for name == "" {
		b.next++
		if text := strconv.FormatInt(b.next, 10); b.tickets[text] == nil {
			name = text
		}
	}
	t := b.ticket(name)
	if t.running {
		return nil, &spec.Error{Kind: spec.KindConflict, Message: "params.ticket: a deploy with the ticket " + name + " is running",
			Hint: "follow it with events.subscribe on the topic " + t.topic + ", or give another ticket"}
	}
	b.revive(t)
	t.running = true
	return t, nil
}

// release gives a ticket back whose deploy has not begun.
func (b *board) release(t *ticket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.running = false
	b.drop(t)
}

// ticket returns a ticket, making it. The caller holds the lock.
func (b *board) ticket(name string) *ticket {
	t := b.tickets[name]
	if t == nil {
		t = &ticket{name: name, topic: TopicPrefix + name, readers: map[*events.Subscription]struct{}{}, last: b.floor}
		b.tickets[name] = t
	}
	return t
}

// start opens the feed of the one who started the deploy. onEnd runs when it is
// ended by its reader.
func (b *board) start(t *ticket, ready func(*events.Subscription), onEnd func()) (*events.Subscription, *spec.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err *spec.Error
	t.starter, err = b.bus.FeedFrom(t.topic, nil, t.last, ready, onEnd)
	return t.starter, err
}

// follow opens a feed of anybody else. Before the deploy starts it waits for that;
// while it runs it begins with what is kept; after the end it gets what is kept of
// it from that number on, and without a number the last event, and is over.
func (b *board) follow(name string, from uint64, ready func(*events.Subscription)) (*events.Subscription, *spec.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget()
	t := b.ticket(name)
	over := !t.ended.IsZero()
	if over && from == 0 {
		from = t.last
	}
	var kept []*events.Event
	for _, e := range t.kept {
		if from > 0 && e.Seq >= from {
			kept = append(kept, e)
		}
	}
	var sub *events.Subscription
	sub, err := b.bus.FeedFrom(t.topic, kept, t.last, ready, func() { b.leave(t, sub) })
	switch {
	case err != nil:
		b.drop(t)
		return nil, err
	case over && len(kept) > 0:
		sub.Finish()
	default:
		t.readers[sub] = struct{}{}
	}
	return sub, nil
}

// leave takes a reader away, and with the last one a ticket that nothing is known
// of.
func (b *board) leave(t *ticket, sub *events.Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(t.readers, sub)
	b.drop(t)
}

// drop lets a ticket go that nobody waits for and nothing is kept of. The caller
// holds the lock.
func (b *board) drop(t *ticket) {
	if len(t.readers) == 0 && !t.running && t.ended.IsZero() && b.tickets[t.name] == t {
		b.floor = max(b.floor, t.last)
		delete(b.tickets, t.name)
	}
}

// forget lets deploys go that ended too long ago, and the oldest where too many
// have ended. The caller holds the lock.
func (b *board) forget() {
	for len(b.past) > 0 && (len(b.past) > keptEnded || b.clock.Now().Sub(b.past[0].ended) >= keptFor) {
		oldest := b.past[0]
		b.revive(oldest) // who waits for its next deploy goes on waiting
		b.drop(oldest)
	}
}

// revive lets go what is kept of a deploy that has ended. The caller holds the lock.
func (b *board) revive(t *ticket) {
	b.past = slices.DeleteFunc(b.past, func(other *ticket) bool { return other == t })
	t.ended, t.kept, t.bytes = time.Time{}, nil, 0
}

// tell gives an event to all who follow a deploy. A line waits until the one who
// started it has room, and drops for others who have none: a reader who joins must
// not hold a deploy up.
func (b *board) tell(ctx context.Context, t *ticket, class events.Class, name string, data spec.Raw) {
	e, starter := func() (*events.Event, *events.Subscription) {
		b.mu.Lock()
		defer b.mu.Unlock()
		e := b.keep(t, class, name, data)
		theirs := class
		if theirs == events.Data {
			theirs = events.Log
		}
		for reader := range t.readers {
			_ = reader.Hand(context.Background(), theirs, e) // it waits for nobody
		}
		return e, t.starter
	}()
	if starter != nil {
		_ = starter.Hand(ctx, class, e) // one who has left cancels the deploy by that
	}
}

// keep numbers an event and keeps it. The caller holds the lock.
func (b *board) keep(t *ticket, class events.Class, name string, data spec.Raw) *events.Event {
	t.last++
	e := &events.Event{Topic: t.topic, Seq: t.last, Time: b.clock.Now(), Name: name, Data: data, Class: class}
	t.kept, t.bytes = append(t.kept, e), t.bytes+len(data)
	for len(t.kept) > 1 && (len(t.kept) > keptEvents || t.bytes > keptBytes) {
		t.bytes -= len(t.kept[0].Data)
		t.kept[0] = nil
		t.kept = t.kept[1:]
	}
	return e
}

// end tells the last event and ends every feed with it.
func (b *board) end(t *ticket, name string, data spec.Raw) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.keep(t, events.Lifecycle, name, data)
	if t.starter != nil {
		t.starter.HandLast(e)
	}
	for reader := range t.readers {
		reader.HandLast(e)
	}
	clear(t.readers)
	t.starter, t.running, t.ended = nil, false, b.clock.Now()
	b.past = append(b.past, t)
	b.forget()
}
