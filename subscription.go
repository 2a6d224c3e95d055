package atlas

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// Event is one thing that happened on a topic. Data is a JSON object.
type Event = events.Event

// EventService subscribes to topics.
type EventService struct{ c *Client }

// Subscribe starts a subscription. From 0 means new events alone, 1 everything
// that is kept.
func (s *EventService) Subscribe(ctx context.Context, p SubscribeParams) (*Subscription, error) {
	return s.c.subscribe(ctx, "events.subscribe", &p, func(ctx context.Context, ready func(*events.Subscription)) (*events.Subscription, error) {
		return s.c.subscribeTo(ctx, p.Topic, uint64(p.From), ready)
	})
}

// Stream subscribes to what a job's worker yields: events named chunk, and last
// one named result or error.
//
// Errors: not_found, unsupported, conflict, unauthorized, forbidden, rate_limited,
// provider, transport, plugin.
func (s *JobsService) Stream(ctx context.Context, p StreamParams) (*Subscription, error) {
	return s.c.subscribe(ctx, "jobs.stream", &p, func(ctx context.Context, ready func(*events.Subscription)) (*events.Subscription, error) {
		return s.c.jobs.Stream(ctx, &p, ready)
	})
}

// Subscription reads the events of one topic in order. Any goroutine may use it at any
// time; of several that read, each event goes to one. Close ends it.
type Subscription struct {
	ID      string
	Topic   string
	NextSeq uint64 // number of the first event it gets

	sub    *events.Subscription
	bus    *events.Bus
	signal chan struct{}
}

func (c *Client) subscribe(ctx context.Context, name string, params any,
	open func(context.Context, func(*events.Subscription)) (*events.Subscription, error)) (*Subscription, error) {
	s := &Subscription{bus: c.bus, signal: make(chan struct{}, 1)}
	err := c.dispatcher.Do(ctx, name, params, func(ctx context.Context) error {
		var err error
		s.sub, err = open(ctx, func(*events.Subscription) { s.tell() })
		return err
	})
	if err != nil {
		return nil, err
	}
	s.ID, s.Topic, s.NextSeq = s.sub.ID, s.sub.Topic, s.sub.Next
	s.sub.Start()
	return s, nil
}

// tell wakes one reader, now or when there is one.
func (s *Subscription) tell() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// take returns the next event, or nil. The source tells of events once until all are
// taken, so a reader that leaves some tells the next.
func (s *Subscription) take() *Event {
	event, more := s.sub.TakeEvent()
	if more {
		s.tell()
	}
	return event
}

// Next returns the next event and waits for it. The error is io.EOF after the last
// one and after Close; else a [*Error]: of kind cancelled when ctx was cancelled or the
// client closed before the last event came, of kind timeout when the deadline of ctx
// passed.
func (s *Subscription) Next(ctx context.Context) (*Event, error) {
	for {
		if event := s.take(); event != nil {
			return event, nil
		}
		select {
		case <-s.sub.Done():
			if event := s.take(); event != nil {
				return event, nil
			}
			if s.sub.Cut() {
				return nil, &spec.Error{Kind: spec.KindCancelled, Message: "the client is closed"}
			}
			return nil, io.EOF
		default:
		}
		select {
		case <-s.signal:
		case <-s.sub.Done():
		case <-ctx.Done():
			kind := spec.KindCancelled
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				kind = spec.KindTimeout
			}
			return nil, &spec.Error{Kind: kind, Message: "no event came in time", Err: ctx.Err()}
		}
	}
}

// All ranges over the events until the last one. An error of [Subscription.Next] other
// than io.EOF comes as the last pair, without an event. Leaving the loop leaves the
// subscription open: a second loop goes on where the first left.
func (s *Subscription) All(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			event, err := s.Next(ctx)
			if err == io.EOF {
				return
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Close ends the subscription; events not read yet are dropped. It may be called
// twice, and its error is always nil.
func (s *Subscription) Close() error {
	s.bus.Unsubscribe(s.ID)
	return nil
}
