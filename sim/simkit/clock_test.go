package simkit

import (
	"testing"
	"time"
)

func instant() time.Time { return time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC) }

func TestClock_StandsStillUntilAdvanced(t *testing.T) {
	c := NewClock(instant(), 0)
	if !c.Now().Equal(instant()) {
		t.Fatalf("shows %s", c.Now())
	}
	c.Advance(90 * time.Minute)
	c.Advance(-time.Hour)
	if got := c.Now(); !got.Equal(instant().Add(90 * time.Minute)) {
		t.Errorf("after an advance of 90 minutes it shows %s", got)
	}
	c.Set(instant())
	if got := c.Now(); !got.Equal(instant().Add(90 * time.Minute)) {
		t.Errorf("setting it to the past moved it to %s", got)
	}
}

func TestClock_RunsFasterThanRealTime(t *testing.T) {
	c := NewClock(instant(), 1e6)
	if !c.Wait(instant().Add(time.Hour), nil, nil) {
		t.Fatal("an hour at a million times real time was not reached")
	}
	if c.Now().Before(instant().Add(time.Hour)) {
		t.Error("Wait returned before its time")
	}
}

func TestClock_AdvanceWakesWhoWaits(t *testing.T) {
	c := NewClock(instant(), 0)
	reached := make(chan bool, 1)
	go func() { reached <- c.Wait(instant().Add(time.Minute), nil, nil) }()
	c.Advance(30 * time.Second)
	c.Advance(30 * time.Second)
	select {
	case ok := <-reached:
		if !ok {
			t.Error("Wait answered false")
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody woke")
	}
}

func TestClock_WaitEndsWhenToldTo(t *testing.T) {
	c := NewClock(instant(), 0)
	stop := make(chan struct{})
	close(stop)
	if c.Wait(instant().Add(time.Minute), stop, nil) || c.Wait(instant().Add(time.Minute), nil, stop) {
		t.Error("Wait answered true for a time that never came")
	}
	if c.WaitAtMost(instant().Add(time.Minute), time.Millisecond, nil, nil) {
		t.Error("WaitAtMost did not give up")
	}
}
