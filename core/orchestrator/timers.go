package orchestrator

import (
	"container/heap"
	"sync"
)

// timers holds every deadline of the process on one heap.
type timers struct {
	mu      sync.Mutex
	heap    dueHeap
	changed chan struct{} // holds a token when the first deadline came nearer
}

func newTimers() *timers { return &timers{changed: make(chan struct{}, 1)} }

// set moves a session's deadline; 0 takes it off the heap.
func (w *timers) set(t *tracked, due int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := w.first()
	switch {
	case due == 0 && t.place >= 0:
		heap.Remove(&w.heap, t.place)
	case due == 0:
	case t.place >= 0:
		t.due = due
		heap.Fix(&w.heap, t.place)
	default:
		t.due = due
		heap.Push(&w.heap, t)
	}
	if now := w.first(); now != 0 && (first == 0 || now < first) {
		select {
		case w.changed <- struct{}{}:
		default:
		}
	}
}

func (w *timers) first() int64 {
	if len(w.heap) == 0 {
		return 0
	}
	return w.heap[0].due
}

// take removes the next session that is due at now. Where none is, next says when
// the first one will be, 0 for never.
func (w *timers) take(now int64) (t *tracked, next int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next = w.first()
	if next == 0 || next > now {
		return nil, next
	}
	return heap.Pop(&w.heap).(*tracked), 0
}

// dueHeap is container/heap's part.
type dueHeap []*tracked

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push is heap.Interface's.
func (h *dueHeap) Push(x any) {
	t := x.(*tracked)
	t.place = len(*h)
	*h = append(*h, t)
}

// Pop is heap.Interface's.
func (h *dueHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.place = -1
	return t
}
