package events

import (
	"container/list"
	"context"
	"iter"
	"sync"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/spec"
)

// Settings bound a bus. Zero means the default.
type Settings struct {
	Retain  int // events a topic keeps; default 1024
	Topics  int // topics without a subscription that are kept; default 4096
	Pending int // events that wait in one subscription; default 1024

	PendingBytes int // size of those events, the last of which may exceed it; default 16 MiB, and 1 KiB for each that may wait
	TopicBytes   int // size of the events a topic keeps; default 32 MiB
	IdleBytes    int // the same of all topics without a subscription together; default 64 MiB
}

// Bus carries events from whoever publishes to whoever subscribed.
type Bus struct {
	clock    clock.Clock
	settings Settings

	mu            sync.Mutex
	topics        map[string]*topic
	idle          *list.List // topics without subscriptions, the least recently used first
	idleBytes     int        // size of what they keep
	floor         uint64     // highest sequence number of any topic that was let go
	subscriptions map[string]*Subscription
	nextID        uint64
	closed        bool
}

type topic struct {
	name    string
	last    uint64
	kept    []*Event // a ring once it is full: the oldest is at start
	start   int
	gone    int // how many from there on were let go for their size; they are nil
	size    int // of the others
	subs    []*Subscription
	idleAt  *list.Element
	waiters []chan struct{} // publishers that wait for room
}

// NewBus makes a bus.
func NewBus(c clock.Clock, s Settings) *Bus {
	if s.Retain <= 0 {
		s.Retain = 1024
	}
	if s.Topics <= 0 {
		s.Topics = 4096
	}
	if s.Pending <= 0 {
		s.Pending = 1024
	}
	if s.PendingBytes <= 0 {
		s.PendingBytes = max(16<<20, s.Pending<<10)
	}
	if s.TopicBytes <= 0 {
		s.TopicBytes = 32 << 20
	}
	if s.IdleBytes <= 0 {
		s.IdleBytes = 64 << 20
	}
	return &Bus{clock: c, settings: s, topics: map[string]*topic{}, idle: list.New(), subscriptions: map[string]*Subscription{}}
}

// Publish adds an event to a topic. A data event waits until every subscription
// of the topic has room or ctx ends; the others never wait.
func (b *Bus) Publish(ctx context.Context, topicName string, class Class, name string, data spec.Raw) error {
	for {
		b.mu.Lock()
		if b.closed {
			b.mu.Unlock()
			return &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
		}
		t := b.topic(topicName)
		if class != Data || !b.full(t) {
			woken := b.deliver(t, class, name, data)
			b.mu.Unlock()
			for _, s := range woken {
				s.ready(s)
			}
			return nil
		}
		room := make(chan struct{})
		t.waiters = append(t.waiters, room)
		b.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// PublishLast adds the last event that some subscriptions of a topic get, and ends
// them with it: whoever has it finds them ended.
func (b *Bus) PublishLast(topicName, name string, data spec.Raw, to iter.Seq[*Subscription]) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return
	}
	woken := b.deliver(b.topic(topicName), Lifecycle, name, data)
	for s := range to {
		b.detach(s, false)
	}
	b.mu.Unlock()
	for _, s := range woken {
		s.ready(s)
	}
}

func (b *Bus) full(t *topic) bool {
	for _, s := range t.subs {
		if s.full() {
			return true
		}
	}
	return false
}

// deliver numbers and keeps an event, and returns the subscriptions whose reader
// must be told.
func (b *Bus) deliver(t *topic, class Class, name string, data spec.Raw) []*Subscription {
	t.last++
	e := &Event{Topic: t.name, Seq: t.last, Time: b.clock.Now(), Name: name, Data: data, Class: class}
	b.keep(t, e)
	var woken []*Subscription
	for _, s := range t.subs {
		if class == Log && s.full() {
			s.dropped++
			continue
		}
		if s.started && !s.told {
			s.told = true
			woken = append(woken, s)
		}
		s.admit(e.Seq - 1)
		s.push(e)
	}
	return woken
}

// keep adds an event to those that a topic keeps, in the place of the oldest ones
// where they are too many or too large together.
func (b *Bus) keep(t *topic, e *Event) {
	before := t.size
	switch {
	case len(t.kept) < b.settings.Retain:
		t.kept = append(t.kept, e)
	default:
		if old := t.kept[t.start]; old != nil {
			t.size -= old.size()
		} else {
			t.gone--
		}
		t.kept[t.start] = e
		t.start = (t.start + 1) % len(t.kept)
	}
	for t.size += e.size(); t.size > b.settings.TopicBytes && t.gone < len(t.kept)-1; t.gone++ {
		oldest := &t.kept[(t.start+t.gone)%len(t.kept)]
		t.size -= (*oldest).size()
		*oldest = nil
	}
	if t.idleAt != nil {
		b.idleBytes += t.size - before
	}
}

// topic returns a topic, making it and letting the least recently used idle ones
// go where there are too many. Sequence numbers of a topic that comes back start
// above those it had.
func (b *Bus) topic(name string) *topic {
	t := b.topics[name]
	if t == nil {
		t = &topic{name: name, last: b.floor}
		b.topics[name] = t
	}
	if len(t.subs) > 0 {
		return t
	}
	if t.idleAt == nil {
		b.rest(t)
	} else {
		b.idle.MoveToBack(t.idleAt)
		b.evict()
	}
	return t
}

// rest puts a topic that has no subscriptions among the idle ones.
func (b *Bus) rest(t *topic) {
	t.idleAt = b.idle.PushBack(t)
	b.idleBytes += t.size
	b.evict()
}

// rouse takes a topic that gets a subscription from the idle ones.
func (b *Bus) rouse(t *topic) {
	b.idle.Remove(t.idleAt)
	t.idleAt = nil
	b.idleBytes -= t.size
}

// evict lets idle topics go where they are too many or keep too much together, but
// never the one that was used last. A program that streams job after job would else
// hold what thousands of them have yielded.
func (b *Bus) evict() {
	for b.idle.Len() > 1 && (b.idle.Len() > b.settings.Topics || b.idleBytes > b.settings.IdleBytes) {
		gone := b.idle.Front().Value.(*topic)
		b.rouse(gone)
		b.floor = max(b.floor, gone.last)
		delete(b.topics, gone.name)
	}
}

// Live counts the subscriptions.
func (b *Bus) Live() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.subscriptions)
}

// Close ends all subscriptions. What they hold can still be taken.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for _, s := range b.subscriptions {
		s.cut = true
		b.detach(s, false)
	}
	for _, t := range b.topics {
		t.wake()
	}
}

func (t *topic) wake() {
	for _, w := range t.waiters {
		close(w)
	}
	t.waiters = nil
}

// Last returns the number of a topic's latest event.
func (b *Bus) Last(topicName string) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.topics[topicName]; t != nil {
		return t.last
	}
	return b.floor
}
