package atlas

import (
	"context"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/metrics"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/telemetry"
	"github.com/exatlas/atlas/host/egress"
)

// TopicTelemetry is where it is told, while somebody subscribes, what requests were
// sent and what else is measured: without a subscription no event is made. They
// drop like log lines where a reader does not keep up.
const TopicTelemetry = "telemetry"

// requestEvent is the data of an event "request": an HTTP request, each attempt by
// itself.
type requestEvent struct {
	Provider   string    `json:"provider"`
	Operation  string    `json:"operation,omitempty"`
	Method     string    `json:"method"`
	Host       string    `json:"host"`
	Path       string    `json:"path"` // without query
	Status     int       `json:"status,omitempty"`
	Error      spec.Kind `json:"error,omitempty"` // where no answer came
	Attempt    int       `json:"attempt"`
	DurationMS float64   `json:"duration_ms"`
}

// telemetry is who the parts of core tell what they measured, now.
func (c *Client) telemetry() func(event string, data any) {
	if _, watched := c.bus.Watched(TopicTelemetry); !watched {
		return nil
	}
	return func(event string, data any) {
		text, err := json.MarshalWithOption(data, json.DisableHTMLEscape())
		if err == nil {
			_ = c.bus.Publish(context.Background(), TopicTelemetry, events.Log, event, text) // a closed bus has no reader
		}
	}
}

// observer is who the HTTP clients tell of their attempts now.
func (c *Client) observer() func(egress.Event) {
	tell := c.telemetry()
	return func(e egress.Event) {
		c.requests.Count(metrics.Request{Provider: e.Provider, Operation: e.Operation, Status: e.Status, Kind: string(e.Err)}, e.Duration)
		if tell != nil {
			tell("request", requestEvent{Provider: e.Provider, Operation: e.Operation, Method: e.Method, Host: e.Host, Path: e.Path, Status: e.Status, Error: e.Err,
				Attempt: e.Attempt, DurationMS: telemetry.Milliseconds(e.Duration)})
		}
	}
}
