package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/exatlas/atlas/core/store"
	"github.com/exatlas/atlas/core/store/postgres"
	"github.com/exatlas/atlas/core/store/sqlite"
)

// openStore opens the nodes' store for the harness itself, which only reads.
func (a *arena) openStore(ctx context.Context) (store.Store, error) {
	if a.pg != nil {
		return postgres.Open(ctx, a.pg.URL())
	}
	return sqlite.Open(ctx, filepath.Join(a.folder, "atlas.db"))
}

// events reads the events of all sessions in the ledger from the store.
func (a *arena) events(ctx context.Context) (map[string][]event, error) {
	s, err := a.openStore(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	a.ledger.mu.Lock()
	topics := make([]string, 0, len(a.ledger.sessions))
	for _, k := range a.ledger.sessions {
		topics = append(topics, k.Topic)
	}
	a.ledger.mu.Unlock()
	out := map[string][]event{}
	for _, topic := range topics {
		for from := uint64(1); ; {
			list, _, err := s.Events(ctx, topic, from, 1000)
			if err != nil {
				return nil, err
			}
			for _, e := range list {
				out[topic] = append(out[topic], event{Topic: topic, Seq: e.Seq, Name: e.Name, Time: time.UnixMilli(e.Time), Data: e.Data})
			}
			if len(list) < 1000 {
				break
			}
			from = list[len(list)-1].Seq + 1
		}
	}
	return out, nil
}
