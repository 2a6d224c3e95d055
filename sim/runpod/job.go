package runpod

import (
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// outputLimit is where RunPod drops an output although the job completes.
const outputLimit = 20 << 20

// jobStatus is RunPod's word for a state.
func jobStatus(s simkit.JobState) string {
	switch s {
	case simkit.JobQueued:
		return "IN_QUEUE"
	case simkit.JobRunning:
		return "IN_PROGRESS"
	case simkit.JobCompleted:
		return "COMPLETED"
	case simkit.JobFailed:
		return "FAILED"
	case simkit.JobCancelled:
		return "CANCELLED"
	}
	return "TIMED_OUT"
}

// submit reads a request of /run or /runsync and plans the job; nil when it
// answered an error.
func (c *Cloud) submit(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint string, sync bool) *simkit.Job {
	most := 10 << 20
	if sync {
		most = 20 << 20
	}
	if len(ctx.PostBody()) > most {
		jobError(ctx, 400, "request body exceeds "+itoa(most>>20)+" MB")
		return nil
	}
	parser := c.parsers.Get()
	defer c.parsers.Put(parser)
	v, err := parser.ParseBytes(ctx.PostBody())
	if err != nil || v.Type() != fastjson.TypeObject {
		jobError(ctx, 400, "request body is not a JSON object")
		return nil
	}
	input := v.Get("input")
	if input == nil {
		jobError(ctx, 400, "input is required")
		return nil
	}
	limit, ok := span(v.Get("policy", "executionTimeout"), 5*time.Second, 10*time.Minute)
	ttl, okTTL := span(v.Get("policy", "ttl"), 10*time.Second, 24*time.Hour)
	if !ok || !okTTL {
		jobError(ctx, 400, "policy.executionTimeout must be 5000 to 604800000 ms, policy.ttl 10000 to 604800000 ms")
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	name, e := endpoint, c.endpointOf(endpoint)
	if e != nil {
		name = e.name
	}
	j := &simkit.Job{ID: c.IDs.UUID() + "-u1", Endpoint: endpoint, Account: a, Input: input.MarshalTo(nil), Worker: c.IDs.New(14, idAlphabet), Created: c.Clock.Now(),
		TTL: ttl, Limit: limit, Kept: 30 * time.Minute,
		Work: simkit.WorkOf(name, input, time.Duration(c.o.JobDelayMS)*time.Millisecond, time.Duration(c.o.JobRunMS)*time.Millisecond)}
	if sync {
		j.ID, j.Kept = "sync-"+j.ID, time.Minute
	}
	if e != nil && e.workersMax == 0 {
		j.Work.Never = true
	}
	c.jobs.Add(j)
	return j
}

// span reads a duration of a policy, up to seven days.
func span(v *fastjson.Value, least, standard time.Duration) (time.Duration, bool) {
	if v == nil {
		return standard, true
	}
	d := time.Duration(v.GetInt64()) * time.Millisecond
	return d, v.Type() == fastjson.TypeNumber && d >= least && d <= 7*24*time.Hour
}

// appendJob appends a job as /status and /runsync show it.
func appendJob(b []byte, j *simkit.Job, now time.Time) []byte {
	state := j.State(now)
	b = append(b, '{')
	if state != simkit.JobQueued && state != simkit.JobCancelled {
		b = simkit.AppendInt(append(b, `"delayTime":`...), j.Work.Delay.Milliseconds())
		if state.Terminal() {
			end, _ := j.End()
			b = simkit.AppendInt(append(b, `,"executionTime":`...), end.Sub(j.Begin()).Milliseconds())
		}
		b = append(append(append(b, `,"workerId":"`...), j.Worker...), `",`...)
	}
	b = append(append(append(b, `"id":"`...), j.ID...), '"')
	switch {
	case state == simkit.JobCompleted && j.Work.Big <= outputLimit:
		b = j.Work.AppendOutput(append(b, `,"output":`...), j.Input)
	case state == simkit.JobFailed:
		b = simkit.AppendString(append(b, `,"error":`...), j.Work.Fail)
	case state == simkit.JobTimedOut:
		b = append(b, `,"error":"job timed out after `...)
		b = append(simkit.AppendInt(b, j.Limit.Milliseconds()), ` ms"`...)
	}
	return append(append(append(b, `,"status":"`...), jobStatus(state)...), `"}`...)
}
