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
				answer(ctx, 200, append(append([]byte(`{"id":"`), j.id...), `","status":"IN_QUEUE"}`...))
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
		c.jobStatus(ctx, a, endpoint, parts[2])
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

// job finds an account's job that is not gone; the caller holds a lock.
func (c *Cloud) job(a *simkit.Account, endpoint, id string, now time.Time) *job {
	q := c.jobs.queues[endpoint]
	if q == nil {
		return nil
	}
	if j := q.jobs[id]; j != nil && j.account == a && j.status(now) != "" {
		return j
	}
	return nil
}

func (c *Cloud) jobStatus(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint, id string) {
	now := c.Clock.Now()
	c.mu.RLock()
	j := c.job(a, endpoint, id, now)
	if j == nil {
		c.mu.RUnlock()
		jobError(ctx, 404, "job not found")
		return
	}
	b := j.append(ctx.Response.Body()[:0], now)
	c.mu.RUnlock()
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(b)
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
	until := j.created.Add(time.Duration(wait) * time.Millisecond)
	for {
		now := c.Clock.Now()
		c.mu.RLock()
		status, changed := j.status(now), j.changed
		end, _ := j.finish()
		if terminal(status) || !now.Before(until) || status == "" {
			b := j.append(nil, now)
			c.mu.RUnlock()
			if status == "" {
				jobError(ctx, 404, "job not found")
				return
			}
			answer(ctx, 200, b)
			return
		}
		next := until
		if !j.plan.never && end.Before(next) {
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

// touch wakes whoever waits for a job; the caller holds the write lock.
func (j *job) touch() {
	close(j.changed)
	j.changed = make(chan struct{})
}

func (c *Cloud) jobCancel(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint, id string) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.job(a, endpoint, id, now)
	if j == nil {
		jobError(ctx, 404, "job not found")
		return
	}
	if !terminal(j.status(now)) {
		j.cancelled = now
		if !j.plan.never {
			c.Meter.Rate(j.item(), "job", a.Name, 0, now)
		}
		j.touch()
	}
	answerJob(ctx, j.id, j.status(now))
}

func (c *Cloud) jobRetry(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint, id string) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	j := c.job(a, endpoint, id, now)
	if j == nil {
		jobError(ctx, 404, "job not found")
		return
	}
	if status := j.status(now); status != "FAILED" && status != "TIMED_OUT" {
		jobError(ctx, 400, "only failed or timed out jobs can be retried, this one is "+status)
		return
	}
	j.submitted, j.read = now, 0
	j.attempts++
	c.jobs.queue(endpoint).retried++
	c.bill(j)
	j.touch()
	answerJob(ctx, j.id, "IN_QUEUE")
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
	for _, j := range c.jobs.queue(endpoint).order {
		if j.account == a && j.status(now) == "IN_QUEUE" {
			j.removed = true
			removed++
			if !j.plan.never {
				c.Meter.Rate(j.item(), "job", a.Name, 0, now)
			}
			j.touch()
		}
	}
	answer(ctx, 200, append(simkit.AppendInt([]byte(`{"removed":`), removed), `,"status":"completed"}`...))
}

func (c *Cloud) health(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint string) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.jobs.queue(endpoint)
	n := map[string]int{}
	for _, j := range q.order {
		if j.account == a {
			n[j.status(now)]++
		}
	}
	b := simkit.AppendInt([]byte(`{"jobs":{"completed":`), n["COMPLETED"])
	b = simkit.AppendInt(append(b, `,"failed":`...), n["FAILED"]+n["TIMED_OUT"])
	b = simkit.AppendInt(append(b, `,"inProgress":`...), n["IN_PROGRESS"])
	b = simkit.AppendInt(append(b, `,"inQueue":`...), n["IN_QUEUE"])
	b = simkit.AppendInt(append(b, `,"retried":`...), q.retried)
	b = simkit.AppendInt(append(b, `},"workers":{"idle":0,"running":`...), n["IN_PROGRESS"])
	answer(ctx, 200, append(b, `}}`...))
}
