package events

import (
	"context"
	"strconv"

	"github.com/exatlas/atlas/core/spec"
)

// A feed is a subscription that is alone on its topic: its source gives it events
// of its own instead of publishing to all, because every reader of the source sees
// another part of it. Its events are numbered from 1 and nothing of them is kept.

// Feed opens a feed. The source gives it events with Offer, Put and Tell and ends
// it with Finish; onEnd runs once when the reader unsubscribes.
func (b *Bus) Feed(topicName string, ready func(*Subscription), onEnd func()) (*Subscription, *spec.Error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
	}
	b.nextID++
	t := &topic{name: topicName} // not among the bus's own
	s := &Subscription{ID: "sub-" + strconv.FormatUint(b.nextID, 10), Topic: topicName, Next: 1, bus: b, topic: t, ready: ready, onEnd: onEnd, done: make(chan struct{})}
	t.subs = append(t.subs, s)
	b.subscriptions[s.ID] = s
	return s, nil
}

// Offer gives a feed log lines, all at one price. Those it has no room for are
// dropped and counted; the next event says how many. It returns how many were
// taken.
func (s *Subscription) Offer(name string, list []spec.Raw) int {
	b := s.bus
	b.mu.Lock()
	taken := 0
	if !s.over {
		taken = min(len(list), max(0, b.settings.Pending-len(s.pending)))
		if taken > 0 {
			s.give(name, list[:taken], Log)
		}
		s.dropped += int64(len(list) - taken)
		s.topic.last += uint64(len(list) - taken)
	}
	tell := s.wants()
	b.mu.Unlock()
	if tell {
		s.ready(s)
	}
	return taken
}

// Lose counts lines that were dropped before they were offered.
func (s *Subscription) Lose(count int) {
	s.bus.mu.Lock()
	s.dropped += int64(count)
	s.topic.last += uint64(count)
	s.bus.mu.Unlock()
}

// Put gives a feed an event, and waits until it has room or ctx ends.
func (s *Subscription) Put(ctx context.Context, name string, data spec.Raw) error {
	b := s.bus
	for {
		b.mu.Lock()
		if s.over {
			b.mu.Unlock()
			return context.Canceled
		}
		if len(s.pending) < b.settings.Pending {
			s.give(name, []spec.Raw{data}, Data)
			tell := s.wants()
			b.mu.Unlock()
			if tell {
				s.ready(s)
			}
			return nil
		}
		room := make(chan struct{})
		s.topic.waiters = append(s.topic.waiters, room)
		b.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Tell gives a feed an event whether it has room or not.
func (s *Subscription) Tell(name string, data spec.Raw) {
	s.bus.mu.Lock()
	if !s.over {
		s.give(name, []spec.Raw{data}, Lifecycle)
	}
	tell := s.wants()
	s.bus.mu.Unlock()
	if tell {
		s.ready(s)
	}
}

// give appends events of one moment, after word of those that were dropped.
func (s *Subscription) give(name string, list []spec.Raw, class Class) {
	now := s.bus.clock.Now()
	s.admit(s.topic.last)
	made := make([]Event, len(list))
	for i, data := range list {
		s.topic.last++
		made[i] = Event{Topic: s.Topic, Seq: s.topic.last, Time: now, Name: name, Data: data, Class: class}
		s.pending = append(s.pending, &made[i])
	}
}

// wants reports whether the reader is to be told now, and notes that it is.
func (s *Subscription) wants() bool {
	if !s.started || s.told || len(s.pending) == 0 {
		return false
	}
	s.told = true
	return true
}
