package orchestrator

import (
	"context"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// listing reads an account's machines part by part, with whatever pauses its reader
// makes between them.
type listing struct {
	service *Service
	at      provider.Target
	cursor  string
	begun   map[string]bool // where parts began
}

func (s *Service) listing(at provider.Target) *listing {
	return &listing{service: s, at: at, begun: map[string]bool{}}
}

// next reads one part, and tells whether there are more. A listing that comes back to
// where it was is its cloud's error, as one without an end is: nobody knows what it
// lacks.
func (l *listing) next(ctx context.Context) (items []spec.Compute, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*cloudLimit)
	defer cancel()
	items, next, err := l.service.Compute.Page(ctx, l.at, l.cursor)
	if err != nil {
		return nil, false, err
	}
	if l.begun[next] || len(l.begun) == partsMax {
		return nil, false, &spec.Error{Kind: spec.KindProvider, Provider: l.at.Provider, Operation: spec.OpList, Retryable: true, Message: "the listing does not end"}
	}
	if next != "" {
		l.begun[next] = true
	}
	l.cursor = next
	return items, next != "", nil
}
