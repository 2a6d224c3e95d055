package orchestrator

import (
	"context"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// TopicReaper is where the reaper reports its runs, and the orchestrator what
// went wrong with it.
const TopicReaper = "orchestrator"

const (
	followEvery = 500 * time.Millisecond // how late other processes' events come at the most
	page        = 512                    // events read at once
)

// OfStore tells whether a topic's events are the store's, where there is one.
func OfStore(topic string) bool {
	return strings.HasPrefix(topic, "compute:") || topic == TopicReaper
}

// Stored tells whether a topic's events are the store's.
func (s *Service) Stored(topic string) bool { return s.running() && OfStore(topic) }

// Subscribe subscribes to a topic of the store, from any of its numbers; 0 means
// new events alone. Of a session that has ended there are none: who would wait for
// them gets the last event there was, and the subscription is over.
func (s *Service) Subscribe(ctx context.Context, topic string, from uint64, ready func(*events.Subscription)) (*events.Subscription, error) {
	machine, ofMachine := strings.CutPrefix(topic, "compute:")
	if ofMachine {
		if err := s.misnamed(ctx, machine); err != nil {
			return nil, err
		}
	}
	s.follow.Lock()
	defer s.follow.Unlock()
	first, last, err := s.store.Events(ctx, topic, max(from, 1), page)
	if err != nil {
		return nil, unknown(err)
	}
	if last == 0 && ofMachine && s.index.find(machine) == nil {
		return plain(s.Bus.Subscribe(topic, from, ready, nil)) // a machine without a session
	}
	there := last
	seen, watched := s.Bus.Watched(topic)
	if watched {
		last = seen
	} else if last, err = s.heard(ctx, topic, last); err != nil {
		return nil, unknown(err)
	}
	kept, err := s.replay(ctx, topic, from, first, last)
	if err != nil {
		return nil, unknown(err)
	}
	sub, fault := s.Bus.SubscribeStored(topic, kept, last, ready, nil)
	if fault == nil && !watched && last < there { // what was held back may be known by now, and was published to nobody
		s.handOn(topic, s.inStep)
	}
	return plain(sub, fault)
}

// misnamed refuses a topic that names a session where its machine belongs: nothing is
// ever told there.
func (s *Service) misnamed(ctx context.Context, id string) error {
	if !strings.HasPrefix(id, sessionPrefix) {
		return nil
	}
	row, found, err := s.store.Get(ctx, id)
	switch {
	case err != nil:
		return unknown(err)
	case !found && len(id) == sessionLength:
		return notFound()
	case !found || row.ID != id:
		return nil
	}
	e := &spec.Error{Kind: spec.KindValidation, Message: "params.topic: it names a session, and the topic is its machine's", Hint: "subscribe to " + topicOf(row.ComputeID)}
	if row.ComputeID == "" {
		e.Hint = "a session has a topic once its machine is known: orchestrator.get tells it then"
	}
	return e
}

// heard is the number of the last event that a new subscription begins with. Those that
// are there already and of which this process does not know yet come after it.
func (s *Service) heard(ctx context.Context, topic string, last uint64) (uint64, error) {
	if known := s.inStep(topic); known > 0 || last == 0 {
		return min(last, known), nil
	}
	list, _, err := s.store.Events(ctx, topic, last, 1)
	if len(list) == 1 && list[0].Name == lastEvent { // nobody knows how far, but not that far
		last--
	}
	return last, err
}

// plain keeps a nil *spec.Error from becoming an error that is not nil.
func plain(sub *events.Subscription, err *spec.Error) (*events.Subscription, error) {
	if err != nil {
		return nil, err
	}
	return sub, nil
}

// followTopics hands on what other processes publish.
func (s *Service) followTopics() {
	for s.pause(followEvery) {
		for _, topic := range s.Bus.WatchedTopics() {
			if s.Stored(topic) {
				s.catchUp(topic, s.inStep)
			}
		}
	}
}

// inStep is the number of a topic's last event up to which this process knows of its
// session what the store knows; 0: it cannot tell. That is not the last one there is while
// it acts on the session: the answer to a commit may be on its way. Whoever acts publishes
// that, and an event would else be told of a session that does not show it.
func (s *Service) inStep(topic string) uint64 {
	t := s.index.find(strings.TrimPrefix(topic, "compute:"))
	if t == nil {
		return math.MaxUint64
	}
	if !t.acting.TryLock() {
		return t.said.Load()
	}
	t.acting.Unlock()
	return math.MaxUint64
}

// catchUp hands on the events of a topic that its subscribers have not had. inStep is
// asked once they are read, and what lies behind it is left to a later time.
func (s *Service) catchUp(topic string, inStep func(topic string) uint64) {
	s.follow.Lock()
	defer s.follow.Unlock()
	s.handOn(topic, inStep)
}

// handOn is catchUp of whoever holds the lock.
func (s *Service) handOn(topic string, inStep func(topic string) uint64) {
	for {
		seen, watched := s.Bus.Watched(topic)
		if !watched {
			return
		}
		list, last, err := s.following(topic, seen+1)
		if err != nil {
			return // the next round asks again
		}
		known := inStep(topic)
		if len(list) == 0 {
			if last > seen && last <= known {
				s.skip(topic, seen, last)
			}
			return
		}
		mine := list[:sort.Search(len(list), func(i int) bool { return list[i].Seq > known })]
		if len(mine) > 0 {
			s.Bus.Deliver(topic, gapless(seen+1, busEvents(topic, mine), mine[len(mine)-1].Seq))
		}
		if len(mine) < page {
			return
		}
	}
}

func (s *Service) following(topic string, from uint64) ([]store.Event, uint64, error) {
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	return s.store.Events(ctx, topic, from, page)
}

// Publish is what core/compute tells its events to. Those of a tracked machine
// are told by its session, which is made to look.
func (s *Service) Publish(ctx context.Context, topic string, class events.Class, name string, data spec.Raw) error {
	if id, ok := strings.CutPrefix(topic, "compute:"); ok {
		if t := s.index.find(id); t != nil {
			if row, _ := t.state(); row.State == store.Live {
				s.polls.hurry(t)
			}
			return nil
		}
		// The numbers of a session's topic are the store's, also while the session is
		// another process's, or nobody's.
		if s.running() {
			limited, cancel := context.WithTimeout(s.until, hasteLimit) // the act is done, and its caller waits
			defer cancel()
			if _, found, err := s.store.Get(limited, id); found || err != nil {
				return nil
			}
		}
	}
	return s.Bus.Publish(ctx, topic, class, name, data)
}

// tell reports on the orchestrator's own topic.
func (s *Service) tell(name string, facts map[string]any) {
	e := s.event(name, facts)
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	list := []store.Event{e}
	if last, err := s.store.Append(ctx, TopicReaper, list); err == nil {
		s.publish(TopicReaper, list, last)
	}
}
