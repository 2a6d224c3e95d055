package metrics

import (
	"io"
	"strings"

	"github.com/VictoriaMetrics/metrics"
)

// ContentType is the format's version 0.0.4.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// The types of a family.
const (
	Counter   = "counter"
	Gauge     = "gauge"
	histogram = "histogram"
)

// Family is a metric with its help and its samples.
type Family struct {
	Name, Type, Help string
	samples          []sample
}

type sample struct {
	labels string
	value  float64
}

// Add adds a value, and the names and values of its labels in turn.
func (f *Family) Add(value float64, pairs ...string) {
	f.samples = append(f.samples, sample{labels(pairs), value})
}

// Write writes a family; one without samples is left out.
func (f *Family) Write(w io.Writer) {
	if len(f.samples) == 0 {
		return
	}
	head(w, f.Name, f.Type, f.Help)
	for _, s := range f.samples {
		metrics.WriteGaugeFloat64(w, f.Name+s.labels, s.value) // the head has told which type it is
	}
}

func head(w io.Writer, name, kind, help string) {
	_, _ = io.WriteString(w, "# HELP "+name+" "+help+"\n# TYPE "+name+" "+kind+"\n")
}

var escaped = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// labels writes names and values as they stand behind a metric's name.
func labels(pairs []string) string {
	if len(pairs) == 0 {
		return ""
	}
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(pairs[i] + `="` + escaped.Replace(pairs[i+1]) + `"`)
	}
	b.WriteByte('}')
	return b.String()
}
