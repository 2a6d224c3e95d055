package process

import "time"

// quiet counts for how long a child has said nothing. It counts in slices, each as long
// as it was asked to be and no longer: while this process is stopped, or its machine
// suspended, it hears nothing, and that is not the child's silence.
type quiet struct {
	limit time.Duration
	slice time.Duration

	spent time.Duration // of the silence, up to since
	since time.Time     // the beginning of the slice
	late  bool          // the last slice ended late
}

// slices is in how many the limit is cut.
const slices = 16

func newQuiet(limit time.Duration, now time.Time) quiet {
	return quiet{limit: limit, slice: max(limit/slices, time.Millisecond), since: now}
}

// heard begins the count anew.
func (q *quiet) heard(now time.Time) { q.spent, q.since, q.late = 0, now, false }

// left is how long the slice lasts from now on.
func (q *quiet) left(now time.Time) time.Duration {
	return min(q.slice, q.limit-q.spent) - now.Sub(q.since)
}

// over ends the slice where its time has passed, and reports whether the limit is
// reached. A slice that ends late may be one in which this process was stopped: what
// the child has said meanwhile is still on its way, so the limit is not reached before
// the next slice. (One that is late again does count: the machine is merely busy.)
func (q *quiet) over(now time.Time) bool {
	took, want := now.Sub(q.since), min(q.slice, q.limit-q.spent)
	if took < want {
		return false
	}
	late := took >= want+q.slice
	q.since = now
	if q.spent += want; late && !q.late {
		q.spent = min(q.spent, q.limit-q.slice)
	}
	q.late = late
	return q.spent >= q.limit
}
