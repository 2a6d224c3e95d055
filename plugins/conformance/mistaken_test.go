package conformance

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

// TestSuite_FindsWhatLosesOrMistakesMachines runs plugins that work as long as all
// goes well. Each mistake breaks a law of its own: that the results differ from the
// recording does not count, since an author who makes it records it, too.
func TestSuite_FindsWhatLosesOrMistakesMachines(t *testing.T) {
	t.Parallel()
	for set, mistakes := range map[string][]struct{ law, operation, got string }{
		"first": {
			{lawCarries, spec.OpSpawn, "no request that changes something holds the request_id"},
			{lawCarries, spec.OpSpawn, "another env changes nothing"},
			{lawOwn, spec.OpGet, "and answered mock-another"},
			{lawOwn, spec.OpFind, `"items":[{`},
			{lawFails, spec.OpList, "the value"},
			{lawConfirmed, spec.OpTerminate, "the value {}"},
		},
		"second": {
			{lawOnce, spec.OpSpawn, "/v1/machines was sent 2 times"},
			{lawState, spec.OpGet, `"native_status":"conformance-unknown"`},
			{lawWhole, spec.OpList, "it asked for no further page"},
			{lawGone, spec.OpTerminate, "the error not_found"},
		},
		"third": {
			{lawUnseen, spec.OpGet, "the error not_found"},
			{lawFails, spec.OpList, `the value {"items":[]}`},
			{lawFails, spec.OpStop, "the value {}"},
		},
	} {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "mistaken.wasm")
			build := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w -X main.set="+set, "-o", file, "../../test/guests/mistaken")
			build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
			if text, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			report, err := Run(t.Context(), file, Options{Recording: mistakenly(t), CacheDir: compiled})
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range mistakes {
				if !slices.ContainsFunc(report.Failures, func(f Failure) bool {
					return f.Law == want.law && f.Operation == want.operation && strings.Contains(f.Got, want.got)
				}) {
					t.Errorf("no failure of %s: %s says %q", want.operation, want.law, want.got)
				}
			}
		})
	}
}

// mistakenly is the mock cloud's recording of what these plugins have, with a
// terminate that looks first and one of a machine that is not there.
func mistakenly(t *testing.T) *Recording {
	t.Helper()
	all, err := ReadRecording(filepath.Join("recorded", "mock.conformance.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := &Recording{Provider: all.Provider}
	found := map[string]Case{}
	for _, c := range all.Cases {
		switch c.Operation {
		case spec.OpSpawn, spec.OpGet, spec.OpList, spec.OpFind, spec.OpStop:
			r.Cases = append(r.Cases, c)
		}
		found[c.Name] = c
	}
	looks := found["terminate"]
	looks.Name = "look and terminate"
	looks.Exchanges = append(slices.Clone(found["get"].Exchanges), looks.Exchanges...)
	gone := found["get unknown"]
	gone.Name, gone.Operation = "terminate what is not there", spec.OpTerminate
	gone.Exchanges = slices.Clone(gone.Exchanges)
	gone.Exchanges[0].Request.Method = "DELETE"
	r.Cases = append(r.Cases, looks, gone)
	return r
}

func TestUnlabelled_FindsListingsWithoutTheRequestID(t *testing.T) {
	list := func(requestID string) *suite {
		value, err := json.Marshal(spec.ComputePage{Items: []spec.Compute{{ID: "m-2"}, {ID: "m-1", RequestID: requestID}}})
		if err != nil {
			t.Fatal(err)
		}
		return &suite{recording: &Recording{Cases: []Case{
			{Operation: spec.OpSpawn, Name: "rent", Request: json.RawMessage(`{"request_id":"r-1"}`), Value: json.RawMessage(`{"id":"m-1"}`)},
			{Operation: spec.OpList, Name: "list", Request: json.RawMessage(`{}`), Value: value},
		}}}
	}
	if got := list("r-1").unlabelled(0); got != "" {
		t.Error(got)
	}
	if got := list("").unlabelled(0); !strings.Contains(got, `list shows m-1 with the request_id ""`) {
		t.Errorf("%q", got)
	}
}
