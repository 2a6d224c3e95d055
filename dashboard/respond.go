package dashboard

import (
	"context"
	"net/http"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/spec"
)

// reply answers with a document.
func reply(w http.ResponseWriter, status int, result any) {
	text, err := json.Marshal(result)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":{"kind":"internal","message":"the answer could not be encoded"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // who does not read has gone
}

// fail answers with an error document.
func fail(w http.ResponseWriter, e *spec.Error) {
	status := http.StatusBadGateway
	switch e.Kind {
	case spec.KindUnauthorized:
		status = http.StatusUnauthorized
	case spec.KindForbidden:
		status = http.StatusForbidden
	case spec.KindNotFound:
		status = http.StatusNotFound
	case spec.KindConflict:
		status = http.StatusConflict
	case spec.KindValidation, spec.KindUnsupported:
		status = http.StatusBadRequest
	case spec.KindRateLimited:
		status = http.StatusServiceUnavailable
	case spec.KindInternal:
		status = http.StatusInternalServerError
	}
	reply(w, status, map[string]*spec.Error{"error": e})
}

// eventWriter writes server-sent events. A reader that takes nothing for a while
// is given up.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	access  Access
	closing context.Context // of the handler
	begun   bool
	broken  bool
}

// streaming writes the head of a stream.
func streaming(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not collect events
}

// patience is how long a reader may take for one event.
const patience = 20 * time.Second

func (e *eventWriter) send(name string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return e.line(name, text)
}

// line writes one event, whose data is a line of JSON.
func (e *eventWriter) line(name string, data []byte) error {
	text := make([]byte, 0, len(name)+len(data)+20)
	text = append(append(text, "event: "...), name...)
	text = append(append(text, "\ndata: "...), data...)
	return e.write(append(text, "\n\n"...))
}

// beat writes a comment, which readers skip.
func (e *eventWriter) beat() error { return e.write([]byte(":\n\n")) }

func (e *eventWriter) write(text []byte) error {
	if !e.begun {
		e.begun = true
		streaming(e.w)
	}
	_ = e.control.SetWriteDeadline(time.Now().Add(patience)) // a writer that knows no deadlines waits for its reader
	if e.closing.Err() != nil {
		e.hasten() // it may have come before the line above
	}
	if _, err := e.w.Write(text); err != nil {
		e.broken = true
		return err
	}
	if err := e.control.Flush(); err != nil {
		e.broken = true
		return err
	}
	return nil
}

// hasten ends a write that waits for its reader.
func (e *eventWriter) hasten() { _ = e.control.SetWriteDeadline(time.Now()) }

// fail tells of an error: as the answer while there is none, else as an event.
func (e *eventWriter) fail(err *spec.Error) {
	if !e.begun {
		fail(e.w, err)
		return
	}
	_ = e.send("trouble", err)
}

// idle waits for news, and says meanwhile that the stream lives.
func (e *eventWriter) idle(ctx context.Context, news <-chan struct{}) error {
	timer := time.NewTimer(beat)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
			return nil
		case <-timer.C:
			if err := e.beat(); err != nil {
				return err
			}
			timer.Reset(beat)
		}
	}
}
