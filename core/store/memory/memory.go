package memory

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/store"
)

// Store keeps everything in maps. Several handles made with Handle share it, as
// processes share a file.
type Store struct {
	*contents
	mu     sync.Mutex
	closed bool
}

type contents struct {
	clock    clock.Clock
	identity string

	mu       sync.Mutex
	leases   map[string]store.Lease
	fence    int64
	sessions map[string]*session
	machines map[string][]string // identifiers of sessions by their machine's
	topics   map[string]*topic
	values   map[string][]byte
}

type session struct {
	store.Session
	word string
}

type topic struct {
	last   uint64
	events []store.Event
}

// New makes an empty store.
func New(c clock.Clock) *Store {
	return &Store{contents: &contents{clock: c, identity: strings.ToLower(rand.Text()[:6]), leases: map[string]store.Lease{}, sessions: map[string]*session{},
		machines: map[string][]string{}, topics: map[string]*topic{}, values: map[string][]byte{}}}
}

// Handle returns another handle on the same store.
func (s *Store) Handle() *Store { return &Store{contents: s.contents} }

var errClosed = errors.New("the store is closed")

// begin locks the contents, unless there is nobody to answer.
func (s *Store) begin(ctx context.Context, doing string) error {
	if err := ctx.Err(); err != nil {
		return &store.CannotTell{Doing: doing, Err: err}
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return &store.CannotTell{Doing: doing, Err: errClosed}
	}
	s.contents.mu.Lock()
	return nil
}

func (s *Store) end() { s.contents.mu.Unlock() }

func (c *contents) now() int64 { return c.clock.Now().UnixMilli() }

// Identity names the store.
func (s *Store) Identity() string { return s.identity }

// Now reads the clock.
func (s *Store) Now(ctx context.Context) (int64, error) {
	if err := s.begin(ctx, "reading the clock"); err != nil {
		return 0, err
	}
	defer s.end()
	return s.now(), nil
}

// Close ends this handle.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Lease takes or renews a lease.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl int64) (store.Lease, bool, error) {
	if err := s.begin(ctx, "taking a lease"); err != nil {
		return store.Lease{}, false, err
	}
	defer s.end()
	now := s.now()
	l, held := s.leases[name]
	held = held && l.Expires > now
	if held && l.Holder != holder {
		l.Now = now
		return l, false, nil
	}
	if !held {
		s.fence++
		l = store.Lease{Name: name, Holder: holder, Fence: s.fence}
	}
	l.Now, l.Expires = now, now+ttl
	s.leases[name] = l
	return l, true, nil
}

// Release ends a lease.
func (s *Store) Release(ctx context.Context, l store.Lease) error {
	if err := s.begin(ctx, "releasing a lease"); err != nil {
		return err
	}
	defer s.end()
	if now := s.leases[l.Name]; now.Fence == l.Fence {
		delete(s.leases, l.Name)
	}
	return nil
}

// holds tells whether a lease is in force.
func (c *contents) holds(l store.Lease) bool {
	now, ok := c.leases[l.Name]
	return ok && now.Fence == l.Fence && now.Holder == l.Holder && now.Expires > c.now()
}

// Commit carries out changes.
func (s *Store) Commit(ctx context.Context, by store.Lease, changes []store.Change) ([]store.Result, error) {
	if err := s.begin(ctx, "writing sessions"); err != nil {
		return nil, err
	}
	defer s.end()
	holds := s.holds(by)
	out := make([]store.Result, len(changes))
	for i := range changes {
		if out[i].Verdict = store.Lost; holds {
			out[i] = s.change(by, &changes[i])
		}
	}
	return out, nil
}

func (c *contents) change(by store.Lease, ch *store.Change) store.Result {
	next := ch.Session
	next.Doc = slices.Clone(next.Doc)
	old := c.sessions[next.ID]
	switch {
	case next.Owner != by.Holder || next.Fence != by.Fence, ch.New != (old == nil):
		return store.Result{Verdict: store.Lost}
	case old != nil && (old.Owner != by.Holder || old.Fence != by.Fence):
		return store.Result{Verdict: store.Lost}
	case old != nil && ch.IdleSince != 0 && old.Touched > ch.IdleSince:
		return store.Result{Verdict: store.Used, Touched: old.Touched}
	}
	if old != nil {
		next.Touched = max(next.Touched, old.Touched)
		next.Created = old.Created
	}
	if next.ComputeID != "" && !slices.Contains(c.machines[next.ComputeID], next.ID) {
		c.machines[next.ComputeID] = append(c.machines[next.ComputeID], next.ID)
	}
	c.sessions[next.ID] = &session{Session: next}
	return store.Result{Verdict: store.Done, Touched: next.Touched, Last: c.append(ch.Topic, ch.Events)}
}

func (c *contents) append(name string, list []store.Event) uint64 {
	t := c.topics[name]
	if t == nil {
		if len(list) == 0 {
			return 0
		}
		t = &topic{}
		c.topics[name] = t
	}
	for _, e := range list {
		t.last++
		e.Seq, e.Data = t.last, slices.Clone(e.Data)
		t.events = append(t.events, e)
	}
	return t.last
}

// Touch moves last activities forward.
func (s *Store) Touch(ctx context.Context, touches []store.Touch) ([]string, error) {
	if err := s.begin(ctx, "noting activity"); err != nil {
		return nil, err
	}
	defer s.end()
	var notLive []string
	for _, t := range touches {
		row := s.sessions[t.ID]
		if row == nil || row.State != store.Live {
			notLive = append(notLive, t.ID)
			continue
		}
		row.Touched = max(row.Touched, t.At)
	}
	return notLive, nil
}

// Ask leaves a word.
func (s *Store) Ask(ctx context.Context, id, word string) (bool, error) {
	if err := s.begin(ctx, "leaving word"); err != nil {
		return false, err
	}
	defer s.end()
	row := s.sessions[id]
	if row == nil || row.State == store.Ended {
		return false, nil
	}
	row.word = word
	return true, nil
}

// Asked lists words.
func (s *Store) Asked(ctx context.Context, owner string) ([]store.Word, error) {
	if err := s.begin(ctx, "reading words"); err != nil {
		return nil, err
	}
	defer s.end()
	var out []store.Word
	for id, row := range s.sessions {
		if row.Owner == owner && row.word != "" {
			out = append(out, store.Word{ID: id, Word: row.word})
		}
	}
	return out, nil
}

// Claim takes over sessions.
func (s *Store) Claim(ctx context.Context, by store.Lease, limit int) ([]store.Claimed, error) {
	if err := s.begin(ctx, "claiming sessions"); err != nil {
		return nil, err
	}
	defer s.end()
	if !s.holds(by) {
		return nil, nil
	}
	alive := map[string]int64{} // fencing number by holder
	now := s.now()
	for _, l := range s.leases {
		if strings.HasPrefix(l.Name, "node/") && l.Expires > now {
			alive[l.Holder] = l.Fence
		}
	}
	var out []store.Claimed
	for _, row := range s.sessions {
		if len(out) == limit {
			break
		}
		if row.State == store.Ended || alive[row.Owner] == row.Fence && row.Fence != 0 {
			continue
		}
		from := row.Owner
		row.Owner, row.Fence = by.Holder, by.Fence
		out = append(out, store.Claimed{Session: row.Session, From: from})
	}
	return out, nil
}

// Get returns a session.
func (s *Store) Get(ctx context.Context, id string) (store.Session, bool, error) {
	if err := s.begin(ctx, "reading a session"); err != nil {
		return store.Session{}, false, err
	}
	defer s.end()
	if row := s.sessions[id]; row != nil {
		return row.Session, true, nil
	}
	var latest *session
	for _, of := range s.machines[id] {
		if row := s.sessions[of]; row != nil && (latest == nil || row.Created >= latest.Created) {
			latest = row
		}
	}
	if latest == nil {
		return store.Session{}, false, nil
	}
	return latest.Session, true, nil
}

// List returns sessions in order.
func (s *Store) List(ctx context.Context, f store.Filter) ([]store.Session, error) {
	if err := s.begin(ctx, "listing sessions"); err != nil {
		return nil, err
	}
	defer s.end()
	limit := f.Limit
	if limit == 0 {
		limit = 1000
	}
	var out []store.Session
	for id, row := range s.sessions {
		if id <= f.After && f.After != "" || f.Owner != "" && (row.Owner != f.Owner || f.Fence != 0 && row.Fence != f.Fence) || f.UserID != "" && row.UserID != f.UserID {
			continue
		}
		if len(f.States) > 0 && !slices.Contains(f.States, row.State) {
			continue
		}
		out = append(out, row.Session)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out[:min(limit, len(out))], nil
}

// Events reads a topic.
func (s *Store) Events(ctx context.Context, name string, from uint64, limit int) ([]store.Event, uint64, error) {
	if err := s.begin(ctx, "reading events"); err != nil {
		return nil, 0, err
	}
	defer s.end()
	t := s.topics[name]
	if t == nil {
		return nil, 0, nil
	}
	var out []store.Event
	for _, e := range t.events {
		if e.Seq >= from && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, t.last, nil
}

// Append adds events.
func (s *Store) Append(ctx context.Context, name string, list []store.Event) (uint64, error) {
	if err := s.begin(ctx, "writing events"); err != nil {
		return 0, err
	}
	defer s.end()
	return s.append(name, list), nil
}

// Prune forgets what is old. Topics keep their last number.
func (s *Store) Prune(ctx context.Context, before int64) (int, error) {
	if err := s.begin(ctx, "pruning"); err != nil {
		return 0, err
	}
	defer s.end()
	count := 0
	kept := map[string]bool{} // topics of sessions that stay
	for _, row := range s.sessions {
		if row.State != store.Ended || row.Ended >= before {
			kept["compute:"+row.ComputeID] = true
		}
	}
	for id, row := range s.sessions {
		if row.State == store.Ended && row.Ended < before {
			delete(s.sessions, id)
			if s.machines[row.ComputeID] = slices.DeleteFunc(s.machines[row.ComputeID], func(of string) bool { return of == id }); len(s.machines[row.ComputeID]) == 0 {
				delete(s.machines, row.ComputeID)
			}
			count++
		}
	}
	for name, t := range s.topics {
		if !kept[name] {
			t.events = slices.DeleteFunc(t.events, func(e store.Event) bool { return e.Time < before })
		}
	}
	return count, nil
}

// GetValue reads a value.
func (s *Store) GetValue(ctx context.Context, space, key string) ([]byte, bool, error) {
	if err := s.begin(ctx, "reading a value"); err != nil {
		return nil, false, err
	}
	defer s.end()
	value, found := s.values[space+"\x00"+key]
	return slices.Clone(value), found, nil
}

// PutValue writes a value.
func (s *Store) PutValue(ctx context.Context, space, key string, value []byte) error {
	if err := s.begin(ctx, "writing a value"); err != nil {
		return err
	}
	defer s.end()
	s.values[space+"\x00"+key] = slices.Clone(value)
	return nil
}

// DeleteValue forgets a value.
func (s *Store) DeleteValue(ctx context.Context, space, key string) error {
	if err := s.begin(ctx, "forgetting a value"); err != nil {
		return err
	}
	defer s.end()
	delete(s.values, space+"\x00"+key)
	return nil
}
