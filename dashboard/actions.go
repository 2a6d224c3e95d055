package dashboard

import (
	"net/http"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
)

// session tells of one session, also of one that has ended.
func (h *Handler) session(r *http.Request) (any, error) {
	return h.source.Session(r.Context(), orchestrator.SessionParams{ID: r.PathValue("id")})
}

// act does what a button says, and looks at the sessions again.
func (h *Handler) act(r *http.Request) (any, error) {
	defer h.hurry()
	return h.do(r)
}

// do does what a button says. Ending does not wait for the cloud: the page sees
// how far it is.
func (h *Handler) do(r *http.Request) (any, error) {
	ctx, id := r.Context(), r.PathValue("id")
	switch r.PathValue("action") {
	case "touch":
		return h.source.Touch(ctx, orchestrator.TouchParams{ID: []string{id}})
	case "end":
		now := int64(0)
		return h.source.End(ctx, orchestrator.StopParams{ID: id, WaitMS: &now})
	case "forget":
		now := int64(0)
		return h.source.End(ctx, orchestrator.StopParams{ID: id, WaitMS: &now, Forget: true})
	case "stop", "start":
		return h.pause(r, id)
	}
	return nil, &spec.Error{Kind: spec.KindNotFound, Message: "no such action", Hint: "there are touch, stop, start, end and forget"}
}

// pause stops or starts the machine of a session, at the cloud that it is of.
func (h *Handler) pause(r *http.Request, id string) (any, error) {
	session, err := h.source.Session(r.Context(), orchestrator.SessionParams{ID: id})
	if err != nil {
		return nil, err
	}
	if session.Compute == nil || session.State != "live" {
		return nil, &spec.Error{Kind: spec.KindConflict, Message: "the session has no machine to stop or start: it is " + session.State}
	}
	at := compute.IDParams{ID: session.Compute.ID}
	at.Provider = session.Compute.Provider
	if r.PathValue("action") == "stop" {
		return h.source.StopMachine(r.Context(), at)
	}
	return h.source.StartMachine(r.Context(), at)
}
