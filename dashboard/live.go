package dashboard

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
)

// Rows of one page.
const (
	usualRows = 500
	mostRows  = 1000
)

// beat is how often a silent stream says that it lives.
const beat = 15 * time.Second

// viewOf reads what a viewer wants to see.
func viewOf(r *http.Request) (view, *spec.Error) {
	q := r.URL.Query()
	v := view{ended: q.Get("ended") == "1", user: q.Get("user"), after: q.Get("after"), limit: usualRows}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostRows {
			return v, &spec.Error{Kind: spec.KindValidation, Message: "limit: not a number from 1 to " + strconv.Itoa(mostRows)}
		}
		v.limit = n
	}
	return v, nil
}

// live streams a view: an event named sessions with all of it, then one named
// changes with what is new, and trouble while the store cannot tell.
func (h *Handler) live(ctx context.Context, out *eventWriter, r *http.Request) error {
	v, mistake := viewOf(r)
	if mistake != nil {
		return mistake
	}
	w := h.join(v)
	defer h.part(w)
	var shown *frame
	for {
		found, changed := h.newest(w)
		var err error
		switch {
		case found == nil:
		case found.err != nil:
			err = out.send("trouble", found.err)
		case shown == nil:
			err = out.send("sessions", h.whole(found, out.access))
		default:
			if change := h.change(shown, found); change != nil {
				err = out.send("changes", change)
			}
		}
		if err != nil {
			return err
		}
		if found != nil {
			if shown = found; found.err != nil {
				shown = nil // all of it again, once it can be told
			}
		}
		if err := out.idle(ctx, changed); err != nil {
			return err
		}
	}
}

// page is the data of an event named sessions.
type page struct {
	Now    string            `json:"now"`
	Access string            `json:"access"` // of this viewer
	Next   string            `json:"next,omitempty"`
	Rows   []json.RawMessage `json:"rows"`
}

// change is the data of an event named changes.
type change struct {
	Now  string            `json:"now"`
	Next string            `json:"next,omitempty"`
	Rows []json.RawMessage `json:"rows"` // new, or other than before
	Gone []string          `json:"gone"` // identifiers of sessions that the view has no more
}

func (h *Handler) whole(f *frame, access Access) *page {
	p := &page{Now: text(h.options.Clock.Now()), Access: access.String(), Next: f.next, Rows: make([]json.RawMessage, len(f.rows))}
	for i := range f.rows {
		p.Rows[i] = f.rows[i].full
	}
	return p
}

// change tells a frame from an earlier one; nil where they are alike.
func (h *Handler) change(old, now *frame) *change {
	if old == now {
		return nil
	}
	was := make(map[string]string, len(old.rows))
	for i := range old.rows {
		was[old.rows[i].id] = old.rows[i].same
	}
	c := &change{Now: text(h.options.Clock.Now()), Next: now.next, Rows: []json.RawMessage{}, Gone: []string{}}
	for i := range now.rows {
		r := &now.rows[i]
		if same, there := was[r.id]; !there || same != r.same {
			c.Rows = append(c.Rows, r.full)
		}
		delete(was, r.id)
	}
	for i := range old.rows {
		if _, gone := was[old.rows[i].id]; gone {
			c.Gone = append(c.Gone, old.rows[i].id)
		}
	}
	if len(c.Rows)+len(c.Gone) == 0 && old.next == now.next {
		return nil
	}
	return c
}

// events streams what happened to a session, from its first event on.
func (h *Handler) events(ctx context.Context, out *eventWriter, r *http.Request) error {
	session, err := h.source.Session(ctx, orchestrator.SessionParams{ID: r.PathValue("id")})
	if err != nil {
		return err
	}
	if session.Topic == "" {
		return &spec.Error{Kind: spec.KindConflict, Message: "nothing is told of the session yet: its machine is not known", Retryable: true}
	}
	stream, err := h.source.Events(ctx, session.Topic, 1)
	if err != nil {
		return err
	}
	defer stream.Close()
	for {
		wait, cancel := context.WithTimeout(ctx, beat)
		event, err := stream.Next(wait)
		cancel()
		switch {
		case err == nil:
			err = out.line("event", event.Append(nil, ""))
		case err == io.EOF:
			return out.send("end", struct{}{})
		case ctx.Err() == nil && wait.Err() != nil:
			err = out.beat()
		}
		if err != nil {
			return err
		}
	}
}
