package process

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// follower is the state of following one run.
type follower struct {
	*runner
	ctx      context.Context // ends with the run's time
	until    time.Time       // of it; zero: without end
	out, err splitter        // out has both where they are joined
	lines    int64
	reason   Reason
	open     int             // pipes that have not ended
	gone     <-chan struct{} // nil once the child has ended
	step     step
}

// step is how far the ending of a group has come.
type step int

const (
	running   step = iota
	lingering      // the child has left; its pipes may still bring something
	asked          // the group was asked to end
	killed         // the group was killed
)

// check is how often a group that is ending is looked at.
const check = 20 * time.Millisecond

// loop runs until nothing is left of the group, or, where it was killed, until
// what the system can do is done.
func (f *follower) loop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	heard := time.Now() // when there was output last
	quiet := newQuiet(f.Idle, heard)
	var deadline time.Time
	done := f.ctx.Done()
	for {
		switch {
		case f.step == running && f.Idle > 0:
			timer.Reset(quiet.left(time.Now()))
		case f.step == running:
			timer.Reset(time.Hour)
		default:
			timer.Reset(min(check, max(0, time.Until(deadline))))
		}
		select {
		case c := <-f.chunks:
			f.take(c)
			heard = time.Now()
			quiet.heard(heard)
			if f.open == 0 && f.gone == nil && f.alone() {
				return
			}
		case <-f.gone:
			f.gone = nil
			if f.step == running {
				f.step, deadline = lingering, time.Now().Add(linger)
			}
			if f.open == 0 && f.alone() {
				return
			}
		case <-done:
			done = nil
			if f.step == running {
				f.reason = Total
				if ctx.Err() != nil {
					f.reason = Cancelled
				}
				f.step, deadline = asked, f.ask()
			}
		case <-timer.C:
			now := time.Now()
			silent := now.Sub(heard) >= check // nothing is on its way through the pipes
			switch {
			case f.step == running && f.Idle > 0 && quiet.over(now):
				f.reason = Idle
				f.step, deadline = asked, f.ask()
			case f.step == running:
			case f.gone == nil && (f.open == 0 || silent && f.step != lingering) && f.alone():
				return // whoever still holds the pipes has left the group
			case now.Before(deadline):
			case f.step == lingering && f.alone() && silent:
				return
			case f.step == lingering:
				f.step, deadline = asked, f.ask()
			case f.step == asked:
				f.signal(unix.SIGKILL)
				f.step, deadline = killed, now.Add(5*time.Second)
			case f.gone == nil:
				return // it floods the pipes from outside the group
			default: // stuck in the kernel: it dies when it comes back from there
				deadline = now.Add(5 * time.Second)
			}
		}
	}
}

// take hands the lines of what was read on.
func (f *follower) take(c chunk) {
	if c.bytes == nil {
		f.open--
		return
	}
	if c.stream == Stderr {
		f.err.write(c.bytes)
	} else {
		f.out.write(c.bytes)
	}
	c.back <- struct{}{}
}

// ask asks the group to end and returns when it is to be killed.
func (f *follower) ask() time.Time {
	f.signal(unix.SIGTERM)
	f.signal(unix.SIGCONT) // a stopped process does not hear it otherwise
	return time.Now().Add(f.Grace)
}

// signal signals every process of the group. The child is not reaped, so the
// group's number is its own.
func (f *follower) signal(s unix.Signal) {
	_ = unix.Kill(-f.child.Process.Pid, s) // there may be nobody left
}

// alone tells whether the group holds no living process beside the child, which
// has ended.
func (f *follower) alone() bool { return !groupLives(f.child.Process.Pid) }
