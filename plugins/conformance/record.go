package conformance

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
)

// nameOf asks the module for its name.
func nameOf(ctx context.Context, p Plugin) (string, error) {
	h, err := host.New(host.Options{WatchEvery: -1})
	if err != nil {
		return "", err
	}
	defer func() { _ = h.Close(ctx) }() // it has no call in flight
	file, end, err := temporary(p.Module)
	if err != nil {
		return "", err
	}
	defer end()
	info, err := h.Load(ctx, file, "")
	return info.Name, err
}

// Spawner makes the request of a spawn that the cloud at hand grants.
type Spawner func(*spec.SpawnRequest)

// Record carries out the operations a plugin exports against a cloud, usually a
// simulated one, and keeps what was exchanged. It rents one machine and gives it
// back.
func Record(ctx context.Context, p Plugin, spawn Spawner, endpoint string) ([]Scenario, error) {
	s, err := open(ctx, p, true)
	if err != nil {
		return nil, err
	}
	defer s.close()
	exported := map[string]bool{}
	for _, operation := range s.manifest.Operations {
		exported[operation] = true
	}
	var out []Scenario
	do := func(operation string, request any) (spec.Raw, error) {
		if !exported[operation] {
			return nil, nil
		}
		data, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		s.wire.set(nil)
		value, failure := s.call(ctx, operation, data)
		if failure != nil {
			return nil, fmt.Errorf("recording %s: %w", operation, failure)
		}
		out = append(out, Scenario{Operation: operation, Request: data, Exchanges: append([]Exchange(nil), s.wire.answers...)})
		return value, nil
	}
	rented := spec.SpawnRequest{RequestID: "atlas-conf01-r1", Name: "atlas-conf01-r1", Image: "ghcr.io/me/server:1", Ports: []spec.PortRequest{{Internal: 8000, Protocol: "http"}}, Env: map[string]string{"A": "b"}}
	spawn(&rented)
	value, err := do(spec.OpSpawn, rented)
	if err != nil {
		return nil, err
	}
	var c spec.Compute
	if err := json.Unmarshal(value, &c); err != nil {
		return nil, err
	}
	id := spec.IDRequest{ID: c.ID}
	for _, step := range []struct {
		operation string
		request   any
	}{
		{spec.OpGet, id}, {spec.OpList, spec.ListRequest{}}, {spec.OpFind, spec.FindRequest{RequestIDs: []string{rented.RequestID}, Names: []string{rented.Name}}},
	} {
		if _, err := do(step.operation, step.request); err != nil {
			return nil, err
		}
	}
	// These may be refused in the state of things. Then they are not recorded.
	try := func(operation string, request any) { _, _ = do(operation, request) }
	try(spec.OpGetLogs, spec.LogsRequest{ID: c.ID, Tail: 5})
	try(spec.OpListGPUTypes, spec.GPUTypesRequest{})
	try(spec.OpSearchOffers, spec.OffersRequest{})
	if endpoint != "" && exported[spec.OpRunJob] {
		value, err := do(spec.OpRunJob, spec.RunJobRequest{Endpoint: endpoint, Input: spec.Raw(`{"n":1}`)})
		if err != nil {
			return nil, err
		}
		var j spec.Job
		if err := json.Unmarshal(value, &j); err != nil {
			return nil, err
		}
		job := spec.JobRequest{Endpoint: endpoint, ID: j.ID}
		for _, operation := range []string{spec.OpGetJob, spec.OpStreamJob, spec.OpCancelJob} {
			try(operation, job)
		}
	}
	try(spec.OpStop, id)
	try(spec.OpStart, id)
	_, err = do(spec.OpTerminate, id)
	return out, err
}

// made is a request of an operation that has no scenario.
func made(operation string, m *spec.Manifest) json.RawMessage {
	var request any = spec.IDRequest{ID: "abc123"}
	switch operation {
	case spec.OpSpawn:
		r := spec.SpawnRequest{RequestID: "atlas-conf01-r1", Name: "atlas-conf01-r1", Image: "ghcr.io/me/server:1"}
		if len(m.GPUs) > 0 {
			r.GPU, r.GPUCount = m.GPUs[0].Native, 1
		}
		request = r
	case spec.OpList:
		request = spec.ListRequest{}
	case spec.OpFind:
		request = spec.FindRequest{RequestIDs: []string{"r1"}, Names: []string{"n1"}}
	case spec.OpListGPUTypes:
		request = spec.GPUTypesRequest{}
	case spec.OpSearchOffers:
		request = spec.OffersRequest{}
	case spec.OpRunJob:
		request = spec.RunJobRequest{Endpoint: "e1", Input: spec.Raw(`{}`)}
	case spec.OpGetJob, spec.OpCancelJob, spec.OpStreamJob:
		request = spec.JobRequest{Endpoint: "e1", ID: "j1"}
	}
	data, _ := json.Marshal(request) // of plain fields
	return data
}
