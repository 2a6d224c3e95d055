package dashboard

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// Options say how the page behaves.
type Options struct {
	// Access decides what a request may do; it is asked for each one but those of
	// the page's own three files, which tell nothing. It is required.
	Access func(*http.Request) Access

	Refresh time.Duration // pace at which the store is looked at while somebody watches; default 1 s
	Viewers int           // streams open at a time, further ones are answered with 503; default 64
	Clock   clock.Clock   // default: the system's
}

// Handler serves the page and what it asks for, at paths relative to where it is
// mounted: behind http.StripPrefix, at a path that ends with a slash.
type Handler struct {
	source  Source
	options Options
	mux     *http.ServeMux
	foreign *http.CrossOriginProtection

	ctx     context.Context
	stop    context.CancelFunc
	streams sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	open    int
	watches map[view]*watch
}

// New makes a handler. Close it when nobody is to watch any more.
func New(source Source, options Options) *Handler {
	if options.Refresh <= 0 {
		options.Refresh = time.Second
	}
	if options.Viewers <= 0 {
		options.Viewers = 64
	}
	if options.Clock == nil {
		options.Clock = clock.System{}
	}
	h := &Handler{source: source, options: options, mux: http.NewServeMux(), foreign: http.NewCrossOriginProtection(), watches: map[view]*watch{}}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.mux.HandleFunc("GET /{$}", file("index.html"))
	for _, name := range []string{"app.js", "style.css"} {
		h.mux.HandleFunc("GET /"+name, file(name))
	}
	h.mux.HandleFunc("GET /api/sessions", h.stream(View, h.live))
	h.mux.HandleFunc("GET /api/sessions/{id}", h.answer(View, h.session))
	h.mux.HandleFunc("GET /api/sessions/{id}/events", h.stream(View, h.events))
	h.mux.HandleFunc("POST /api/sessions/{id}/{action}", h.answer(Operate, h.act))
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer safego.Recover(func(e *spec.Error) { fail(w, e) })
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Content-Type-Options", "nosniff")
	h.mux.ServeHTTP(w, r)
}

// Close ends the streams and waits for what looks after them.
func (h *Handler) Close() error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.stop()
	h.streams.Wait()
	return nil
}

// answer wraps what answers with one document.
func (h *Handler) answer(needs Access, do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !h.admit(w, r, needs) {
			return
		}
		result, err := do(r)
		if err != nil {
			fail(w, spec.AsError(err))
			return
		}
		reply(w, http.StatusOK, result)
	}
}

// stream wraps what answers with server-sent events. Its context ends with the
// reader's and with the handler.
func (h *Handler) stream(needs Access, do func(context.Context, *eventWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !h.admit(w, r, needs) {
			return
		}
		if r.Method == http.MethodHead { // its reader takes the head for all of it, and keeps the connection
			streaming(w)
			return
		}
		if !h.enter() {
			w.Header().Set("Retry-After", "5")
			fail(w, &spec.Error{Kind: spec.KindRateLimited, Message: "too many people are watching, or the page is closing", Hint: "close another window of it, or raise the limit of viewers"})
			return
		}
		defer h.leave()
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		out := &eventWriter{w: w, control: http.NewResponseController(w), access: h.options.Access(r), closing: h.ctx}
		hastened := make(chan struct{})
		stop := context.AfterFunc(h.ctx, func() {
			defer close(hastened)
			out.hasten()
			cancel()
		})
		defer func() {
			if !stop() { // its writer is the server's again once this returns
				<-hastened
			}
		}()
		if err := do(ctx, out, r); err != nil && ctx.Err() == nil && !out.broken {
			out.fail(spec.AsError(err))
		}
	}
}

// admit answers those who may not do something.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request, needs Access) bool {
	if h.isForeign(r) {
		fail(w, &spec.Error{Kind: spec.KindForbidden, Message: "another site's page may not do this"})
		return false
	}
	switch got := h.options.Access(r); {
	case got >= needs:
		return true
	case got == None:
		fail(w, &spec.Error{Kind: spec.KindUnauthorized, Message: "the address of this page is not complete", Hint: "open the address that dashboard.serve answered, with all that stands behind its #"})
	default:
		fail(w, &spec.Error{Kind: spec.KindForbidden, Message: "this address may look, but not act", Hint: "serve the page with actions, and open its operator_url"})
	}
	return false
}

// isForeign reports whether another site's page sends a request. Looking counts,
// too: such a page cannot read the answer, but it could take all streams.
func (h *Handler) isForeign(r *http.Request) bool {
	asked := *r
	asked.Method = http.MethodPost // the check lets others pass
	return h.foreign.Check(&asked) != nil
}

// enter counts a stream in, unless there are too many.
func (h *Handler) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.open >= h.options.Viewers {
		return false
	}
	h.open++
	h.streams.Add(1)
	return true
}

func (h *Handler) leave() {
	h.mu.Lock()
	h.open--
	h.mu.Unlock()
	h.streams.Done()
}
