package leak

import (
	"errors"
	"net"
	"strings"
	"testing"
)

func TestFind_NamesWhatIsLeft(t *testing.T) {
	before := open()
	if err := find(before); err != nil {
		t.Errorf("nothing is left, it says %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := find(before); len(before) > 0 && (err == nil || !strings.Contains(err.Error(), "socket")) {
		t.Errorf("an open socket is not found: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	go func() { <-end }()
	if err := find(before); err == nil || !strings.Contains(err.Error(), "goroutine") {
		t.Errorf("a goroutine is not found: %v", err)
	}
	close(end)
}

func TestEnd_CallsAllAndLosesNoFinding(t *testing.T) {
	called := 0
	fails := func() error { called++; return errors.New("7 sandboxes") }
	holds := func() error { called++; return nil }
	if err := end([]func() error{fails, holds}); err == nil || err.Error() != "7 sandboxes" || called != 2 {
		t.Errorf("%d of 2 are called, and a finding is lost: %v", called, err)
	}
}

func TestGauges_CountsAllButGoroutines(t *testing.T) {
	if err := Gauges(map[string]int64{"goroutines": 9, "calls": 0}); err != nil {
		t.Error(err)
	}
	if err := Gauges(map[string]int64{"instances": 2}); err == nil || !strings.Contains(err.Error(), "2 instances") {
		t.Errorf("%v", err)
	}
}

func TestMain(m *testing.M) { Main(m) }
