package atlas

import (
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/fly/deploy"
	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// checkTopic refuses topics on which nothing is ever told: the subscription to a
// misspelt one would be silent for ever.
func checkTopic(topic string) error {
	families := []string{"compute", "jobs", strings.TrimSuffix(deploy.TopicPrefix, ":")} // each followed by an identifier
	single := []string{compute.TopicRentals, TopicProviders, TopicProviderLogs, orchestrator.TopicReaper, TopicTelemetry}
	family, id, of := strings.Cut(topic, ":")
	e := &spec.Error{Kind: spec.KindValidation, Message: "params.topic: no such topic"}
	switch {
	case of && slices.Contains(families, family) && id != "", !of && slices.Contains(single, topic):
		return nil
	case family == "fly.logs":
		e.Hint = "fly.logs has subscriptions of its own, each with its cursor: fly.logs.subscribe"
	case of && strict.Nearest(family, families) != "":
		e.Hint = "did you mean " + strict.Nearest(family, families) + ":<id>?"
	case !of && strict.Nearest(topic, single) != "":
		e.Hint = "did you mean " + strict.Nearest(topic, single) + "?"
	default:
		e.Hint = "there are compute:<machine id>, jobs:<job id>, fly.deploy:<ticket> and " + strings.Join(single, ", ")
	}
	return e
}
