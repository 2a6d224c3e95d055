package orchestrator

import (
	"sync"

	"github.com/exatlas/atlas/core/store"
)

// acts bounds what is done at once in one lane.
const acts = 256

// lanes bound what is done at once. The ends of machines wait for their cloud, those
// of sessions for the store: each has a lane for each provider, so that a cloud that
// hangs holds up nothing but the machines that are given back to it.
type lanes struct {
	mu   sync.Mutex
	open map[lane]*traffic
}

// lane is what waits for the same.
type lane struct {
	provider string
	live     bool
}

// traffic is what a lane holds.
type traffic struct {
	busy    int
	waiting []*tracked
}

func newLanes() *lanes { return &lanes{open: map[lane]*traffic{}} }

// laneOf is where a session is acted on.
func laneOf(t *tracked) lane {
	row, _ := t.state()
	return lane{row.Provider, row.State == store.Live}
}

// enter takes a place in a lane; false: there is none, and the session waits for the
// next one that is left.
func (l *lanes) enter(in lane, t *tracked) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.open[in]
	if now == nil {
		now = &traffic{}
		l.open[in] = now
	}
	if now.busy == acts {
		now.waiting = append(now.waiting, t)
		return false
	}
	now.busy++
	return true
}

// leave hands a place on to who waits longest; nil: to nobody.
func (l *lanes) leave(in lane) *tracked {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.open[in]
	if len(now.waiting) > 0 {
		next := now.waiting[0]
		now.waiting = now.waiting[1:]
		return next
	}
	if now.busy--; now.busy == 0 {
		delete(l.open, in)
	}
	return nil
}
