package metrics

import (
	"bytes"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// bounds of a request's duration, in seconds: a call on loopback takes a
// millisecond, and a cloud that hangs is given up after thirty or sixty seconds.
var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// Request names an attempt of an HTTP request.
type Request struct {
	Provider  string
	Operation string
	Status    int    // 0: no answer came
	Kind      string // of the error, where none came
}

// outcome is the HTTP status, or where none came the kind of error.
func (q *Request) outcome() string {
	if q.Status == 0 {
		return q.Kind
	}
	return strconv.Itoa(q.Status)
}

// Requests counts the attempts of HTTP requests, and how long they took.
type Requests struct {
	totals, durations *metrics.Set

	mu    sync.RWMutex
	known map[Request]series
}

type series struct {
	total    *metrics.Counter
	duration *metrics.PrometheusHistogram
}

// NewRequests counts from zero.
func NewRequests() *Requests {
	return &Requests{totals: metrics.NewSet(), durations: metrics.NewSet(), known: map[Request]series{}}
}

const (
	nameRequests  = "atlas_requests_total"
	nameDurations = "atlas_request_duration_seconds"
)

// Count counts one in.
func (r *Requests) Count(q Request, took time.Duration) {
	r.mu.RLock()
	s, known := r.known[q]
	r.mu.RUnlock()
	if !known {
		of := []string{"provider", q.Provider, "operation", q.Operation}
		s = series{
			duration: r.durations.GetOrCreatePrometheusHistogramExt(nameDurations+labels(of), bounds),
			total:    r.totals.GetOrCreateCounter(nameRequests + labels(append(of, "outcome", q.outcome()))),
		}
		r.mu.Lock()
		r.known[q] = s
		r.mu.Unlock()
	}
	s.total.Inc()
	s.duration.Update(took.Seconds())
}

// Write writes both families.
func (r *Requests) Write(w io.Writer) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.known) == 0 {
		return
	}
	head(w, nameRequests, Counter, "HTTP requests to clouds, each attempt by itself.")
	body(w, r.totals)
	head(w, nameDurations, histogram, "How long HTTP requests to clouds took until the whole answer was there, in seconds.")
	body(w, r.durations)
}

// body writes a set without the heads that a program which uses the same library may
// have switched on for all of its sets.
func body(w io.Writer, set *metrics.Set) {
	var text bytes.Buffer
	set.WritePrometheus(&text)
	for line := range bytes.Lines(text.Bytes()) {
		if line[0] != '#' {
			_, _ = w.Write(line)
		}
	}
}
