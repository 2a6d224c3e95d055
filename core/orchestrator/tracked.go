package orchestrator

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/store"
)

// tracked is a session this process acts on.
type tracked struct {
	id string

	touched atomic.Int64                       // last activity, ms of the store's clock
	stored  atomic.Int64                       // the last activity that the store surely holds
	slot    atomic.Int64                       // its place in the touch log; 0: it has none
	closing atomic.Bool                        // is being ended because nobody touched it
	noted   atomic.Bool                        // waits to be brought to the store
	live    atomic.Bool                        // takes touches
	calling atomic.Pointer[call]               // calls to its cloud that may be given up; nil: none are under way
	waiting atomic.Pointer[context.CancelFunc] // ends its spawn's wait for capacity; nil: it does not wait
	beat    atomic.Int64                       // when the last heartbeat was told
	seen    atomic.Int64                       // the poll that last found its machine
	said    atomic.Uint64                      // number of the last event that memory is in step with; 0: not known

	acting turn // held by whoever changes the session, its commit included

	mu    sync.Mutex
	row   store.Session // without Doc
	terms terms         // of the document
	doc   *document     // replaced, never changed; nil: the store has it
	stale bool          // the fate of a commit is unknown: read it again before the next
	gone  bool          // not this process's any more

	// The heap's part, guarded by it.
	due   int64
	place int // in the heap; -1: not there

	spare     int64 // an adopted session is not ended by a deadline before this
	spawning  bool  // its spawn runs in this process; guarded by mu
	abandoned bool  // its caller was told that it failed; guarded by mu

	ours bool      // its spawn began in this process; written before it is anybody's
	news *adoption // not told yet; written before it is anybody's

	// Guarded by acting.
	tries    int             // what failed in a row
	failure  *failure        // the last one that was told; nil: none was
	looks    int             // at a machine whose terminate was accepted
	accepted int64           // when a terminate was last accepted; 0: none was
	rescue   *compute.Rescue // of the machine of a spawn whose caller left; nil: there is none
}

func newTracked(id string) *tracked { return &tracked{id: id, place: -1, acting: make(turn, 1)} }

// turn is a lock that is held for as long as a cloud takes to answer. Whoever waits for it
// waits on a channel, by which the clock of tests knows that time may go on.
type turn chan struct{}

func (t turn) Lock() { t <- struct{}{} }

func (t turn) TryLock() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t turn) Unlock() {
	select {
	case <-t:
	default:
		panic("orchestrator: a session's turn was let go that nobody held")
	}
}

// at tells whether it is a living session at a provider.
func (t *tracked) at(provider string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.row.State == store.Live && t.row.Provider == provider
}

// open tells whether it may have a machine at a provider of which memory does not
// know.
func (t *tracked) open(provider string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.row.State != store.Intended {
		return t.stale && t.row.Provider == provider
	}
	if t.spawning && !t.stale {
		return false
	}
	return t.doc == nil || slices.ContainsFunc(t.doc.Intents, func(in compute.Intent) bool { return in.Provider == provider })
}

// stays tells whether closing the client leaves it as it is: its on_exit says so, or its
// spawn is under way, or came to nobody knows what in a process that is gone.
func (t *tracked) stays() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.row.State {
	case store.Intended:
		return t.spawning || !t.abandoned && t.terms.keeps && (t.doc == nil || !t.doc.Abandoned)
	case store.Live:
		return t.terms.keeps && !t.abandoned
	}
	return false
}

// disown notes that its caller was told that it failed.
func (t *tracked) disown() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.abandoned = true
}

func (t *tracked) isAbandoned() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.abandoned
}

// unwanted tells whether it was stopped before its machine was known.
func (t *tracked) unwanted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.row.State == store.Intended && t.doc != nil && t.doc.Abandoned
}

// renting tells whether its spawn runs in this process.
func (t *tracked) renting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.spawning
}

// ownSpawn tells whether it is a spawn of this process without a machine. Such a session
// outlives the lease it was begun under: the process takes it up again, unless another
// one has claimed it.
func (t *tracked) ownSpawn() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ours && !t.gone && t.row.State == store.Intended
}

// doubt has it read again before it is changed.
func (t *tracked) doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stale = true
}

func (t *tracked) isStale() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stale
}

func (t *tracked) state() (store.Session, terms) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now(), t.terms
}

// whole is the session with its document, which is nil where only the store has
// it.
func (t *tracked) whole() (store.Session, *document) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now(), t.doc
}

func (t *tracked) now() store.Session {
	row := t.row
	row.Touched = max(row.Touched, t.touched.Load())
	return row
}

// set takes over what the store holds now. doc is nil where it stayed as it was.
// The document of a session that merely lives is not kept.
func (t *tracked) set(row store.Session, doc *document) {
	t.mu.Lock()
	defer t.mu.Unlock()
	row.Doc = nil
	t.row, t.stale = row, false
	if doc != nil {
		t.terms, t.doc = doc.terms(), doc
	}
	t.shed()
	t.live.Store(row.State == store.Live)
	raise(&t.touched, row.Touched)
	raise(&t.stored, row.Touched)
}

// settleDown ends a spawn: from now on the session is as any other.
func (t *tracked) settleDown() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spawning = false
	t.shed()
}

func (t *tracked) shed() {
	if t.row.State == store.Live && t.terms.readyAt > 0 && !t.spawning {
		t.doc = nil
	}
}

// raise moves a time forward.
func raise(to *atomic.Int64, at int64) {
	for {
		old := to.Load()
		if at <= old || to.CompareAndSwap(old, at) {
			return
		}
	}
}

// index finds the sessions this process acts on, by their own identifier and by
// their machine's.
type index struct {
	mu       sync.RWMutex
	sessions map[string]*tracked
	machines map[string]*tracked
}

func newIndex() *index {
	return &index{sessions: map[string]*tracked{}, machines: map[string]*tracked{}}
}

func (x *index) find(id string) *tracked {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if t := x.sessions[id]; t != nil {
		return t
	}
	return x.machines[id]
}

func (x *index) add(t *tracked, computeID string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sessions[t.id] = t
	if computeID != "" {
		x.machines[computeID] = t
	}
}

func (x *index) remove(t *tracked, computeID string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sessions[t.id] == t {
		delete(x.sessions, t.id)
	}
	if x.machines[computeID] == t {
		delete(x.machines, computeID)
	}
}

// any asks about sessions until one is it.
func (x *index) any(is func(*tracked) bool) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	for _, t := range x.sessions {
		if is(t) {
			return true
		}
	}
	return false
}

// all lists the sessions.
func (x *index) all() []*tracked {
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := make([]*tracked, 0, len(x.sessions))
	for _, t := range x.sessions {
		out = append(out, t)
	}
	return out
}

func (x *index) len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.sessions)
}
