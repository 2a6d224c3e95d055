package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSuite_FindsTheMistakesOfABrokenPlugin shows that the suite sees what it is
// for, and says it so that the author of the plugin knows what to do.
func TestSuite_FindsTheMistakesOfABrokenPlugin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "broken.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file, "../../test/guests/broken")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	recording, err := ReadRecording(filepath.Join("recorded", "mock.conformance.json"))
	if err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), file, Options{Recording: recording, CacheDir: compiled})
	if err != nil {
		t.Fatal(err)
	}
	if report.OK() {
		t.Fatal("the broken plugin conforms")
	}
	laws := map[string][]string{}
	for _, f := range report.Failures {
		if strings.Contains(f.Request, "\n") {
			t.Errorf("%s: what was asked is more than a line: %q", f.Case, f.Request)
		}
		laws[f.Law] = append(laws[f.Law], f.Operation+": "+f.Got)
		if f.Operation == "spawn_compute" || f.Operation == "get_job" {
			t.Errorf("what is not broken fails: %+v", f)
		}
	}
	if n := len(laws[lawConfirmed]); n != 2*len(strangers()) { // it believes whoever answers a terminate, made up or recorded
		t.Errorf("%d of %d strangers are found: %q", n, 2*len(strangers()), laws[lawConfirmed])
	}
	if n := len(laws[lawClean]); n != len(strangers()) { // nor a clean_up
		t.Errorf("%d of %d strangers are found: %q", n, len(strangers()), laws[lawClean])
	}
	for _, want := range []struct{ law, operation, got string }{
		{lawValue, "get_compute", "provider is not mock"},           // it fills in less than a compute
		{lawFails, "list_compute", "the value"},                     // it believes every status
		{lawAnswers, "stop", "index out of range"},                  // it reads a field that may not be there
		{lawAnswers, "list_compute", "more than 100 HTTP requests"}, // it follows pages without end
		{lawAnswers, "get_compute", "must be percent-encoded"},      // it does not escape identifiers
	} {
		found := false
		for _, got := range laws[want.law] {
			found = found || strings.HasPrefix(got, want.operation+": ") && strings.Contains(got, want.got)
		}
		if !found {
			t.Errorf("%s: no failure of %s says %q: %.1000q", want.law, want.operation, want.got, laws[want.law])
		}
	}
	if _, err := Run(t.Context(), file, Options{Recording: &Recording{Provider: "mocked"}, CacheDir: compiled}); err == nil || !strings.Contains(err.Error(), "the recording is of mocked, the plugin is mock: record anew, or") {
		t.Errorf("a recording of another provider: %v", err)
	}
	var text strings.Builder
	if err := report.Write(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"mock does not conform", lawFails, "FAIL failures", "and ", "sent  GET https://api.mockcloud.invalid/v1/machines/"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, text.String())
		}
	}
}
