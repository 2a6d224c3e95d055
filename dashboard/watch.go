package dashboard

import (
	"context"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// view is what a viewer looks at.
type view struct {
	ended bool   // ended sessions, too
	user  string // those of one user alone
	after string // the page of rows after this session
	limit int
}

// watch looks at one view of the store for all its viewers, as long as there are
// some.
type watch struct {
	view    view
	viewers int
	stop    context.CancelFunc
	poke    chan struct{} // asks for a look at once

	changed chan struct{} // closed when there is a newer frame
	frame   *frame        // nil until the first look
}

// frame is what a look found. Nothing changes it.
type frame struct {
	rows []row
	next string      // the next page begins after this session
	err  *spec.Error // why there is nothing to show
}

// row is one session, encoded.
type row struct {
	id   string
	same string // equal where nothing changed that the page does not reckon itself
	full []byte
}

// states are those that a view of everything asks for.
var states = []string{"intended", "live", "ending", "ended"}

// look reads the view.
func (h *Handler) look(ctx context.Context, v view) *frame {
	p := orchestrator.ListParams{UserID: v.user, After: v.after, Limit: v.limit}
	if v.ended {
		p.State = states
	}
	list, err := h.source.Sessions(ctx, p)
	if err != nil {
		return &frame{err: spec.AsError(err)}
	}
	f := &frame{rows: make([]row, 0, len(list.Items)), next: list.Next}
	for i := range list.Items {
		one := &list.Items[i]
		full, err := json.Marshal(one)
		if err != nil {
			return &frame{err: spec.AsError(err)}
		}
		bare := *one
		bare.Spent = nil // grows by the second, from what the row says anyway
		same, err := json.Marshal(&bare)
		if err != nil {
			return &frame{err: spec.AsError(err)}
		}
		f.rows = append(f.rows, row{one.ID, string(same), full})
	}
	return f
}

// join begins to look at a view, or looks on with the others.
func (h *Handler) join(v view) *watch {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w := h.watches[v]; w != nil {
		w.viewers++
		return w
	}
	ctx, stop := context.WithCancel(h.ctx)
	w := &watch{view: v, viewers: 1, stop: stop, poke: make(chan struct{}, 1), changed: make(chan struct{})}
	h.watches[v] = w
	safego.Go(&h.streams, func(e *spec.Error) { h.tell(w, &frame{err: e}) }, func() { h.follow(ctx, w) })
	return w
}

// part leaves a view; the last one ends the looking.
func (h *Handler) part(w *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.viewers--; w.viewers == 0 {
		w.stop()
		delete(h.watches, w.view)
	}
}

// follow looks again and again.
func (h *Handler) follow(ctx context.Context, w *watch) {
	for ctx.Err() == nil {
		if found := h.look(ctx, w.view); ctx.Err() == nil {
			h.tell(w, found)
		}
		pause, cancel := context.WithTimeout(ctx, h.options.Refresh)
		select {
		case <-pause.Done():
		case <-w.poke:
		}
		cancel()
	}
}

// tell shows a frame to all viewers.
func (h *Handler) tell(w *watch, f *frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.frame = f
	close(w.changed)
	w.changed = make(chan struct{})
}

// newest returns the last frame of a view, nil before the first, and what is
// closed when there is another.
func (h *Handler) newest(w *watch) (*frame, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return w.frame, w.changed
}

// hurry looks at all views at once: something was done.
func (h *Handler) hurry() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.watches {
		select {
		case w.poke <- struct{}{}:
		default:
		}
	}
}

// text is a time as the page reads it.
func text(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
