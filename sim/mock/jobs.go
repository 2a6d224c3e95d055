package mock

import (
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

func (c *Cloud) routeJobs(ctx *fasthttp.RequestCtx, parts []string) {
	method := string(ctx.Method())
	if len(parts) < 3 || len(parts) > 5 || parts[2] != "jobs" || strings.HasPrefix(parts[1], "missing") {
		problem(ctx, 404, "no such endpoint")
		return
	}
	endpoint := parts[1]
	switch {
	case len(parts) == 3 && method == "POST":
		c.submit(ctx, endpoint)
	case len(parts) == 4 && method == "GET":
		c.withJob(ctx, endpoint, parts[3], func(j *simkit.Job, now time.Time) { answer(ctx, 200, appendJob(nil, j, now)) })
	case len(parts) == 5 && method == "POST" && parts[4] == "cancel":
		c.withJob(ctx, endpoint, parts[3], func(j *simkit.Job, now time.Time) {
			if !c.jobs.Cancel(j, now) {
				problem(ctx, 409, "job is "+word(j.State(now)))
				return
			}
			answer(ctx, 200, appendJob(nil, j, now))
		})
	case len(parts) == 5 && method == "GET" && parts[4] == "stream":
		c.withJob(ctx, endpoint, parts[3], func(j *simkit.Job, now time.Time) {
			b := append(append(append([]byte(`{"status":"`), word(j.State(now))...), `","chunks":`...), simkit.AppendRaws(nil, j.Take(now))...)
			answer(ctx, 200, append(b, '}'))
		})
	default:
		problem(ctx, 404, "no such resource")
	}
}

// withJob runs fn under the lock with the job, or answers that there is none.
func (c *Cloud) withJob(ctx *fasthttp.RequestCtx, endpoint, id string, fn func(*simkit.Job, time.Time)) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.jobs.Find(c.account, endpoint, id, now)
	if j == nil {
		problem(ctx, 404, "no such job")
		return
	}
	fn(j, now)
}

// submit answers POST …/jobs.
func (c *Cloud) submit(ctx *fasthttp.RequestCtx, endpoint string) {
	v, parser := c.body(ctx, c.shapes.job)
	if v == nil {
		return
	}
	input := v.Get("input")
	j := &simkit.Job{Endpoint: endpoint, Account: c.account, Input: input.MarshalTo(nil), Worker: "w-1", Created: c.Clock.Now(),
		TTL: time.Duration(v.GetInt64("policy", "ttl_ms")) * time.Millisecond, Limit: time.Duration(v.GetInt64("policy", "execution_timeout_ms")) * time.Millisecond,
		Work: simkit.WorkOf(endpoint, input, time.Duration(c.o.JobDelayMS)*time.Millisecond, time.Duration(c.o.JobRunMS)*time.Millisecond)}
	if len(j.Work.Chunks) == 0 && j.Work.Fail == "" && !j.Work.Never {
		j.Work.Chunks = [][]byte{j.Work.AppendOutput(nil, j.Input)}
	}
	wait := time.Duration(v.GetInt64("wait_ms")) * time.Millisecond
	c.parsers.Put(parser)
	j.ID = "job-" + c.IDs.New(11, idAlphabet)
	c.mu.Lock()
	c.jobs.Add(j)
	c.mu.Unlock()
	until := j.Created.Add(wait)
	for {
		now := c.Clock.Now()
		c.mu.RLock()
		state, changed := j.State(now), j.Changed()
		if state.Terminal() || !now.Before(until) {
			b := appendJob(nil, j, now)
			c.mu.RUnlock()
			answer(ctx, 201, b)
			return
		}
		next := until
		if end, _ := j.End(); !j.Work.Never && end.Before(next) {
			next = end
		}
		c.mu.RUnlock()
		c.Clock.Wait(next, c.Closed, changed)
		select {
		case <-c.Closed:
			return
		default:
		}
	}
}

// word is the mock cloud's name of a state.
func word(s simkit.JobState) string {
	switch s {
	case simkit.JobQueued:
		return "queued"
	case simkit.JobRunning:
		return "running"
	case simkit.JobCompleted:
		return "completed"
	case simkit.JobFailed:
		return "failed"
	case simkit.JobCancelled:
		return "cancelled"
	}
	return "timed_out"
}

func appendJob(b []byte, j *simkit.Job, now time.Time) []byte {
	state := j.State(now)
	b = simkit.AppendString(append(b, `{"id":`...), j.ID)
	b = simkit.AppendString(append(b, `,"endpoint":`...), j.Endpoint)
	b = append(append(append(b, `,"status":"`...), word(state)...), `","output":`...)
	switch {
	case state != simkit.JobCompleted:
		b = append(b, "null"...)
	case j.Work.Big > 0 || len(j.Work.Chunks) != 1:
		b = j.Work.AppendOutput(b, j.Input)
	default: // one chunk is the output itself
		b = append(b, j.Work.Chunks[0]...)
	}
	b = append(b, `,"error":`...)
	switch state {
	case simkit.JobFailed:
		b = simkit.AppendString(b, j.Work.Fail)
	case simkit.JobTimedOut:
		b = append(b, `"the run took too long"`...)
	default:
		b = append(b, "null"...)
	}
	if state == simkit.JobQueued || state == simkit.JobCancelled {
		return append(b, `,"delay_ms":null,"execution_ms":null,"worker":null}`...)
	}
	b = simkit.AppendInt(append(b, `,"delay_ms":`...), j.Work.Delay.Milliseconds())
	b = append(b, `,"execution_ms":`...)
	if state.Terminal() {
		end, _ := j.End()
		b = simkit.AppendInt(b, end.Sub(j.Begin()).Milliseconds())
	} else {
		b = append(b, "null"...)
	}
	return append(append(append(b, `,"worker":"`...), j.Worker...), `"}`...)
}
