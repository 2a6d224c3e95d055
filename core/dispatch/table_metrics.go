package dispatch

import (
	"context"

	"github.com/exatlas/atlas/core/metrics"
	"github.com/exatlas/atlas/core/spec"
)

// Metrics is the result of atlas.metrics.
type Metrics struct {
	ContentType string `json:"content_type" doc:"Media type to serve the text with."`
	Text        string `json:"text" doc:"All metrics in the text format of Prometheus."`
}

func addMetrics(t *Table, s *Services) {
	add(t, "atlas.metrics", Doc{
		Summary: "Tells all that this client counts, in the text format of Prometheus.",
		Text: "Serve the text with the content type at a path of your own, and let Prometheus, or whatever reads its format, fetch it there. It sends nothing, and opens no store. Counters begin at zero when the client is opened. " +
			"docs/metrics.md lists the metrics.",
		Params: `{}`,
		Result: `{"content_type":"text/plain; version=0.0.4; charset=utf-8","text":"# HELP atlas_calls_total …"}`,
	}, func(context.Context, *None) (*Metrics, error) { return s.Metrics(), nil })
}

// Calls tells of the calls that are over.
func (d *Dispatcher) Calls() *metrics.Family {
	t := d.table
	f := &metrics.Family{Name: "atlas_calls_total", Type: metrics.Counter, Help: "Calls of methods that are over, by what became of them: ok, or the kind of error."}
	for _, name := range t.names {
		calls := t.methods[name].calls
		if n := calls[0].Load(); n > 0 {
			f.Add(float64(n), "method", name, "outcome", "ok")
		}
		for i, kind := range spec.Kinds() {
			if n := calls[1+i].Load(); n > 0 {
				f.Add(float64(n), "method", name, "outcome", string(kind))
			}
		}
	}
	return f
}
