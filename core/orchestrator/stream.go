package orchestrator

import (
	"context"
	"strconv"
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
	s.follow.Lock()
	defer s.follow.Unlock()
	first, last, err := s.store.Events(ctx, topic, max(from, 1), page)
	if err != nil {
		return nil, unknown(err)
	}
	if last == 0 && strings.HasPrefix(topic, "compute:") && s.index.find(strings.TrimPrefix(topic, "compute:")) == nil {
		return plain(s.Bus.Subscribe(topic, from, ready, nil)) // a machine without a session
	}
	if seen, watched := s.Bus.Watched(topic); watched {
		last = seen
	}
	var kept []*events.Event
	for from > 0 && len(first) > 0 && first[0].Seq <= last {
		for _, e := range busEvents(topic, first) {
			if e.Seq <= last {
				kept = append(kept, e)
			}
		}
		next := first[len(first)-1].Seq + 1
		if len(first) < page || next > last {
			break
		}
		if first, _, err = s.store.Events(ctx, topic, next, page); err != nil {
			return nil, unknown(err)
		}
	}
	if len(kept) == 0 && last > 0 {
		list, _, err := s.store.Events(ctx, topic, last, 1)
		if err != nil {
			return nil, unknown(err)
		}
		if end := busEvents(topic, list); len(end) == 1 && end[0].Last && end[0].Seq == last {
			kept = end
		}
	}
	if len(kept) > 0 {
		kept = gapless(kept[0].Seq, kept, last)
	}
	return plain(s.Bus.SubscribeStored(topic, kept, last, ready, nil))
}

// gapless puts an event "pruned" in the place of those that were forgotten between
// others: it has the number of the last one of them and says how many they were. So
// whoever reads from a number knows missing events from lost ones. next is the number
// that comes first, and last the one behind which the reader goes on.
func gapless(next uint64, list []*events.Event, last uint64) []*events.Event {
	out := make([]*events.Event, 0, len(list)+1)
	for i := 0; next <= last; i++ {
		until := last + 1
		if i < len(list) {
			until = list[i].Seq
		}
		if until > next {
			beside := list[min(i, len(list)-1)]
			out = append(out, &events.Event{Topic: beside.Topic, Seq: until - 1, Time: beside.Time, Name: "pruned", Data: spec.Raw(`{"count":` + strconv.FormatUint(until-next, 10) + `}`), Class: events.Lifecycle})
		}
		if i < len(list) {
			out = append(out, list[i])
		}
		next = until + 1
	}
	return out
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
				s.catchUp(topic, func() bool { return s.inStep(topic) })
			}
		}
	}
}

// inStep tells whether this process knows of a topic's session what the store knows. It
// does not while it acts on the session: the answer to a commit may be on its way. Whoever
// acts publishes that, and an event would else be told of a session that does not show it.
func (s *Service) inStep(topic string) bool {
	t := s.index.find(strings.TrimPrefix(topic, "compute:"))
	if t == nil {
		return true
	}
	if !t.acting.TryLock() {
		return false
	}
	t.acting.Unlock()
	return true
}

// catchUp hands on the events of a topic that its subscribers have not had. inStep is
// asked once they are read; false leaves them to a later time.
func (s *Service) catchUp(topic string, inStep func() bool) {
	s.follow.Lock()
	defer s.follow.Unlock()
	for {
		seen, watched := s.Bus.Watched(topic)
		if !watched {
			return
		}
		ctx, cancel := context.WithTimeout(s.until, commitLimit)
		list, _, err := s.store.Events(ctx, topic, seen+1, page)
		cancel()
		if err != nil || len(list) == 0 || !inStep() {
			return // the next round asks again
		}
		s.Bus.Deliver(topic, gapless(seen+1, busEvents(topic, list), list[len(list)-1].Seq))
		if len(list) < page {
			return
		}
	}
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
