package dispatch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// counted are the samples of a dispatcher's calls.
func counted(d *Dispatcher) []string {
	var text strings.Builder
	d.Calls().Write(&text)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" || line[0] == '#' })
}

func TestCalls_CountsEachCallOnceByWhatBecameOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := bench(Limits{})
		if got := counted(d); len(got) != 0 {
			t.Errorf("before any call: %q", got)
		}
		d.Call([]byte(`{"method":"test.echo","params":{"text":"x"}}`))
		d.Call([]byte(`{"method":"test.echo","params":{"text":"{}","fails":"capacity"}}`))
		d.Call([]byte(`{"method":"test.echo","params":{"text":"x","fails":"panic"}}`))
		d.Call([]byte(`{"method":"test.echo","params":{"txt":"x"}}`)) // refused before it began
		d.Call([]byte(`{"method":"test.wait","deadline_ms":5}`))
		d.Call([]byte(`{"id":"d","detach_after_ms":5,"method":"test.sleep"}`))
		d.Submit([]byte(`{"id":"s","method":"test.sleep"}`))
		time.Sleep(2 * time.Second)
		_ = d.Do(context.Background(), "test.echo", &echoParams{Text: "x"}, func(context.Context) error { return nil })
		_ = d.Do(context.Background(), "test.echo", &echoParams{Text: "x"}, func(context.Context) error { return errors.New("foreign") })
		_ = d.Do(context.Background(), "test.echo", &echoParams{Text: "x"}, func(context.Context) error { return &spec.Error{Kind: spec.KindCapacity} })
		_ = d.Do(context.Background(), "test.echo", &echoParams{Text: "x"}, func(context.Context) error { panic("a defect") })
		want := []string{
			`atlas_calls_total{method="test.echo",outcome="ok"} 2`,
			`atlas_calls_total{method="test.echo",outcome="capacity"} 2`,
			`atlas_calls_total{method="test.echo",outcome="internal"} 3`,
			`atlas_calls_total{method="test.sleep",outcome="ok"} 2`,
			`atlas_calls_total{method="test.wait",outcome="timeout"} 1`,
		}
		if got := counted(d); !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		for range 2 {
			d.Next(0)
		}
		finish(t, d)
	})
}
