package orchestrator

import (
	"testing"
	"time"
)

func TestBounds_FindTheStoresClockThroughSlowAnswers(t *testing.T) {
	const base = int64(1_700_000_000_000) // the store's clock when the process began, ms
	at := func(process time.Duration) int64 { return base + process.Milliseconds() }
	ms := time.Millisecond
	var b bounds
	off := func() time.Duration { return time.Duration(b.offset()-base) * ms }
	b.take(at(5*ms), 1*ms, 401*ms) // it read its clock at once and took long to write
	if off() < 150*ms && off() > -250*ms {
		t.Logf("alone it is %v off", off())
	} else {
		t.Errorf("alone it is %v off", off())
	}
	b.take(at(500*ms), 499*ms, 502*ms) // a quick one
	if off() < -2*ms || off() > 2*ms {
		t.Errorf("after a quick answer it is %v off", off())
	}
	for i := range 20 { // slow ones leave it as it is
		begin := time.Duration(i+1) * time.Second
		b.take(at(begin+2*ms), begin, begin+900*ms)
	}
	if off() < -4*ms || off() > 4*ms {
		t.Errorf("after slow answers it is %v off", off())
	}
	const step = 10_000
	b.take(at(30*time.Second+ms)+step, 30*time.Second, 30*time.Second+2*ms) // the store's clock was set
	if off() < 9998*ms || off() > 10002*ms {
		t.Errorf("after a step it is %v off", off())
	}
}
