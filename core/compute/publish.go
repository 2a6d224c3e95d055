package compute

import (
	"context"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/spec"
)

// TopicRentals is where the giving back of machines nobody knows of is told.
const TopicRentals = "rentals"

// Events on a machine's own topic, compute:<id>, and on TopicRentals.
const (
	EventStatus         = "status"           // the state after an act of this client
	EventGivenBack      = "given_back"       // a machine nobody knew of was terminated
	EventGiveBackFailed = "give_back_failed" // one could not be terminated; it may go on costing
	EventUnresolved     = "unresolved"       // whether a create happened could not be found out
	EventCleanUpFailed  = "clean_up_failed"  // what a create without a machine left could not be taken away; it may cost
)

// notice is the data of these events.
type notice struct {
	Provider  string      `json:"provider"`
	ID        string      `json:"id,omitempty"`
	Name      string      `json:"name,omitempty"`
	RequestID string      `json:"request_id,omitempty"`
	Status    spec.Status `json:"status,omitempty"`
	Error     *spec.Error `json:"error,omitempty"`
}

func (s *Service) publishStatus(c *spec.Compute) {
	s.publish("compute:"+c.ID, EventStatus, notice{Provider: c.Provider, ID: c.ID, Name: c.Name, RequestID: c.RequestID, Status: c.Status})
}

// publish tells a lifecycle event; those never wait, so there is nothing to
// cancel. Once the bus is closed nobody listens.
func (s *Service) publish(topic, name string, n notice) {
	data, err := json.MarshalWithOption(n, json.DisableHTMLEscape())
	if err != nil {
		data = []byte(`{}`)
	}
	_ = s.Events.Publish(context.Background(), topic, events.Lifecycle, name, data)
}
