//go:build unix

package main

import (
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/exatlas/atlas"
)

func readable(t *testing.T, fd int) bool {
	t.Helper()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

func TestWake_IsReadableExactlyWhileTheQueueIsNotEmpty(t *testing.T) {
	var live atomic.Int64
	w := wake{live: &live}
	queue := &fake{items: [][]byte{[]byte("a")}}
	fd := w.descriptor(queue)
	if fd < 0 || live.Load() != 1 {
		t.Fatalf("descriptor %d, %d live", fd, live.Load())
	}
	if again := w.descriptor(queue); again != fd {
		t.Errorf("a second descriptor: %d, then %d", fd, again)
	}
	for i, want := range []bool{true, false, false, true, true, false} {
		if i > 0 {
			queue.notify(want)
		}
		if got := readable(t, fd); got != want {
			t.Errorf("change %d: readable %v, want %v", i, got, want)
		}
	}
	if !w.close() || w.close() {
		t.Error("only the first close is the first")
	}
	if live.Load() != 0 || w.descriptor(queue) != -1 {
		t.Errorf("after close: %d live, descriptor %d", live.Load(), w.descriptor(queue))
	}
	queue.notify(true) // must not write to a descriptor that may be someone else's by now
}

func TestWake_IsNotMadeAfterClose(t *testing.T) {
	var live atomic.Int64
	w := wake{live: &live}
	w.close()
	if fd := w.descriptor(&fake{}); fd != -1 {
		t.Errorf("descriptor %d of a closed client", fd)
	}
}

func TestWake_IsMadeOnceTheSystemHasOne(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	var live atomic.Int64
	w := wake{live: &live}
	queue := &fake{items: [][]byte{[]byte("a")}}
	none := before
	none.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	missing := w.descriptor(queue)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	fd := w.descriptor(queue)
	if missing != -1 || fd < 0 || live.Load() != 1 || !readable(t, fd) {
		t.Errorf("descriptor %d without room, then %d, %d live", missing, fd, live.Load())
	}
	w.close()
}

func TestWake_SurvivesCloseUnderLoad(t *testing.T) {
	for range 200 {
		var handles table
		handle := handles.add(&fake{})
		c, _ := handles.find(handle)
		var all sync.WaitGroup
		for range 4 {
			all.Add(2)
			go func() { defer all.Done(); c.wake.descriptor(silent{}) }()
			go func() { defer all.Done(); c.wake.set(true); c.wake.set(false) }()
		}
		if got := handles.close(handle, 0); got != atlas.OK {
			t.Fatalf("close: %d", got)
		}
		all.Wait()
		if got := handles.wakes.Load(); got != 0 {
			t.Fatalf("%d descriptors left", got)
		}
	}
}

// silent is a core whose queue never changes.
type silent struct{ core }

func (silent) NotifyQueue(func(bool)) {}
