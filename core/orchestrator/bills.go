package orchestrator

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/store"
)

const (
	billsEvery = 5 * time.Second  // how often bills are asked for that are due
	billAfter  = 5 * time.Minute  // an ended session's: clouds add to bills after the fact
	billLimit  = 30 * time.Second // one question
)

// bills are sessions whose cost is to be compared with what their cloud has
// charged, apart from what must not wait for a cloud. A session is among them once,
// however long a cloud's pace lets it wait.
type bills struct {
	mu sync.Mutex
	at map[string]int64 // by session
}

func (b *bills) add(id string, at int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.at == nil {
		b.at = map[string]int64{}
	}
	b.at[id] = at
}

// due takes those whose time has come, the longest due first.
func (b *bills) due(now int64) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ids []string
	for id, at := range b.at {
		if at <= now {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(x, y string) int { return cmp.Or(cmp.Compare(b.at[x], b.at[y]), cmp.Compare(x, y)) })
	for _, id := range ids {
		delete(b.at, id)
	}
	return ids
}

// askBills compares one after another. Those that no process comes to ask about
// keep the cost that was reckoned.
func (s *Service) askBills() {
	for s.pause(billsEvery) {
		for _, id := range s.bills.due(s.node.now()) {
			if t := s.index.find(id); t != nil {
				s.compareLiving(t)
			} else {
				s.compareEnded(id)
			}
		}
	}
}

// compareLiving takes a session's cost for no less than its bill, which may end it
// sooner.
func (s *Service) compareLiving(t *tracked) {
	row, _ := t.state()
	usd, ok := s.charged(&row)
	if !ok || !s.node.valid() {
		return
	}
	t.acting.Lock()
	defer t.acting.Unlock()
	_, _ = s.change(t, func(row *store.Session, d *document) ([]store.Event, bool) {
		if row.State != store.Live || !d.charge(s.node.now(), usd) {
			return nil, false
		}
		return []store.Event{s.event("cost", map[string]any{"session": t.id, "spent": d.spent(s.node.now()), "price_per_hour": d.Price, "billed": usd})}, true
	}, 0) // the next cost event asks again
	s.arm(t)
}

// compareEnded writes the bill into a session that has ended. Its events are over:
// its document alone says so.
func (s *Service) compareEnded(id string) {
	ctx, cancel := context.WithTimeout(s.until, commitLimit)
	defer cancel()
	row, found, err := s.store.Get(ctx, id)
	lease, ok := s.node.current()
	if err != nil || !found || !ok || row.Owner != lease.Holder || row.Fence != lease.Fence {
		return
	}
	usd, ok := s.charged(&row)
	d, fault := decode(&row)
	if !ok || fault != nil || !d.charge(row.Ended, usd) {
		return
	}
	row.Doc = d.encode()
	_, _ = s.store.Commit(ctx, lease, []store.Change{{Session: row}}) // it keeps what was reckoned otherwise
}

// charged asks what the cloud has charged for a session's machine. A bill is in
// days, and nothing was charged for the machine before it was there.
func (s *Service) charged(row *store.Session) (usd float64, ok bool) {
	if row.ComputeID == "" {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(s.until, billLimit)
	defer cancel()
	from := time.UnixMilli(row.Created).UTC().Truncate(24 * time.Hour).Format(time.RFC3339)
	bill, err := s.Compute.Bill(ctx, &compute.BillParams{Target: target(row.Provider), ID: row.ComputeID, From: from})
	if err != nil {
		return 0, false
	}
	return bill.AmountUSD, true
}

// compareLater has a session's cost compared, where its cloud tells what it has
// charged.
func (s *Service) compareLater(row *store.Session, after time.Duration) {
	if s.Compute.Bills(s.until, row.Provider) {
		s.bills.add(row.ID, s.node.now()+after.Milliseconds())
	}
}
