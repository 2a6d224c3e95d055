package provider

import (
	"context"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
)

// Do carries out one operation: request is encoded, the value decoded into R.
// Values are read leniently; one that is no R at all is the plugin's fault.
func Do[R any](ctx context.Context, b Backend, a Account, operation string, request any, includeRaw bool) (*R, error) {
	data, err := json.MarshalWithOption(request, json.DisableHTMLEscape())
	if err != nil {
		return nil, &spec.Error{Kind: spec.KindInternal, Provider: a.Provider, Operation: operation, Message: "the request could not be encoded: " + err.Error()}
	}
	value, err := b.Call(ctx, spec.Call{Provider: Cloud(a.Provider), Operation: operation, Request: data, Key: a.Key, IncludeRaw: includeRaw, HTTP: a.HTTP})
	if err != nil {
		e := *spec.AsError(err) // a copy: the backend may answer others with the same
		if e.Provider == "" || e.Provider == Cloud(a.Provider) {
			e.Provider = a.Provider
		}
		if e.Operation == "" {
			e.Operation = operation
		}
		return nil, &e
	}
	result := new(R)
	if len(value) == 0 {
		return result, nil
	}
	if json.Unmarshal(value, result) != nil { // the decoder's text may quote the answer, so it is left out
		return nil, &spec.Error{Kind: spec.KindPlugin, Provider: a.Provider, Operation: operation,
			Message: "the plugin's answer has another shape than the operation's", Hint: "report it to the plugin's author",
			UnknownOutcome: Mutates(operation)}
	}
	return result, nil
}

// Mutates reports whether an operation changes something at the cloud, so that
// an unusable answer leaves its outcome open.
func Mutates(operation string) bool {
	switch operation {
	case spec.OpSpawn, spec.OpStop, spec.OpStart, spec.OpTerminate, spec.OpRunJob, spec.OpCancelJob:
		return true
	}
	return false
}

// Exports reports whether the plugin has an operation.
func (a *Account) Exports(operation string) bool {
	for _, have := range a.Manifest.Operations {
		if have == operation {
			return true
		}
	}
	return false
}

// Need refuses a request before anything is sent when the provider lacks a
// capability. what names the feature and field what to leave out.
func (a *Account) Need(c spec.Capability, what, field string) error {
	if a.Manifest.Has(c) {
		return nil
	}
	text := "this provider sells no " + what
	if a.Manifest.API.Generation != "" {
		text += " through its API " + a.Manifest.API.Generation
	}
	if reason := a.Manifest.Reason(c); reason != "" {
		text = reason
	}
	hint := "choose a provider with the capability " + string(c)
	if field != "" {
		hint = "leave " + field + " out, or " + hint
	}
	return &spec.Error{Kind: spec.KindUnsupported, Provider: a.Provider, Message: text + "; nothing was sent", Hint: hint}
}
