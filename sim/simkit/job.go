package simkit

import "time"

// JobState is a job's state, in no cloud's words.
type JobState int

// The states of a job. JobGone is one that was removed, or whose results are no
// longer kept.
const (
	JobGone JobState = iota
	JobQueued
	JobRunning
	JobCompleted
	JobFailed
	JobCancelled
	JobTimedOut
)

// Terminal reports whether a job will not change by itself any more.
func (s JobState) Terminal() bool { return s != JobQueued && s != JobRunning }

// Job is one serverless job. Its state follows from the work planned at its
// submission, from what was done to it, and from the time. It has no lock: its
// cloud has one.
type Job struct {
	ID       string
	Endpoint string
	Account  *Account
	Input    []byte // encoded
	Worker   string
	Work     Work
	Created  time.Time
	TTL      time.Duration // counted from Created; 0: without end
	Limit    time.Duration // of a run; 0: none
	Kept     time.Duration // how long it stays after its end; 0: for ever

	attempts  int
	submitted time.Time // of this attempt
	cancelled time.Time // zero: not
	removed   bool
	read      int           // chunks given out
	changed   chan struct{} // closed when something other than time changes it
}

// Begin is when the worker picks the job up.
func (j *Job) Begin() time.Time { return j.submitted.Add(j.Work.Delay) }

// End is when the worker is done, and how. It means nothing for a job that is
// never picked up.
func (j *Job) End() (time.Time, JobState) {
	if j.Limit > 0 && j.Work.Run > j.Limit {
		return j.Begin().Add(j.Limit), JobTimedOut
	}
	end := j.Begin().Add(j.Work.Run)
	if j.Work.Fail != "" && (j.Work.Times == 0 || j.attempts <= j.Work.Times) {
		return end, JobFailed
	}
	return end, JobCompleted
}

// State derives the state at an instant.
func (j *Job) State(now time.Time) JobState {
	if j.removed || j.TTL > 0 && !now.Before(j.Created.Add(j.TTL)) {
		return JobGone
	}
	if !j.cancelled.IsZero() {
		return j.kept(j.cancelled, JobCancelled, now)
	}
	if j.Work.Never || now.Before(j.Begin()) {
		return JobQueued
	}
	end, how := j.End()
	if now.Before(end) {
		return JobRunning
	}
	return j.kept(end, how, now)
}

func (j *Job) kept(end time.Time, state JobState, now time.Time) JobState {
	if j.Kept > 0 && now.Sub(end) >= j.Kept {
		return JobGone
	}
	return state
}

// Ready tells how many chunks there are, and when the next comes or the job
// ends.
func (j *Job) Ready(now time.Time) (n int, next time.Time) {
	if j.Work.Never {
		return 0, now.Add(1000 * time.Hour)
	}
	end, _ := j.End()
	if !j.cancelled.IsZero() && j.cancelled.Before(now) {
		now = j.cancelled
	}
	for n < len(j.Work.Chunks) {
		at := j.chunkAt(n)
		if at.After(end) { // the run timed out before
			break
		}
		if at.After(now) {
			return n, at
		}
		n++
	}
	return n, end
}

// chunkAt is when chunk i is there: the last at the end of the run, the others
// spread evenly before it.
func (j *Job) chunkAt(i int) time.Time {
	share := float64(i+1) / float64(len(j.Work.Chunks))
	return j.Begin().Add(time.Duration(float64(j.Work.Run) * share))
}

// Take returns the chunks that came since the last Take. Taking them takes them
// away.
func (j *Job) Take(now time.Time) [][]byte {
	n, _ := j.Ready(now)
	from := min(j.read, n)
	j.read = max(j.read, n)
	return j.Work.Chunks[from:n]
}

// Changed closes when the job is cancelled, retried or removed.
func (j *Job) Changed() <-chan struct{} { return j.changed }

func (j *Job) touch() {
	close(j.changed)
	j.changed = make(chan struct{})
}
