package runpod

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// jobError answers an error of the job API, which knows no problem documents.
func jobError(ctx *fasthttp.RequestCtx, status int, text string) {
	answer(ctx, status, append(simkit.AppendString([]byte(`{"error":`), text), '}'))
}

// newJobLimits are the published limits per endpoint, by call.
func newJobLimits(on bool) map[string]*simkit.Limiter {
	limits := map[string]*simkit.Limiter{}
	if on {
		for call, quota := range map[string]int{"run": 1000, "runsync": 2000, "status": 2000, "stream": 2000, "cancel": 100, "purge-queue": 2} {
			limits[call] = simkit.NewLimiter([]simkit.Window{{Name: "10s", Quota: quota, Seconds: 10}})
		}
	}
	return limits
}

// serveJobs answers /jobs/v2/{endpoint}/{call}[/{job}].
func (c *Cloud) serveJobs(ctx *fasthttp.RequestCtx, path string) {
	header := ctx.Request.Header.Peek("Authorization")
	key := simkit.Bearer(header)
	if key == nil && !bytes.ContainsRune(header, ' ') {
		key = header // the documentation's examples send the bare key
	}
	a := c.Accounts.Find(key)
	if a == nil {
		jobError(ctx, 401, "unauthorized")
		return
	}
	if a.Forbidden || a.ReadOnly && !ctx.IsGet() {
		jobError(ctx, 403, "forbidden")
		return
	}
	var room [3]string
	parts := split(room[:0], path)
	if len(parts) < 2 || !c.endpointExists(parts[0]) {
		jobError(ctx, 404, "endpoint not found")
		return
	}
	endpoint, call := parts[0], parts[1]
	if limiter := c.jobLimits[call]; limiter != nil && !limiter.Take(endpoint, c.Clock.Now()).OK {
		jobError(ctx, 429, "too many requests")
		return
	}
	post := ctx.IsPost()
	if len(parts) == 2 {
		switch {
		case call == "run" && post:
			if j := c.submit(ctx, a, endpoint, false); j != nil {
				answer(ctx, 200, append(append([]byte(`{"id":"`), j.ID...), `","status":"IN_QUEUE"}`...))
			}
		case call == "runsync" && post:
			c.runSync(ctx, a, endpoint)
		case call == "purge-queue" && post:
			c.purge(ctx, a, endpoint)
		case call == "health" && ctx.IsGet():
			c.health(ctx, a, endpoint)
		default:
			jobError(ctx, 404, "not found")
		}
		return
	}
	switch {
	case call == "status" && (ctx.IsGet() || post):
		c.jobShow(ctx, a, endpoint, parts[2])
	case call == "stream" && (ctx.IsGet() || post):
		c.jobStream(ctx, a, endpoint, parts[2])
	case call == "cancel" && post:
		c.jobCancel(ctx, a, endpoint, parts[2])
	case call == "retry" && post:
		c.jobRetry(ctx, a, endpoint, parts[2])
	default:
		jobError(ctx, 404, "not found")
	}
}

// endpointExists tells whether jobs may go to an endpoint. Unless told to be
// strict, any does whose name does not start with "missing".
func (c *Cloud) endpointExists(id string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.endpointOf(id) != nil || !c.o.StrictJobs && !strings.HasPrefix(id, "missing")
}

func (c *Cloud) jobShow(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint, id string) {
	now := c.Clock.Now()
	c.mu.RLock()
	j := c.jobs.Find(a, endpoint, id, now)
	if j == nil {
		c.mu.RUnlock()
		jobError(ctx, 404, "job not found")
		return
	}
	buf := c.buffers.Get()
	*buf = appendJob(*buf, j, now)
	c.mu.RUnlock()
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(*buf)
	c.buffers.Put(buf)
}

// runSync waits, in virtual time, until the job has finished or ?wait= is over.
func (c *Cloud) runSync(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint string) {
	wait := 90000
	if text := ctx.QueryArgs().Peek("wait"); text != nil {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 1000 || n > 300000 {
			jobError(ctx, 400, "wait must be between 1000 and 300000 milliseconds")
			return
		}
		wait = n
	}
	j := c.submit(ctx, a, endpoint, true)
	if j == nil {
		return
	}
	until := j.Created.Add(time.Duration(wait) * time.Millisecond)
	for {
		now := c.Clock.Now()
		c.mu.RLock()
		state, changed := j.State(now), j.Changed()
		end, _ := j.End()
		if state.Terminal() || !now.Before(until) {
			b := appendJob(nil, j, now)
			c.mu.RUnlock()
			if state == simkit.JobGone {
				jobError(ctx, 404, "job not found")
				return
			}
			answer(ctx, 200, b)
			return
		}
		next := until
		if !j.Work.Never && end.Before(next) {
			next = end
		}
		c.mu.RUnlock()
		if !c.Clock.Wait(next, c.Closed, changed) && c.closing() {
			return
		}
	}
}

func (c *Cloud) closing() bool {
	select {
	case <-c.Closed:
		return true
	default:
		return false
	}
}

func (c *Cloud) jobCancel(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint, id string) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.jobs.Find(a, endpoint, id, now)
	if j == nil {
		jobError(ctx, 404, "job not found")
		return
	}
	c.jobs.Cancel(j, now)
	answerJob(ctx, j.ID, jobStatus(j.State(now)))
}

func (c *Cloud) jobRetry(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint, id string) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.jobs.Find(a, endpoint, id, now)
	if j == nil {
		jobError(ctx, 404, "job not found")
		return
	}
	if state := j.State(now); state != simkit.JobFailed && state != simkit.JobTimedOut {
		jobError(ctx, 400, "only failed or timed out jobs can be retried, this one is "+jobStatus(state))
		return
	}
	c.jobs.Retry(j, now)
	answerJob(ctx, j.ID, "IN_QUEUE")
}

func answerJob(ctx *fasthttp.RequestCtx, id, status string) {
	b := append(append([]byte(`{"id":"`), id...), `","status":"`...)
	answer(ctx, 200, append(append(b, status...), `"}`...))
}

func (c *Cloud) purge(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint string) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	removed := 0
	for _, j := range c.jobs.Of(a, endpoint, now) {
		if j.State(now) == simkit.JobQueued {
			c.jobs.Remove(j, now)
			removed++
		}
	}
	answer(ctx, 200, append(simkit.AppendInt([]byte(`{"removed":`), removed), `,"status":"completed"}`...))
}

func (c *Cloud) health(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint string) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := map[simkit.JobState]int{}
	for _, j := range c.jobs.Of(a, endpoint, now) {
		n[j.State(now)]++
	}
	b := simkit.AppendInt([]byte(`{"jobs":{"completed":`), n[simkit.JobCompleted])
	b = simkit.AppendInt(append(b, `,"failed":`...), n[simkit.JobFailed]+n[simkit.JobTimedOut])
	b = simkit.AppendInt(append(b, `,"inProgress":`...), n[simkit.JobRunning])
	b = simkit.AppendInt(append(b, `,"inQueue":`...), n[simkit.JobQueued])
	b = simkit.AppendInt(append(b, `,"retried":`...), c.jobs.Retried(endpoint))
	b = simkit.AppendInt(append(b, `},"workers":{"idle":0,"running":`...), n[simkit.JobRunning])
	answer(ctx, 200, append(b, `}}`...))
}
