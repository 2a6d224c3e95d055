package events

import "github.com/exatlas/atlas/core/spec"

// Some topics are numbered and kept by a store, because several processes publish
// on them and they outlive all of these. For such a topic the bus only hands on
// what the store holds, to those who subscribed here.

// Watched tells whether a topic has subscriptions, and the number of the last
// event they were given.
func (b *Bus) Watched(topicName string) (last uint64, watched bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[topicName]
	if t == nil || len(t.subs) == 0 {
		return 0, false
	}
	return t.last, true
}

// SubscribeStored subscribes to a stored topic. kept are its events that the
// subscription starts with, and last the number of the last one before those that
// Deliver will hand on. Where the last one there is is among kept, it is over with that.
func (b *Bus) SubscribeStored(topicName string, kept []*Event, last uint64, ready func(*Subscription), onEnd func()) (*Subscription, *spec.Error) {
	s, err := b.Subscribe(topicName, 0, ready, onEnd)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(s.topic.subs) == 1 {
		s.topic.last = last
	}
	s.topic.kept, s.topic.start, s.topic.gone, s.topic.size = nil, 0, 0, 0 // the store keeps them
	newer := s.pending
	s.pending, s.size = nil, 0
	s.push(kept...)
	s.push(newer...)
	s.Next = s.topic.last + 1
	if len(kept) > 0 {
		s.Next = kept[0].Seq
		if kept[len(kept)-1].Last {
			b.detach(s, false)
		}
	}
	return s, nil
}

// Deliver hands on the next events of a stored topic, in order. Those that were
// handed on before are left out. The last one ends the topic's subscriptions.
func (b *Bus) Deliver(topicName string, list []*Event) {
	b.mu.Lock()
	t := b.topics[topicName]
	if t == nil || len(t.subs) == 0 {
		b.mu.Unlock()
		return
	}
	var woken []*Subscription
	for _, e := range list {
		if e.Seq <= t.last {
			continue
		}
		t.last = e.Seq
		for _, s := range t.subs {
			s.push(e)
			if s.started && !s.told {
				s.told = true
				woken = append(woken, s)
			}
		}
		for e.Last && len(t.subs) > 0 {
			b.detach(t.subs[0], false)
		}
	}
	b.mu.Unlock()
	for _, s := range woken {
		s.ready(s)
	}
}

// WatchedTopics lists the topics that have subscriptions.
func (b *Bus) WatchedTopics() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	seen := make(map[*topic]bool, len(b.subscriptions))
	for _, s := range b.subscriptions {
		if !seen[s.topic] {
			seen[s.topic] = true
			out = append(out, s.Topic)
		}
	}
	return out
}
