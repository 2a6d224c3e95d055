package conformance

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// spawnRequest is a request that the provider can carry out, as far as one can
// tell: the recording's, or one made up from the manifest.
func (s *suite) spawnRequest() json.RawMessage {
	for _, c := range s.recording.Cases {
		if c.Operation == spec.OpSpawn && c.Error == "" {
			return with(c.Request, map[string]any{"env": map[string]any{"APP_TOKEN": envCanary}})
		}
	}
	request := map[string]any{"request_id": "conformance-1", "name": "conformance-1", "image": "example/app:1",
		"env": map[string]any{"APP_TOKEN": envCanary}, "ports": []any{map[string]any{"internal": 8000, "protocol": "http"}}}
	if s.manifest.Has(spec.CapGPU) {
		request["gpu"], request["gpu_count"] = "conformance-gpu", 1
		if len(s.manifest.GPUs) > 0 {
			request["gpu"] = s.manifest.GPUs[0].Native
		}
	} else {
		request["cpu"] = map[string]any{"vcpu_count": 1, "memory_gb": 1}
	}
	return encode(request)
}

// request is one that the provider can carry out.
func (s *suite) request(operation string) json.RawMessage {
	switch operation {
	case spec.OpSpawn:
		return s.spawn
	case spec.OpGet, spec.OpStop, spec.OpStart, spec.OpTerminate, spec.OpGetLogs, spec.OpGetBill:
		return s.recorded(operation, `{"id":"conformance-1"}`)
	case spec.OpFind:
		return json.RawMessage(`{"request_ids":["conformance-1"],"names":["conformance-1"]}`)
	case spec.OpCleanUp:
		return s.recorded(operation, `{"request_id":"conformance-1"}`)
	case spec.OpRunJob:
		return s.recorded(operation, `{"endpoint":"conformance","input":{"a":1}}`)
	case spec.OpGetJob, spec.OpCancelJob, spec.OpStreamJob:
		return s.recorded(operation, `{"endpoint":"conformance","id":"job-1"}`)
	case spec.OpSearchOffers, spec.OpListGPUTypes:
		return json.RawMessage(`{"gpu_count":1}`)
	}
	return json.RawMessage(`{}`)
}

// recorded is the request of the recording's first case of an operation.
func (s *suite) recorded(operation, otherwise string) json.RawMessage {
	for _, c := range s.recording.Cases {
		if c.Operation == operation && c.Error == "" {
			return c.Request
		}
	}
	return json.RawMessage(otherwise)
}

// with returns an object with members replaced; nil takes one out.
func with(object json.RawMessage, members map[string]any) json.RawMessage {
	all := map[string]any{}
	_ = json.Unmarshal(object, &all)
	maps.Copy(all, members)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return encode(all)
}

func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil { // cannot be: it is maps of texts and numbers
		return json.RawMessage(`{}`)
	}
	return text
}

// checkRequests asks every operation strange things.
func (s *suite) checkRequests() {
	g := s.report.group("requests", "empty, odd and hostile requests")
	for _, operation := range s.manifest.Operations {
		good := s.request(operation)
		for name, request := range map[string]json.RawMessage{
			"an empty request":                          json.RawMessage(`{}`),
			"a request with members of a later version": with(good, map[string]any{"conformance_extra": map[string]any{"a": []any{1, nil}}}),
		} {
			s.judge(g, &trial{name: name, operation: operation, request: request})
		}
		members := map[string]any{}
		_ = json.Unmarshal(good, &members)
		for _, member := range slices.Sorted(maps.Keys(members)) {
			for name, value := range map[string]any{"a number": 7.5, "a text": "conformance", "an array": []any{1, "a", nil}, "an object": map[string]any{"a": 1}, "true": true} {
				s.judge(g, &trial{name: member + " is " + name, operation: operation, request: with(good, map[string]any{member: value})})
			}
		}
		for _, member := range []string{"id", "endpoint"} {
			if text, ok := members[member].(string); ok && text != "" {
				s.checkHostile(g, operation, member, good)
			}
		}
	}
}

// checkHostile asks with identifiers that would lead elsewhere if they were not
// escaped.
func (s *suite) checkHostile(g *Group, operation, member string, good json.RawMessage) {
	for _, id := range []string{"", "..", "../conformance", "a/../../b", "a?b=c", "a#b", "a%2fb", "a b", "a\r\nx-injected: 1", "\x00", "é\U0001F600", `a"b\c`, strings.Repeat("x", 5000)} {
		reserved := law{lawAddress, func(o *outcome) string {
			for _, one := range o.sent {
				u, err := url.Parse(one.url)
				if err != nil || strings.Contains(one.url, "a?b=c") || strings.Contains(u.EscapedPath(), "../conformance") || strings.Contains(u.EscapedPath(), "/a/../") {
					return one.method + " " + one.url
				}
			}
			return ""
		}}
		empty := law{lawRefused, func(o *outcome) string {
			if id == "" && o.err == nil {
				return describe(o) + " though " + member + " is empty"
			}
			return ""
		}}
		s.judge(g, &trial{name: member + " is " + clip(string(encode(id)), 40), operation: operation, request: with(good, map[string]any{member: id})}, reserved, empty)
	}
}

// checkCapabilities asks for what the manifest does not claim, and for operations
// that are not there.
func (s *suite) checkCapabilities() {
	g := s.report.group("capabilities", "what the provider lacks is unsupported before any request")
	lacked := func(name, operation string, request json.RawMessage) {
		s.judge(g, &trial{name: name, operation: operation, request: request}, law{lawOffline, func(o *outcome) string {
			switch {
			case o.err == nil || o.err.Kind != spec.KindUnsupported:
				return describe(o)
			case len(o.sent) > 0:
				return "unsupported, after " + o.sent[0].method + " " + o.sent[0].url
			}
			return ""
		}})
	}
	for _, operation := range spec.Operations() {
		if !s.exported(operation) {
			lacked("an operation that is not there", operation, s.request(operation))
		}
	}
	if s.exported(spec.OpSpawn) {
		for _, c := range []struct {
			capability spec.Capability
			name       string
			members    map[string]any
		}{
			{spec.CapSpot, "an interruptible machine", map[string]any{"spot": true}},
			{spec.CapGPU, "a machine with GPUs", map[string]any{"gpu": "conformance-gpu", "gpu_count": 1, "cpu": nil}},
			{spec.CapCPU, "a machine without GPUs", map[string]any{"gpu": nil, "gpu_count": nil, "offer_id": nil, "cpu": map[string]any{"vcpu_count": 1, "memory_gb": 1}}},
			{spec.CapNetworkVolumes, "a network volume", map[string]any{"network_volume_id": "conformance-volume"}},
			{spec.CapOffers, "a listed offer", map[string]any{"offer_id": "conformance-offer"}},
		} {
			if !s.manifest.Has(c.capability) {
				lacked(c.name, spec.OpSpawn, with(s.spawn, c.members))
			}
		}
	}
	if s.exported(spec.OpRunJob) && !s.manifest.Has(spec.CapWebhooks) {
		lacked("a webhook", spec.OpRunJob, with(s.request(spec.OpRunJob), map[string]any{"webhook": "https://example.com/hook"}))
	}
	for capability, operations := range goesWith() {
		for _, operation := range operations {
			if !s.manifest.Has(capability) && s.exported(operation) {
				lacked("an operation whose capability is not claimed", operation, s.request(operation))
			}
		}
	}
}
