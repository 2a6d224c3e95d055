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

// replay gathers the events that a subscription starts with, up to the one numbered
// last. first are those that were read already.
func (s *Service) replay(ctx context.Context, topic string, from uint64, first []store.Event, last uint64) (kept []*events.Event, err error) {
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
			return nil, err
		}
	}
	if last == 0 {
		return nil, nil
	}
	if len(kept) == 0 || kept[len(kept)-1].Seq < last {
		end, err := s.ending(ctx, topic, last)
		if err != nil {
			return nil, err
		}
		if end != nil {
			kept = append(kept, end)
		}
	}
	if len(kept) > 0 {
		kept = gapless(kept[0].Seq, kept, last)
	}
	return kept, nil
}

// ending is the event with which a topic is over; nil: it goes on. A session that is
// forgotten has one, too, in the place of its last event: nothing comes any more.
func (s *Service) ending(ctx context.Context, topic string, last uint64) (*events.Event, error) {
	list, _, err := s.store.Events(ctx, topic, last, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 1 && list[0].Seq == last {
		if end := busEvents(topic, list)[0]; end.Last {
			return end, nil
		}
		return nil, nil
	}
	over, err := s.forgotten(ctx, topic)
	if err != nil || !over {
		return nil, err
	}
	return s.prunedEnd(topic, last, 1, true), nil
}

// forgotten tells whether the session of a topic that had events is there no more.
func (s *Service) forgotten(ctx context.Context, topic string) (bool, error) {
	machine, ofMachine := strings.CutPrefix(topic, "compute:")
	if !ofMachine {
		return false, nil
	}
	_, found, err := s.store.Get(ctx, machine)
	return err == nil && !found, err
}

// prunedEnd stands in the place of a topic's latest events. final tells that nothing
// follows.
func (s *Service) prunedEnd(topic string, seq, count uint64, final bool) *events.Event {
	e := pruned(topic, seq, count, time.UnixMilli(s.node.now()).UTC())
	if e.Last = final; final {
		e.Data = spec.Raw(strings.TrimSuffix(string(e.Data), "}") + `,"final":true}`)
	}
	return e
}

func pruned(topic string, seq, count uint64, at time.Time) *events.Event {
	return &events.Event{Topic: topic, Seq: seq, Time: at, Name: "pruned", Data: spec.Raw(`{"count":` + strconv.FormatUint(count, 10) + `}`), Class: events.Lifecycle}
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
			out = append(out, pruned(beside.Topic, until-1, until-next, beside.Time))
		}
		if i < len(list) {
			out = append(out, list[i])
		}
		next = until + 1
	}
	return out
}

// skip tells the subscribers of a topic of events that were forgotten before they had
// them, as those of a process that stood still for days, and ends their subscriptions
// where the session is forgotten, too.
func (s *Service) skip(topic string, seen, last uint64) {
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	if over, err := s.forgotten(ctx, topic); err == nil {
		s.Bus.Deliver(topic, []*events.Event{s.prunedEnd(topic, last, last-seen, over)})
	}
}
