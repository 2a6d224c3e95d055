package metrics

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestFamily_WritesItsHeadAndItsSamples(t *testing.T) {
	f := &Family{Name: "atlas_sessions", Type: Gauge, Help: "Sessions."}
	var text strings.Builder
	f.Write(&text)
	if text.Len() != 0 {
		t.Errorf("without samples it wrote %q", text.String())
	}
	f.Add(3, "provider", "runpod", "state", "live")
	f.Add(0.5)
	f.Add(1, "provider", "a\\b\"c\nd")
	f.Write(&text)
	const want = "# HELP atlas_sessions Sessions.\n# TYPE atlas_sessions gauge\n" +
		"atlas_sessions{provider=\"runpod\",state=\"live\"} 3\n" + "atlas_sessions 0.5\n" + `atlas_sessions{provider="a\\b\"c\nd"} 1` + "\n"
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
}

// TestRequests_AreWrittenOnceUnderTheirHeads has a program that uses the library below
// for metrics of its own and has switched its heads on.
func TestRequests_AreWrittenOnceUnderTheirHeads(t *testing.T) {
	metrics.ExposeMetadata(true)
	defer metrics.ExposeMetadata(false)
	r := NewRequests()
	var empty strings.Builder
	if r.Write(&empty); empty.Len() != 0 {
		t.Errorf("without requests it wrote %q", empty.String())
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				r.Count(Request{Provider: "runpod", Operation: "get_compute", Status: 200}, 30*time.Millisecond)
				r.Count(Request{Provider: "runpod", Operation: "get_compute", Kind: "timeout"}, 2*time.Minute)
			}
		})
	}
	all.Wait()
	var out strings.Builder
	r.Write(&out)
	text := out.String()
	for _, line := range []string{
		"# TYPE atlas_requests_total counter",
		`atlas_requests_total{provider="runpod",operation="get_compute",outcome="200"} 800`,
		`atlas_requests_total{provider="runpod",operation="get_compute",outcome="timeout"} 800`,
		"# TYPE atlas_request_duration_seconds histogram",
		`atlas_request_duration_seconds_bucket{provider="runpod",operation="get_compute",le="0.025"} 0`,
		`atlas_request_duration_seconds_bucket{provider="runpod",operation="get_compute",le="0.05"} 800`,
		`atlas_request_duration_seconds_bucket{provider="runpod",operation="get_compute",le="60"} 800`,
		`atlas_request_duration_seconds_bucket{provider="runpod",operation="get_compute",le="+Inf"} 1600`,
		`atlas_request_duration_seconds_count{provider="runpod",operation="get_compute"} 1600`,
	} {
		if strings.Count("\n"+text, "\n"+line+"\n") != 1 {
			t.Errorf("once: %s\nin\n%s", line, text)
		}
	}
	if n := strings.Count(text, "# "); n != 4 {
		t.Errorf("%d heads in\n%s", n, text)
	}
}
