package provider

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestNeed_TellsTheManifestsReason(t *testing.T) {
	a := &Account{Provider: "acme", Manifest: &spec.Manifest{Capabilities: []spec.Capability{spec.CapCPU},
		Lacks: []spec.Lack{{Capability: spec.CapGPU, Reason: "acme ended GPUs on 2026-08-01"}}, API: spec.API{Generation: "v1"}}}
	if err := a.Need(spec.CapCPU, "machines without GPUs", ""); err != nil {
		t.Error(err)
	}
	for capability, want := range map[spec.Capability]string{
		spec.CapGPU:  "acme ended GPUs on 2026-08-01; nothing was sent",
		spec.CapSpot: "this provider sells no such thing through its API v1; nothing was sent",
	} {
		e := spec.AsError(a.Need(capability, "such thing", ""))
		if e == nil || e.Kind != spec.KindUnsupported || e.Message != want || !strings.Contains(e.Hint, string(capability)) {
			t.Errorf("%s: %+v", capability, e)
		}
	}
}
