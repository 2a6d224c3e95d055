package atlas

import (
	"errors"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestEvents_AMisspeltTopicIsRefused(t *testing.T) {
	for topic, hint := range map[string]string{
		"compute:m1": "", "jobs:j:1": "", "fly.deploy:mine": "", "rentals": "", "providers": "", "providers.log": "", "orchestrator": "", "telemetry": "",
		"compute":        "there are compute:<machine id>, jobs:<job id>, fly.deploy:<ticket> and rentals, providers, providers.log, orchestrator, telemetry",
		"computes:m1":    "did you mean compute:<id>?",
		"job:1":          "did you mean jobs:<id>?",
		"provider.logs":  "did you mean providers.log?",
		"rental":         "did you mean rentals?",
		"fly.logs:api":   "fly.logs has subscriptions of its own, each with its cursor: fly.logs.subscribe",
		"fly.deploys:1":  "did you mean fly.deploy:<id>?",
		"rentals:runpod": "there are compute:<machine id>, jobs:<job id>, fly.deploy:<ticket> and rentals, providers, providers.log, orchestrator, telemetry",
	} {
		var e *spec.Error
		err := checkTopic(topic)
		if errors.As(err, &e) != (hint != "") || e != nil && (e.Kind != spec.KindValidation || e.Hint != hint) {
			t.Errorf("%s: %+v", topic, e)
		}
	}
}
