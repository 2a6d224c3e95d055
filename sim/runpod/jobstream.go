package runpod

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// jobStream answers /stream/{job}: what the worker yielded since the last read.
// Reading takes it away. A read that finds nothing is held for a while, until
// something comes or the job ends.
func (c *Cloud) jobStream(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint, id string) {
	until := c.Clock.Now().Add(c.streamHold())
	for {
		now := c.Clock.Now()
		c.mu.Lock()
		j := c.jobs.Find(a, endpoint, id, now)
		if j == nil {
			c.mu.Unlock()
			jobError(ctx, 404, "job not found")
			return
		}
		state := j.State(now)
		_, next := j.Ready(now)
		chunks := j.Take(now)
		if len(chunks) > 0 || state.Terminal() || !now.Before(until) {
			c.mu.Unlock()
			answer(ctx, 200, c.appendStream(nil, jobStatus(state), chunks))
			return
		}
		changed := j.Changed()
		c.mu.Unlock()
		if until.Before(next) {
			next = until
		}
		if !c.Clock.Wait(next, c.Closed, changed) && c.closing() {
			return
		}
	}
}

// streamHold is how long an empty read is held. A clock that moves by hand holds
// nothing unless it is asked to.
func (c *Cloud) streamHold() time.Duration {
	switch {
	case c.o.StreamHoldMS != 0:
		return time.Duration(max(c.o.StreamHoldMS, 0)) * time.Millisecond
	case c.Clock.Factor() == 0:
		return 0
	}
	return 10 * time.Second
}

func (c *Cloud) appendStream(b []byte, status string, chunks [][]byte) []byte {
	if !c.o.StreamArray {
		b = append(append(append(b, `{"status":"`...), status...), `","stream":`...)
	}
	b = append(b, '[')
	for i, chunk := range chunks {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, `{"output":`...), chunk...), '}')
	}
	b = append(b, ']')
	if !c.o.StreamArray {
		b = append(b, '}')
	}
	return b
}

// listWorkers answers GET /v2/serverless/{id}/workers: a worker for each job
// that runs.
func (c *Cloud) listWorkers(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	now := c.Clock.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := byID(c.tenant(a).endpoints, parts[1], (*endpoint).key)
	if e == nil {
		problem(ctx, 404, "endpoint not found")
		return
	}
	b, n := []byte(`{"workers":[`), 0
	for _, j := range c.jobs.Of(a, e.id, now) {
		if j.State(now) != simkit.JobRunning {
			continue
		}
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = simkit.AppendString(append(b, `{"id":`...), j.Worker)
		b = simkit.AppendInt(append(b, `,"status":"RUNNING","isStale":false,"version":`...), e.version)
		b = simkit.AppendInt(append(b, `,"gpuCount":`...), e.gpuCount)
		b = simkit.AppendString(append(b, `,"image":`...), e.image)
		b = simkit.AppendInt(append(b, `,"uptimeSeconds":`...), int64(now.Sub(j.Begin())/time.Second))
		b = simkit.AppendTime(append(b, `,"gpuTypeId":null,"dataCenterId":null,"startedAt":`...), j.Begin())
		b = append(b, '}')
	}
	b = simkit.AppendInt(append(b, `],"summary":{"running":`...), n)
	b = simkit.AppendInt(append(b, `,"idle":0,"initializing":0,"throttled":0,"unhealthy":0,"total":`...), n)
	b = simkit.AppendInt(append(b, `},"endpointVersion":`...), e.version)
	answer(ctx, 200, append(b, '}'))
}

// listReleases answers GET /v2/serverless/{id}/releases.
func (c *Cloud) listReleases(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := byID(c.tenant(a).endpoints, parts[1], (*endpoint).key)
	if e == nil {
		problem(ctx, 404, "endpoint not found")
		return
	}
	b := simkit.AppendInt([]byte(`{"endpointVersion":`), e.version)
	b = append(b, `,"rollout":{"inProgress":false,"workersOnLatest":0,"workersTotal":0,"percentOnLatest":100},"releases":[{"id":`...)
	b = simkit.AppendString(b, "rel_"+e.id)
	b = simkit.AppendInt(append(b, `,"version":`...), e.version)
	b = simkit.AppendTime(append(b, `,"source":"MANUAL","buildId":null,"createdByUserId":null,"workerCount":0,"createdAt":`...), e.createdAt)
	answer(ctx, 200, append(b, `,"diff":[]}]}`...))
}
