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
	logs     map[string]map[string]int64 // touch logs by holder
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
		machines: map[string][]string{}, topics: map[string]*topic{}, values: map[string][]byte{}, logs: map[string]map[string]int64{}}}
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
	row := &session{Session: next}
	if old != nil {
		if ch.Session.Doc == nil {
			row.Doc = old.Doc
		}
		if next.State < store.Ending || next.State == store.Ending && old.State == store.Ending {
			row.word = old.word
		}
	}
	c.sessions[next.ID] = row
	return store.Result{Verdict: store.Done, Touched: next.Touched, Last: c.append(ch.Topic, ch.Events)}
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
func (s *Store) Ask(ctx context.Context, id, word, over string) (bool, error) {
	if err := s.begin(ctx, "leaving word"); err != nil {
		return false, err
	}
	defer s.end()
	row := s.sessions[id]
	if row == nil || row.State == store.Ended {
		return false, nil
	}
	if row.word == "" || row.word == over {
		row.word = word
	}
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
		row := s.sessions[of]
		if row == nil {
			continue
		}
		if ended := row.State == store.Ended; latest == nil || ended == (latest.State == store.Ended) && row.Created >= latest.Created || !ended && latest.State == store.Ended {
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
