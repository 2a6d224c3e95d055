package events

import (
	"strconv"
	"sync"

	"github.com/exatlas/atlas/core/spec"
)

// Subscription is one reader of a topic.
type Subscription struct {
	ID    string
	Topic string
	Next  uint64 // sequence number of the first event it gets

	bus   *Bus
	topic *topic
	ready func(*Subscription)
	onEnd func()

	mu      *sync.Mutex // the bus's, or a feed's own, which is taken inside it
	pending []*Event
	size    int // of these
	dropped int64
	taken   uint64
	started bool // the reader may be told
	told    bool // it was told, and has not taken everything yet
	over    bool
	cut     bool          // by the bus, which closed; set before done is closed
	done    chan struct{} // closed when over
}

// Subscribe starts a subscription. from 0 means new events alone; otherwise the
// first event is the one with that number, or the oldest one kept where that is
// later, as Next says. ready is called, outside any lock, when a reader that had
// taken everything can take again, but not before Start. onEnd runs once when
// the reader unsubscribes; it may be nil.
func (b *Bus) Subscribe(topicName string, from uint64, ready func(*Subscription), onEnd func()) (*Subscription, *spec.Error) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil, &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
	}
	t := b.topic(topicName)
	if t.idleAt != nil {
		b.rouse(t)
	}
	b.nextID++
	s := &Subscription{ID: "sub-" + strconv.FormatUint(b.nextID, 10), Topic: topicName, Next: t.last + 1, bus: b, topic: t, mu: &b.mu, ready: ready, onEnd: onEnd, done: make(chan struct{})}
	if from > 0 {
		for i := range t.kept {
			if e := t.kept[(t.start+i)%len(t.kept)]; e != nil && e.Seq >= from {
				s.push(e)
			}
		}
		if len(s.pending) > 0 {
			s.Next = s.pending[0].Seq
		}
	}
	t.subs = append(t.subs, s)
	b.subscriptions[s.ID] = s
	b.mu.Unlock()
	return s, nil
}

// Start lets the reader be told of events, those already there included. It is
// called once the reader knows the subscription's ID.
func (s *Subscription) Start() {
	s.mu.Lock()
	s.started = true
	tell := len(s.pending) > 0 && !s.told
	s.told = s.told || tell
	s.mu.Unlock()
	if tell {
		s.ready(s)
	}
}

// Take returns the next event, encoded, or nil.
func (s *Subscription) Take() (item []byte, more bool) {
	e, more := s.TakeEvent()
	if e == nil {
		return nil, false
	}
	return e.Append(make([]byte, 0, 128+len(e.Topic)+len(e.Data)), s.ID), more
}

// TakeEvent returns the next event, or nil.
func (s *Subscription) TakeEvent() (event *Event, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		s.told = false
		return nil, false
	}
	e := s.pending[0]
	s.pending[0] = nil
	s.size -= e.size()
	s.taken++
	if s.pending = s.pending[1:]; len(s.pending) == 0 {
		s.pending = nil
		s.admit(s.topic.last)
		s.told = len(s.pending) > 0
	}
	s.topic.wake()
	return e, len(s.pending) > 0
}

// admit appends word of the events that were dropped, up to the one numbered seq.
func (s *Subscription) admit(seq uint64) {
	if s.dropped == 0 {
		return
	}
	text := `{"count":` + strconv.FormatInt(s.dropped, 10) + `}`
	s.push(&Event{Topic: s.Topic, Seq: seq, Time: s.bus.clock.Now(), Name: "dropped", Data: spec.Raw(text)})
	s.dropped = 0
}

// push adds events to those that wait.
func (s *Subscription) push(list ...*Event) {
	s.pending = append(s.pending, list...)
	for _, e := range list {
		s.size += e.size()
	}
}

// full reports whether as many events wait as may, or as large ones.
func (s *Subscription) full() bool {
	return len(s.pending) >= s.bus.settings.Pending || s.size >= s.bus.settings.PendingBytes
}

// Progress tells how many events the reader has taken, and whether those that wait
// for it are as many, or as large, as may.
func (s *Subscription) Progress() (taken uint64, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken, s.full()
}

// Done is closed when the subscription is over: it gets nothing more, and what it
// holds can still be taken.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Cut reports, once Done is closed, whether the bus closed before the subscription's
// own end.
func (s *Subscription) Cut() bool { return s.cut }

// Unsubscribe ends a subscription; events it has not handed out are dropped. It
// reports whether there was one.
func (b *Bus) Unsubscribe(id string) bool {
	b.mu.Lock()
	s := b.subscriptions[id]
	if s == nil {
		b.mu.Unlock()
		return false
	}
	b.detach(s, true)
	b.mu.Unlock()
	if s.onEnd != nil {
		s.onEnd()
	}
	return true
}

// Finish ends a subscription that gets nothing more, keeping what it has not
// handed out yet.
func (s *Subscription) Finish() { s.finish(func() {}) }

// finish ends a subscription with what last adds to it, in one moment.
func (s *Subscription) finish(last func()) {
	s.bus.mu.Lock()
	unlock := s.bus.inside(s)
	if !s.over {
		last()
	}
	tell := s.wants()
	s.bus.end(s)
	unlock()
	s.bus.mu.Unlock()
	if tell {
		s.ready(s)
	}
}

// inside takes the lock of a feed, where the subscription is one, and returns what
// gives it back. The caller holds the bus's lock.
func (b *Bus) inside(s *Subscription) (unlock func()) {
	if s.mu == &b.mu {
		return func() {}
	}
	s.mu.Lock()
	return s.mu.Unlock
}

// detach takes a subscription off its topic, without the events it has not handed
// out where they are to be dropped. The caller holds the bus's lock.
func (b *Bus) detach(s *Subscription, drop bool) {
	defer b.inside(s)()
	if drop {
		s.pending, s.size = nil, 0
	}
	b.end(s)
}

// end ends a subscription. The caller holds the bus's lock and the subscription's.
func (b *Bus) end(s *Subscription) {
	if s.over {
		return
	}
	s.over = true
	close(s.done)
	delete(b.subscriptions, s.ID)
	t := s.topic
	for i, other := range t.subs {
		if other == s {
			t.subs = append(t.subs[:i], t.subs[i+1:]...)
			break
		}
	}
	if len(t.subs) == 0 && t.idleAt == nil && b.topics[t.name] == t {
		b.rest(t)
	}
	t.wake()
}
