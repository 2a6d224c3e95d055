package simkit

import "time"

// Jobs holds the jobs of all endpoints of a cloud and meters them. It has no
// lock: its cloud has one.
type Jobs struct {
	Meter *Meter
	Price float64 // USD per hour of a worker while it runs

	queues map[string]*jobQueue
	made   int
}

// jobQueue is one endpoint's jobs.
type jobQueue struct {
	jobs    map[string]*Job
	order   []*Job
	retried int
}

// Add takes over a job that was submitted at its Created.
func (js *Jobs) Add(j *Job) {
	j.submitted, j.attempts, j.changed = j.Created, 1, make(chan struct{})
	js.sweep(j.Created)
	q := js.queues[j.Endpoint]
	if q == nil {
		if js.queues == nil {
			js.queues = map[string]*jobQueue{}
		}
		q = &jobQueue{jobs: map[string]*Job{}}
		js.queues[j.Endpoint] = q
	}
	q.jobs[j.ID] = j
	q.order = append(q.order, j)
	js.bill(j)
}

// item names a job in the bill, after its endpoint.
func (j *Job) item() string { return j.Endpoint + "/" + j.ID }

func (js *Jobs) bill(j *Job) {
	if !j.Work.Never && js.Price > 0 {
		end, _ := j.End()
		js.Meter.Plan(j.item(), "job", j.Account.Name, js.Price, j.Begin(), end)
	}
}

func (js *Jobs) stop(j *Job, now time.Time) {
	if !j.Work.Never && js.Price > 0 {
		js.Meter.Rate(j.item(), "job", j.Account.Name, 0, now)
	}
	j.touch()
}

// Find returns an account's job that is not gone, or nil.
func (js *Jobs) Find(a *Account, endpoint, id string, now time.Time) *Job {
	q := js.queues[endpoint]
	if q == nil {
		return nil
	}
	if j := q.jobs[id]; j != nil && j.Account == a && j.State(now) != JobGone {
		return j
	}
	return nil
}

// Of lists an account's jobs at an endpoint that are not gone, oldest first.
func (js *Jobs) Of(a *Account, endpoint string, now time.Time) []*Job {
	q := js.queues[endpoint]
	if q == nil {
		return nil
	}
	var list []*Job
	for _, j := range q.order {
		if j.Account == a && j.State(now) != JobGone {
			list = append(list, j)
		}
	}
	return list
}

// Cancel ends a job that has not ended, and reports whether it did.
func (js *Jobs) Cancel(j *Job, now time.Time) bool {
	if j.State(now).Terminal() {
		return false
	}
	j.cancelled = now
	js.stop(j, now)
	return true
}

// Remove makes a job unknown.
func (js *Jobs) Remove(j *Job, now time.Time) {
	j.removed = true
	js.stop(j, now)
}

// Retry submits a job anew.
func (js *Jobs) Retry(j *Job, now time.Time) {
	j.submitted, j.read = now, 0
	j.attempts++
	js.queues[j.Endpoint].retried++
	js.bill(j)
	j.touch()
}

// Retried tells how many jobs of an endpoint were submitted anew.
func (js *Jobs) Retried(endpoint string) int {
	if q := js.queues[endpoint]; q != nil {
		return q.retried
	}
	return 0
}

// Reset forgets everything.
func (js *Jobs) Reset() { js.queues, js.made = nil, 0 }

// sweep drops the jobs that are gone, once in a while.
func (js *Jobs) sweep(now time.Time) {
	if js.made++; js.made%1024 != 0 {
		return
	}
	for _, q := range js.queues {
		kept := q.order[:0]
		for _, j := range q.order {
			if j.State(now) != JobGone {
				kept = append(kept, j)
			} else {
				delete(q.jobs, j.ID)
			}
		}
		clear(q.order[len(kept):])
		q.order = kept
	}
}
