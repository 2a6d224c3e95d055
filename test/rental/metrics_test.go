package rental

import (
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/sim/simkit"
)

var sampleLine = regexp.MustCompile(`^[a-z_]+(\{[a-z_]+="[^"\\\n]*"(,[a-z_]+="[^"\\\n]*")*\})? [0-9.e+-]+$`)

// TestMetrics_TellOfARentalAndAreAllDescribed rents by a session and by hand, meets an
// error, and reads the metrics with docs/metrics.md in hand.
func TestMetrics_TellOfARentalAndAreAllDescribed(t *testing.T) {
	server, client := cloud(t, simkit.Options{}, "", func(s *atlas.Settings) { s.Store.URL = "memory:" })
	ctx := context.Background()
	machine, err := client.Compute.Spawn(ctx, pod())
	if err != nil {
		t.Fatal(err)
	}
	fault(t, server, simkit.Fault{Method: "GET", Path: "/v2/pods/*", Nth: 1, Effect: simkit.Status, Status: 500})
	if _, err := client.Compute.Get(ctx, atlas.IDParams{ID: machine.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Compute.Get(ctx, atlas.IDParams{ID: "nobody"}); atlas.KindOf(err) != atlas.KindNotFound {
		t.Fatal(err)
	}
	session, err := client.Orchestrator.Spawn(ctx, atlas.SessionSpawnParams{SpawnParams: pod()})
	if err != nil {
		t.Fatal(err)
	}
	living := client.Metrics().Text
	if _, err := client.Orchestrator.Stop(ctx, atlas.SessionStopParams{ID: session.ID}); err != nil {
		t.Fatal(err)
	}
	got := client.Metrics()
	if !strings.HasPrefix(got.ContentType, "text/plain; version=0.0.4") {
		t.Error(got.ContentType)
	}
	for _, want := range []string{`atlas_sessions{provider="runpod",state="live"} 1`, `atlas_sessions_cost_usd_per_hour{provider="runpod"} `} {
		if !strings.Contains(living, "\n"+want) {
			t.Errorf("no %s in\n%s", want, living)
		}
	}
	for _, want := range []string{
		`atlas_build_info{version="` + atlas.Version + `"} 1`,
		`atlas_calls_total{method="compute.get",outcome="ok"} 1`,
		`atlas_calls_total{method="compute.get",outcome="not_found"} 1`,
		`atlas_sessions_ended_total{provider="runpod",reason="stopped"} 1`,
		`atlas_requests_total{provider="runpod",operation="get_compute",outcome="500"} 1`,
		`atlas_requests_total{provider="runpod",operation="get_compute",outcome="404"} `,
		`atlas_request_duration_seconds_bucket{provider="runpod",operation="get_compute",le="+Inf"} `,
	} {
		if !strings.Contains("\n"+got.Text, "\n"+want) {
			t.Errorf("no %s in\n%s", want, got.Text)
		}
	}
	described(t, living+got.Text)
}

// described holds the families of a text equal to the table of docs/metrics.md, and
// each sample to the format.
func described(t *testing.T, text string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]string{} // name: type
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if head, is := strings.CutPrefix(line, "# TYPE "); is {
			name, kind, _ := strings.Cut(head, " ")
			if strings.HasPrefix(name, "atlas_live_") {
				name = "atlas_live_…"
			}
			families[name] = kind
		} else if line[0] != '#' && !sampleLine.MatchString(line) {
			t.Errorf("no line of the format: %q", line)
		}
	}
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(atlas_[a-z_…]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(page), -1) {
		rows[row[1]] = row[2]
	}
	if !maps.Equal(families, rows) {
		t.Errorf("told:      %v\ndescribed: %v", slices.Sorted(maps.Keys(families)), rows)
	}
}
