package events

import (
	"context"
	"strconv"
	"sync"

	"github.com/exatlas/atlas/core/spec"
)

// A feed is a subscription that is alone on its topic: its source gives it events
// of its own instead of publishing to all, because every reader of the source sees
// another part of it, or is treated in another way where it is slow. Its events are
// numbered from 1, or by its source, and the bus keeps nothing of them.
// It has a lock of its own: a thousand readers of busy feeds that shared the bus's
// would take an event at a time each, in turn, and not keep up.

// Feed opens a feed. The source gives it events with Offer, Put and Tell and ends
// it with TellLast, or with Finish where nothing is left to say; onEnd runs once when
// the reader unsubscribes.
func (b *Bus) Feed(topicName string, ready func(*Subscription), onEnd func()) (*Subscription, *spec.Error) {
	return b.FeedFrom(topicName, nil, 0, ready, onEnd)
}

// FeedFrom opens a feed of a source that numbers its events itself, gives them with
// Hand and ends it with HandLast. kept are events that the feed starts with, and last is the number of
// the latest one there was.
func (b *Bus) FeedFrom(topicName string, kept []*Event, last uint64, ready func(*Subscription), onEnd func()) (*Subscription, *spec.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
	}
	b.nextID++
	t := &topic{name: topicName, last: last} // not among the bus's own
	s := &Subscription{ID: "sub-" + strconv.FormatUint(b.nextID, 10), Topic: topicName, Next: last + 1, bus: b, topic: t, mu: &sync.Mutex{}, ready: ready, onEnd: onEnd, done: make(chan struct{})}
	if len(kept) > 0 {
		s.Next = kept[0].Seq
		s.push(kept...)
	}
	t.subs = append(t.subs, s)
	b.subscriptions[s.ID] = s
	return s, nil
}

// Offer gives a feed log lines, all at one price. Those it has no room for are
// dropped and counted; the next event says how many. It returns how many were
// taken.
func (s *Subscription) Offer(name string, list []spec.Raw) int {
	s.mu.Lock()
	taken := 0
	if !s.over {
		if taken = s.room(list); taken > 0 {
			s.give(name, list[:taken], Log)
		}
		s.dropped += int64(len(list) - taken)
		s.topic.last += uint64(len(list) - taken)
	}
	tell := s.wants()
	s.mu.Unlock()
	if tell {
		s.ready(s)
	}
	return taken
}

// Lose counts lines that were dropped before they were offered.
func (s *Subscription) Lose(count int) {
	s.mu.Lock()
	s.dropped += int64(count)
	s.topic.last += uint64(count)
	s.mu.Unlock()
}

// Put gives a feed an event, and waits until it has room or ctx ends.
func (s *Subscription) Put(ctx context.Context, name string, data spec.Raw) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	s.give(name, []spec.Raw{data}, Data)
	tell := s.wants()
	s.mu.Unlock()
	if tell {
		s.ready(s)
	}
	return nil
}

// Hand gives a feed an event that its source has numbered, which may be the same
// one that its other readers get. What happens where the feed has no room is said
// by class, so that one reader of an event may make its source wait and another
// lose it. An event that ctx ends the waiting for counts as dropped.
func (s *Subscription) Hand(ctx context.Context, class Class, e *Event) error {
	var late error
	if class != Data {
		s.mu.Lock()
	} else if late = s.await(ctx); late != nil {
		s.mu.Lock()
	}
	if s.over {
		s.mu.Unlock()
		return context.Canceled
	}
	if s.topic.last = e.Seq; late != nil || class == Log && s.full() {
		s.dropped++
	} else {
		s.admit(e.Seq - 1)
		s.push(e)
	}
	tell := s.wants()
	s.mu.Unlock()
	if tell {
		s.ready(s)
	}
	return late
}

// HandLast gives a feed the last event of a source that numbers them, whether it has
// room or not, and ends it with that: whoever has the event finds the feed ended.
func (s *Subscription) HandLast(e *Event) {
	s.finish(func() {
		s.topic.last = e.Seq
		s.admit(e.Seq - 1)
		s.push(e)
	})
}

// await waits until the feed has room. Where it returns no error the caller holds
// the lock.
func (s *Subscription) await(ctx context.Context) error {
	for {
		s.mu.Lock()
		if s.over {
			s.mu.Unlock()
			return context.Canceled
		}
		if !s.full() {
			return nil
		}
		room := make(chan struct{})
		s.topic.waiters = append(s.topic.waiters, room)
		s.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Tell gives a feed an event whether it has room or not.
func (s *Subscription) Tell(name string, data spec.Raw) {
	s.mu.Lock()
	if !s.over {
		s.give(name, []spec.Raw{data}, Lifecycle)
	}
	tell := s.wants()
	s.mu.Unlock()
	if tell {
		s.ready(s)
	}
}

// TellLast gives a feed its last event, whether it has room or not, and ends it with
// that: whoever has the event finds the feed ended.
func (s *Subscription) TellLast(name string, data spec.Raw) {
	s.finish(func() { s.give(name, []spec.Raw{data}, Lifecycle) })
}

// give appends events of one moment, after word of those that were dropped.
func (s *Subscription) give(name string, list []spec.Raw, class Class) {
	now := s.bus.clock.Now()
	s.admit(s.topic.last)
	made := make([]Event, len(list))
	for i, data := range list {
		s.topic.last++
		made[i] = Event{Topic: s.Topic, Seq: s.topic.last, Time: now, Name: name, Data: data, Class: class}
		s.push(&made[i])
	}
}

// room is how many of some log lines fit in.
func (s *Subscription) room(list []spec.Raw) int {
	most := s.bus.settings
	taken, size := 0, s.size
	for taken < len(list) && len(s.pending)+taken < most.Pending && size < most.PendingBytes {
		size += (&Event{Data: list[taken]}).size()
		taken++
	}
	return taken
}

// wants reports whether the reader is to be told now, and notes that it is.
func (s *Subscription) wants() bool {
	if !s.started || s.told || len(s.pending) == 0 {
		return false
	}
	s.told = true
	return true
}
