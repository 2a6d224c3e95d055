package atlas

import (
	"errors"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestEvents_AMisspeltTopicIsRefused(t *testing.T) {
	for topic, hint := range map[string]string{
		"compute:m1": "", "jobs:j:1": "", "rentals": "", "providers": "", "providers.log": "", "orchestrator": "", "telemetry": "",
		"compute":        "there are compute:<machine id>, jobs:<job id> and rentals, providers, providers.log, orchestrator, telemetry",
		"computes:m1":    "did you mean compute:<id>?",
		"job:1":          "did you mean jobs:<id>?",
		"provider.logs":  "did you mean providers.log?",
		"rental":         "did you mean rentals?",
		"fly.deploy:1":   "fly.deploy has subscriptions of its own: fly.logs.subscribe, fly.deploy.stream",
		"rentals:runpod": "there are compute:<machine id>, jobs:<job id> and rentals, providers, providers.log, orchestrator, telemetry",
	} {
		var e *spec.Error
		err := checkTopic(topic)
		if errors.As(err, &e) != (hint != "") || e != nil && (e.Kind != spec.KindValidation || e.Hint != hint) {
			t.Errorf("%s: %+v", topic, e)
		}
	}
}
