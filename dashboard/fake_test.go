package dashboard

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// fake is a store with sessions that tests change.
type fake struct {
	mu       sync.Mutex
	sessions []orchestrator.Session
	looks    int
	asked    []orchestrator.ListParams
	done     []string // what was done, in words
	fails    *spec.Error
	panics   bool
	told     []*events.Event
}

func session(id, machine string) orchestrator.Session {
	price, spent := 0.5, 0.001
	return orchestrator.Session{ID: id, State: "live", Topic: "compute:" + machine, UserID: "u-" + id, OnExit: orchestrator.Keep, CreatedAt: "2026-06-01T12:00:00.000Z",
		TouchedAt: "2026-06-01T12:00:00.000Z", Spent: &spent, Compute: &spec.Compute{ID: machine, Provider: "acme", Status: spec.StatusRunning, CostPerHour: &price}}
}

func (f *fake) set(list ...orchestrator.Session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions = list
}

func (f *fake) fail(e *spec.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = e
}

func (f *fake) Sessions(_ context.Context, p orchestrator.ListParams) (*orchestrator.SessionList, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	f.asked = append(f.asked, p)
	if f.panics {
		panic("a defect")
	}
	if f.fails != nil {
		return nil, f.fails
	}
	list := &orchestrator.SessionList{}
	for _, s := range f.sessions {
		spent := *s.Spent + float64(f.looks) // costs more at each look
		s.Spent = &spent
		list.Items = append(list.Items, s)
	}
	return list, nil
}

func (f *fake) Session(_ context.Context, p orchestrator.SessionParams) (*orchestrator.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.Credential {
		panic("the page asks for a credential")
	}
	i := slices.IndexFunc(f.sessions, func(s orchestrator.Session) bool { return s.ID == p.ID || s.Compute != nil && s.Compute.ID == p.ID })
	if i < 0 {
		return nil, &spec.Error{Kind: spec.KindNotFound, Message: "no such session"}
	}
	return &f.sessions[i], nil
}

func (f *fake) note(words ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, strings.Join(words, " "))
}

func (f *fake) Touch(_ context.Context, p orchestrator.TouchParams) (*orchestrator.Touched, error) {
	f.note("touch", p.ID[0])
	return &orchestrator.Touched{At: "2026-06-01T12:00:01.000Z"}, nil
}

func (f *fake) End(_ context.Context, p orchestrator.StopParams) (*orchestrator.Session, error) {
	if p.WaitMS == nil || *p.WaitMS != 0 {
		return nil, &spec.Error{Kind: spec.KindInternal, Message: "it waits for the cloud"}
	}
	if p.Forget {
		f.note("forget", p.ID)
	} else {
		f.note("end", p.ID)
	}
	return &orchestrator.Session{ID: p.ID, State: "ending"}, nil
}

func (f *fake) StopMachine(_ context.Context, p compute.IDParams) (*spec.Compute, error) {
	f.note("stop", p.Provider, p.ID)
	return &spec.Compute{ID: p.ID}, nil
}

func (f *fake) StartMachine(_ context.Context, p compute.IDParams) (*spec.Compute, error) {
	f.note("start", p.Provider, p.ID)
	return &spec.Compute{ID: p.ID}, nil
}

func (f *fake) Events(_ context.Context, topic string, from int64) (Stream, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if from != 1 || topic != "compute:m1" {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "asked for " + topic}
	}
	return &tape{list: f.told}, nil
}

// tape plays events and ends.
type tape struct{ list []*events.Event }

func (t *tape) Next(context.Context) (*events.Event, error) {
	if len(t.list) == 0 {
		return nil, io.EOF
	}
	next := t.list[0]
	t.list = t.list[1:]
	return next, nil
}

func (t *tape) Close() error { return nil }
