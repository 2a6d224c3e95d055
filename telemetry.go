package atlas

import (
	"context"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// TopicTelemetry is where every HTTP request of a provider is told, each attempt
// by itself, while somebody subscribes: without a subscription no event is made.
// They drop like log lines where a reader does not keep up.
const TopicTelemetry = "telemetry"

// requestEvent is the data of an event "request".
type requestEvent struct {
	Provider   string    `json:"provider"`
	Method     string    `json:"method"`
	Host       string    `json:"host"`
	Path       string    `json:"path"` // without query
	Status     int       `json:"status,omitempty"`
	Error      spec.Kind `json:"error,omitempty"` // where no answer came
	Attempt    int       `json:"attempt"`
	DurationMS float64   `json:"duration_ms"` // to the microsecond
}

// observer is who the HTTP client tells of its attempts now.
func (c *Client) observer() func(egress.Event) {
	if _, watched := c.bus.Watched(TopicTelemetry); !watched {
		return nil
	}
	return func(e egress.Event) {
		data, err := json.MarshalWithOption(requestEvent{Provider: e.Provider, Method: e.Method, Host: e.Host, Path: e.Path, Status: e.Status, Error: e.Err,
			Attempt: e.Attempt, DurationMS: float64(e.Duration.Round(time.Microsecond).Microseconds()) / 1000}, json.DisableHTMLEscape())
		if err == nil {
			_ = c.bus.Publish(context.Background(), TopicTelemetry, events.Log, "request", data) // a closed bus has no reader
		}
	}
}
