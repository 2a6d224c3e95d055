package conformance

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
	"github.com/exatlas/atlas/internal/safego"
)

// checkTime lets the cloud keep silent until the call is cancelled or out of
// time, and then asks again.
func (s *suite) checkTime() {
	g := s.report.group("time", "deadlines and cancelling, at each request")
	for _, operation := range s.manifest.Operations {
		s.checkSilence(g, "no answer at all", operation, s.request(operation), hold)
	}
	s.eachExchange(func(c *Case, at int, where string) {
		s.checkSilence(g, where+" is never answered", c.Operation, c.Request, playWith(c.Exchanges, at, hold))
	})
}

func (s *suite) checkSilence(g *Group, name, operation string, request []byte, cloud respond) {
	ends := func(kind spec.Kind, verb string) law {
		return law{lawCancelled, func(o *outcome) string {
			if len(o.sent) > 0 && o.err != nil && o.err.Kind != kind && verb == "cancelled" {
				return describe(o)
			}
			if len(o.sent) > 0 && o.err != nil && o.err.Kind != spec.KindTimeout && o.err.Kind != spec.KindCancelled {
				return describe(o)
			}
			return ""
		}}
	}
	late := &trial{name: name + "; out of time", operation: operation, request: request, cloud: cloud, patience: 20 * time.Millisecond}
	s.verdict(g, late, s.tryAgain(func() *outcome { return s.try(late) }), ends(spec.KindTimeout, "out of time"))

	given := &trial{name: name + "; cancelled", operation: operation, request: request}
	o := s.tryAgain(func() *outcome {
		ctx, cancel := context.WithCancel(s.ctx)
		defer cancel()
		given.cloud = func(c context.Context, n int, r *egress.Request) (*egress.Response, *egress.Failure) {
			answer, failure := cloud(cancelling(c, cancel), n, r)
			return answer, failure
		}
		return s.tryIn(ctx, given)
	})
	s.verdict(g, given, o, ends(spec.KindCancelled, "cancelled"))
}

// tryAgain gives a plugin that was stopped two more chances: once its call is
// over it has a tenth of a second, which on a busy machine may pass without it
// running at all. One that loops is stopped each time.
func (s *suite) tryAgain(try func() *outcome) *outcome {
	o := try()
	for again := 0; again < 2 && o.err != nil && o.err.Kind == spec.KindPlugin && strings.Contains(o.err.Message, "computed for too long"); again++ {
		o = try()
	}
	return o
}

// cancelling is a context that asks for the end of its call as soon as somebody
// waits for it.
func cancelling(ctx context.Context, cancel context.CancelFunc) context.Context {
	return waited{ctx, cancel}
}

type waited struct {
	context.Context
	cancel context.CancelFunc
}

// Done is what a cloud that keeps silent waits for.
func (w waited) Done() <-chan struct{} {
	w.cancel()
	return w.Context.Done()
}

// together is how many calls are in flight at once.
const together = 24

// checkTogether carries recorded cases out many times at once, their answers
// interleaved, and compares each with what it is alone.
func (s *suite) checkTogether() {
	if len(s.recording.Cases) == 0 {
		return
	}
	g := s.report.group("together", fmt.Sprintf("%d calls in flight at once, answered in turns", together))
	var trials []*trial
	var want []*Case
	for n := range together * 4 {
		c := &s.recording.Cases[n%len(s.recording.Cases)]
		as := play(c.Exchanges)
		trials = append(trials, &trial{name: c.Name, operation: c.Operation, request: c.Request, raw: c.IncludeRaw})
		want = append(want, c)
		trials[n].cloud = func(ctx context.Context, at int, r *egress.Request) (*egress.Response, *egress.Failure) {
			timer := time.NewTimer(time.Duration((n*7+at*3)%5) * time.Millisecond)
			<-timer.C
			return as(ctx, at, r)
		}
	}
	outcomes := make([]*outcome, len(trials))
	slots := make(chan struct{}, together)
	var running sync.WaitGroup
	for n := range trials {
		slots <- struct{}{}
		safego.Go(&running, nil, func() {
			outcomes[n] = s.try(trials[n])
			<-slots
		})
	}
	running.Wait()
	for n, o := range outcomes {
		if o == nil {
			o = &outcome{err: spec.NewError(spec.KindInternal, "the call gave nothing")}
		}
		s.verdict(g, trials[n], o, law{lawApart, func(o *outcome) string { return unlike(want[n], o) }})
	}
}

// checkMemory repeats calls and looks at the memory of the sandboxes.
func (s *suite) checkMemory() {
	g := s.report.group("memory", "hundreds of calls in the same sandbox")
	const (
		rounds = 400
		room   = 16 << 20
	)
	for _, operation := range s.manifest.Operations {
		cloud := always(Answer{Status: 200, Body: Body{`{}`}})
		request := s.request(operation)
		for i := range s.recording.Cases {
			if c := &s.recording.Cases[i]; c.Operation == operation {
				request = c.Request
				cloud = nil
				for range 50 { // the sandbox reaches its working size
					s.try(&trial{operation: operation, request: request, cloud: play(c.Exchanges)})
				}
				before := s.host.Stats().Memory
				for range rounds {
					s.try(&trial{operation: operation, request: request, cloud: play(c.Exchanges)})
				}
				s.grown(g, operation, rounds, before, room)
				break
			}
		}
		if cloud == nil {
			continue
		}
		s.try(&trial{operation: operation, request: request, cloud: cloud})
		before := s.host.Stats().Memory
		for range rounds / 5 {
			s.try(&trial{operation: operation, request: request, cloud: cloud})
		}
		s.grown(g, operation, rounds/5, before, room)
	}
}

func (s *suite) grown(g *Group, operation string, calls int, before, room int64) {
	wrong := ""
	if after := s.host.Stats().Memory; after > before+room {
		wrong = fmt.Sprintf("%d calls of %s took memory from %d to %d bytes", calls, operation, before, after)
	}
	s.finding(g, fmt.Sprintf("%d calls of %s", calls, operation), lawGrowth, wrong)
}
