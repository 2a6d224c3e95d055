package sdk

import "github.com/exatlas/atlas/core/spec"

// Gone is what terminate answers of a machine that its cloud does not know: it is
// what was asked for, but not the same as a machine that was terminated just now,
// since a cloud may not know yet of one that was just rented.
func Gone(provider, id string) *spec.Compute {
	return &spec.Compute{ID: id, Provider: provider, Status: spec.StatusTerminated, Ports: []spec.Port{}}
}
