package host

import (
	"testing"
	"time"
)

// TestEntryClock_HurriesTheEntryThatIsMeant lets the news that a call has ended
// come when another is inside, when the entry stands still, and when it runs.
func TestEntryClock_HurriesTheEntryThatIsMeant(t *testing.T) {
	c := newEntryClock()
	old := c.begin(time.Hour)
	c.end()
	entry := c.begin(time.Hour)
	c.hurry(old)
	left := c.pause()
	if left <= time.Minute {
		t.Errorf("another call's end leaves the entry %v", left)
	}
	c.hurry(entry)
	c.resume(left)
	if left = c.pause(); left > hurryTime {
		t.Errorf("an end in a pause leaves the entry %v", left)
	}
	c.end()
	entry = c.begin(time.Hour)
	c.hurry(entry)
	if left = c.pause(); left > hurryTime {
		t.Errorf("an end leaves the entry %v", left)
	}
	c.end()
}
