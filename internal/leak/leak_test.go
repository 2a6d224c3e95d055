package leak

import (
	"errors"
	"net"
	"strings"
	"testing"
)

func TestFind_NamesWhatIsLeft(t *testing.T) {
	before := open()
	if err := find(before, nil); err != nil {
		t.Errorf("nothing is left, it says %v", err)
	}
	if err := find(before, []func() error{func() error { return errors.New("7 sandboxes") }}); err == nil || err.Error() != "7 sandboxes" {
		t.Errorf("a check's finding is lost: %v", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := find(before, nil); len(before) > 0 && (err == nil || !strings.Contains(err.Error(), "socket")) {
		t.Errorf("an open socket is not found: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	go func() { <-end }()
	if err := find(before, nil); err == nil || !strings.Contains(err.Error(), "goroutine") {
		t.Errorf("a goroutine is not found: %v", err)
	}
	close(end)
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
