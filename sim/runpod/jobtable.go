package runpod

import (
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// jobTable holds the jobs of all endpoints.
type jobTable struct {
	queues map[string]*queue // by endpoint
	made   int
}

// queue is one endpoint's jobs and what became of those before.
type queue struct {
	jobs    map[string]*job
	order   []*job
	retried int
}

func newJobTable() *jobTable { return &jobTable{queues: map[string]*queue{}} }

func (t *jobTable) queue(endpoint string) *queue {
	q := t.queues[endpoint]
	if q == nil {
		q = &queue{jobs: map[string]*job{}}
		t.queues[endpoint] = q
	}
	return q
}

// sweep drops the jobs that are gone, once in a while.
func (t *jobTable) sweep(now time.Time) {
	if t.made++; t.made%1024 != 0 {
		return
	}
	for _, q := range t.queues {
		kept := q.order[:0]
		for _, j := range q.order {
			if j.status(now) != "" {
				kept = append(kept, j)
			} else {
				delete(q.jobs, j.id)
			}
		}
		clear(q.order[len(kept):])
		q.order = kept
	}
}

// submit reads a request of /run or /runsync and plans the job; nil when it
// answered an error.
func (c *Cloud) submit(ctx *fasthttp.RequestCtx, a *simkit.Account, endpoint string, sync bool) *job {
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
	name := endpoint
	e := c.endpointOf(endpoint)
	if e != nil {
		name = e.name
	}
	now := c.Clock.Now()
	j := &job{id: c.IDs.UUID() + "-u1", endpoint: endpoint, account: a, sync: sync, input: input.MarshalTo(nil), plan: c.workOf(name, input),
		created: now, submitted: now, ttl: ttl, limit: limit, attempts: 1, worker: c.IDs.New(14, idAlphabet), changed: make(chan struct{})}
	if sync {
		j.id = "sync-" + j.id
	}
	if e != nil && e.workersMax == 0 {
		j.plan.never = true
	}
	c.jobs.sweep(now)
	q := c.jobs.queue(endpoint)
	q.jobs[j.id] = j
	q.order = append(q.order, j)
	c.bill(j)
	return j
}

// item names the job in the bill, after its endpoint.
func (j *job) item() string { return j.endpoint + "/" + j.id }

// bill plans what the job costs.
func (c *Cloud) bill(j *job) {
	if j.plan.never {
		return
	}
	end, _ := j.finish()
	c.Meter.Plan(j.item(), "job", j.account.Name, c.o.JobPrice, j.start(), end)
}

// span reads a duration of a policy, up to seven days.
func span(v *fastjson.Value, least, standard time.Duration) (time.Duration, bool) {
	if v == nil {
		return standard, true
	}
	d := time.Duration(v.GetInt64()) * time.Millisecond
	return d, v.Type() == fastjson.TypeNumber && d >= least && d <= 7*24*time.Hour
}
