package main

import "testing"

func TestPoller_IsMadeOnceThereIsRoom(t *testing.T) {
	var p poller
	asked := 0
	for i, room := range []bool{false, false, true, false} {
		if got := p.make(func() bool { asked++; return room }); got != (i >= 2) {
			t.Errorf("attempt %d: %v", i, got)
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times, want 3: what is made needs no more room", asked)
	}
	if !spare() {
		t.Error("this process has no two descriptors left")
	}
}
