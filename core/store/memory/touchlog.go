package memory

import (
	"context"
	"sync/atomic"

	"github.com/exatlas/atlas/core/store"
)

var _ store.TouchLogger = (*Store)(nil)

// OpenTouchLog makes the log of a holder.
func (s *Store) OpenTouchLog(holder string) (store.TouchLog, error) {
	if err := s.begin(context.Background(), "opening a log of activities"); err != nil {
		return nil, err
	}
	defer s.end()
	s.logs[holder] = map[string]int64{}
	return &touchLog{store: s, holder: holder}, nil
}

type touchLog struct {
	store  *Store
	holder string
	places atomic.Int64
}

func (l *touchLog) Write(place int64, id string, at int64) (int64, error) {
	if err := l.store.begin(context.Background(), "logging an activity"); err != nil {
		return 0, err
	}
	defer l.store.end()
	log := l.store.logs[l.holder]
	if log == nil {
		return 0, &store.CannotTell{Doing: "logging an activity", Err: errClosed}
	}
	log[id] = max(log[id], at)
	if place == 0 {
		place = l.places.Add(1)
	}
	return place, nil
}

// Free does nothing: records are kept by their identifiers.
func (l *touchLog) Free(int64) {}

func (l *touchLog) Close(brought bool) error {
	l.store.contents.mu.Lock()
	defer l.store.contents.mu.Unlock()
	if brought {
		delete(l.store.logs, l.holder)
	}
	return nil
}
