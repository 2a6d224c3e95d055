package simkit

import (
	"sync"
	"sync/atomic"
	"time"
)

// Clock is the time of a simulated cloud. It runs with real time multiplied by a
// factor, or stands still until Advance. Reading it takes no lock.
type Clock struct {
	now atomic.Pointer[anchor]

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever the anchor moves
}

// anchor ties a virtual instant to a real one.
type anchor struct {
	real    time.Time
	virtual time.Time
	factor  float64
}

func (a *anchor) at(real time.Time) time.Time {
	if a.factor == 0 {
		return a.virtual
	}
	return a.virtual.Add(time.Duration(float64(real.Sub(a.real)) * a.factor))
}

// NewClock returns a clock that shows start now and runs factor times as fast as
// real time. Factor 0 stands still.
func NewClock(start time.Time, factor float64) *Clock {
	c := &Clock{changed: make(chan struct{})}
	c.now.Store(&anchor{real: time.Now(), virtual: start.UTC().Round(0), factor: factor})
	return c
}

// Now returns the virtual time, in UTC.
func (c *Clock) Now() time.Time {
	a := c.now.Load()
	if a.factor == 0 {
		return a.virtual
	}
	return a.at(time.Now())
}

// Factor returns how fast the clock runs; 0 means by hand.
func (c *Clock) Factor() float64 { return c.now.Load().factor }

// Advance moves the clock forward. A negative duration does nothing: virtual
// time never runs backwards.
func (c *Clock) Advance(d time.Duration) {
	if d <= 0 {
		return
	}
	c.move(func(now time.Time, factor float64) (time.Time, float64) { return now.Add(d), factor })
}

// Set moves the clock to an instant, unless it lies in the past.
func (c *Clock) Set(to time.Time) {
	c.move(func(now time.Time, factor float64) (time.Time, float64) {
		if to.After(now) {
			now = to.UTC()
		}
		return now, factor
	})
}

// SetFactor changes how fast the clock runs from now on; 0 stops it.
func (c *Clock) SetFactor(factor float64) {
	c.move(func(now time.Time, _ float64) (time.Time, float64) { return now, max(factor, 0) })
}

func (c *Clock) move(change func(time.Time, float64) (time.Time, float64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old, real := c.now.Load(), time.Now()
	virtual, factor := change(old.at(real), old.factor)
	c.now.Store(&anchor{real: real, virtual: virtual, factor: factor})
	close(c.changed)
	c.changed = make(chan struct{})
}

// Wait returns true when the clock reaches an instant, however it gets there,
// and false when one of the stop channels closes before.
func (c *Clock) Wait(until time.Time, stop, also <-chan struct{}) bool {
	return c.WaitAtMost(until, 0, stop, also)
}

// WaitAtMost is Wait that gives up, with false, after some real time; 0 never
// gives up.
func (c *Clock) WaitAtMost(until time.Time, patience time.Duration, stop, also <-chan struct{}) bool {
	var giveUp <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		giveUp = timer.C
	}
	for {
		c.mu.Lock()
		changed, a := c.changed, c.now.Load()
		c.mu.Unlock()
		left := until.Sub(a.at(time.Now()))
		if left <= 0 {
			return true
		}
		var tick <-chan time.Time
		var timer *time.Timer
		if a.factor > 0 {
			timer = time.NewTimer(time.Duration(min(float64(left)/a.factor, float64(time.Hour))) + time.Microsecond)
			tick = timer.C
		}
		ended := true
		select {
		case <-tick:
			ended = false
		case <-changed:
			ended = false
		case <-stop:
		case <-also:
		case <-giveUp:
		}
		if timer != nil {
			timer.Stop()
		}
		if ended {
			return false
		}
	}
}
