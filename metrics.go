package atlas

import (
	"maps"
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/dispatch"
	"github.com/exatlas/atlas/core/metrics"
)

// Metrics is what a client counts, in the text format of Prometheus.
type Metrics = dispatch.Metrics

// Metrics tells all that the client counts. docs/metrics.md lists it.
func (c *Client) Metrics() *Metrics {
	build := &metrics.Family{Name: "atlas_build_info", Type: metrics.Gauge, Help: "1; the label tells the version of the library."}
	build.Add(1, "version", Version)
	families := []*metrics.Family{build, c.dispatcher.Calls()}
	families = append(append(families, c.orchestrator.Metrics()...), c.gauges()...)
	var text strings.Builder
	for _, f := range families {
		f.Write(&text)
	}
	c.requests.Write(&text)
	return &Metrics{ContentType: metrics.ContentType, Text: text.String()}
}

// gauges are the entries of atlas.info's live.
func (c *Client) gauges() []*metrics.Family {
	live := c.live()
	var out []*metrics.Family
	for _, name := range slices.Sorted(maps.Keys(live)) {
		f := &metrics.Family{Name: "atlas_live_" + name, Type: metrics.Gauge, Help: "live." + name + " of atlas.info."}
		f.Add(float64(live[name]))
		out = append(out, f)
	}
	return out
}
