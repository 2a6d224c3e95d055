package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/spec"
)

// SubscribeParams asks for the events of a topic.
type SubscribeParams struct {
	Topic string `json:"topic" required:"true" minlen:"1" maxlen:"256" doc:"Topic: compute:<machine id>, jobs:<job id>, fly.deploy:<ticket>, rentals, providers, providers.log, orchestrator or telemetry."`
	From  int64  `json:"from" min:"1" doc:"Sequence number to start from; 1 for everything kept. Absent: new events alone."`
}

// UnsubscribeParams ends a subscription.
type UnsubscribeParams struct {
	Subscription string `json:"subscription" required:"true" minlen:"1" doc:"Its identifier."`
}

// Unsubscribed is the result of events.unsubscribe.
type Unsubscribed struct {
	Ended bool `json:"ended" doc:"Whether there was such a subscription."`
}

func addEvents(t *Table, s *Services) {
	add(t, "events.subscribe", Doc{
		Summary: "Subscribes to the events of a topic; they come out of atlas_next.",
		Text: "Events of a topic are numbered and come in order. The latest 1024 of a topic are kept, and less where they are large; those of a session's topic stay in the store, over restarts, and come from every process that shares it. next_seq tells the first one this subscription gets, so a start that lies too far back shows; an event \"pruned\" with their count stands in the place of later ones that are not kept any more. " +
			"Lifecycle events never drop; log lines drop when the queue is full, and an event \"dropped\" tells how many. docs/events.md describes the events of each topic.",
		Params: `{"topic":"compute:7h9k2m4n6p","from":1}`,
		Result: `{"subscription":"sub-1","topic":"compute:7h9k2m4n6p","next_seq":1}`,
	}, func(ctx context.Context, p *SubscribeParams) (*Subscribed, error) {
		sub, err := s.Subscribe(ctx, p.Topic, uint64(p.From), s.Ready)
		if err != nil {
			return nil, err
		}
		return subscribed(sub), nil
	})
	add(t, "events.unsubscribe", Doc{
		Summary: "Ends a subscription, a job's stream included.",
		Text:    "No event of it comes out of atlas_next once this has answered, except one that another thread is taking out already.",
		Errors:  []spec.Kind{},
		Params:  `{"subscription":"sub-1"}`,
		Result:  `{"ended":true}`,
	}, func(_ context.Context, p *UnsubscribeParams) (*Unsubscribed, error) {
		return &Unsubscribed{Ended: s.Bus.Unsubscribe(p.Subscription)}, nil
	})
}

// EventItem is an event as atlas_next hands it out. core/events writes it.
type EventItem struct {
	Type         string   `json:"type" enum:"event" doc:"Tells an event from a completion."`
	Subscription string   `json:"subscription" doc:"Subscription it belongs to."`
	Topic        string   `json:"topic" doc:"Topic it was published on."`
	Seq          uint64   `json:"seq" doc:"Its number on the topic; numbers only grow."`
	Time         string   `json:"time" doc:"When it was published, RFC 3339 UTC."`
	Event        string   `json:"event" doc:"What happened."`
	Data         spec.Raw `json:"data" type:"object" doc:"The facts of it."`
}
