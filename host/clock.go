package host

import (
	"sync"
	"time"
)

// entryClock limits how long a guest computes in one entry. It stands still
// while the guest waits for a blocking HTTP request.
type entryClock struct {
	done chan struct{} // closed when time is up; never reopened

	mu      sync.Mutex
	timer   *time.Timer
	left    time.Duration
	since   time.Time
	entry   int // number of the present one, or of the next where nobody is inside
	running bool
	hurried bool // nobody wants the answer of the present entry any more
	up      bool
}

// hurryTime is what is left to a guest once nobody wants its answer any more.
// Nearly every healthy entry ends within it; one that reads a long listing may not,
// so a guest in which other calls wait has all of its time.
const hurryTime = 100 * time.Millisecond

func newEntryClock() *entryClock {
	c := &entryClock{done: make(chan struct{})}
	c.timer = time.AfterFunc(time.Hour, c.expire)
	c.timer.Stop()
	return c
}

func (c *entryClock) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running && !c.up && time.Since(c.since) >= c.left {
		c.up = true
		close(c.done)
	}
}

// begin begins an entry of at most d and returns its number.
func (c *entryClock) begin(d time.Duration) (entry int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hurried = false
	c.run(d)
	return c.entry
}

// end ends the entry.
func (c *entryClock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.running = false
	c.entry++
}

// pause stands still until resume is called with what it returns.
func (c *entryClock) pause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.running = false
	return max(c.left-time.Since(c.since), time.Millisecond)
}

// resume goes on with what pause has returned.
func (c *entryClock) resume(left time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hurried {
		left = min(left, hurryTime)
	}
	c.run(left)
}

// hurry leaves an entry hurryTime at most, from when it runs on where it stands
// still. One that has ended is not concerned, nor is the next.
func (c *entryClock) hurry(entry int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry != c.entry {
		return
	}
	c.hurried = true
	if c.running && c.left-time.Since(c.since) > hurryTime {
		c.run(hurryTime)
	}
}

// run lets the clock run for d. The lock is held.
func (c *entryClock) run(d time.Duration) {
	c.left, c.since, c.running = d, time.Now(), true
	c.timer.Reset(d)
}
