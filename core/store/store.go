package store

import "context"

// Store is what a back end offers. All methods may be called at once. Every error
// is a *CannotTell, except where a method says otherwise.
type Store interface {
	// Identity names this store for ever: 6 characters of a-z and 0-9, made at
	// random with it. Machines carry it in their names.
	Identity() string

	// Lease takes or renews a lease for ttl milliseconds. A holder that still has
	// it renews it under the same fencing number; one that takes it anew gets a
	// higher number than any before it in this store. Where another holds it the
	// answer is that holder's lease, and mine is false.
	Lease(ctx context.Context, name, holder string, ttl int64) (lease Lease, mine bool, err error)
	// Release ends a lease early. One that is no longer the holder's is left alone.
	Release(ctx context.Context, lease Lease) error

	// Commit carries out changes, each wholly or not at all, in one durable
	// transaction or several. by is the lease of the process that acts; a change
	// whose session belongs to another holder or fencing number, or whose by has
	// expired, is answered Lost and leaves nothing behind. Results are in the order
	// of changes.
	Commit(ctx context.Context, by Lease, changes []Change) ([]Result, error)
	// Touch moves the last activity of live sessions forward, whoever owns them; a
	// time before the stored one changes nothing. It answers the identifiers that
	// are not live sessions.
	Touch(ctx context.Context, touches []Touch) (notLive []string, err error)
	// Ask leaves a word for a session's owner, where the session has not ended and
	// holds no other one than over, which it replaces; an empty word takes over back.
	// It reports whether there was such a session, whatever word that holds now.
	Ask(ctx context.Context, id, word, over string) (found bool, err error)
	// Asked lists the sessions of an owner that hold a word. A commit that ends the
	// session, or begins to, clears it; no other does, since its writer may not have
	// read the word.
	Asked(ctx context.Context, owner string) ([]Word, error)
	// Claim makes by the owner of up to limit sessions that have not ended and whose
	// owner is gone: its lease has expired, was released or carries a higher number
	// than the session, or the store knows that its process is dead. The sessions are answered as they are now,
	// with their new owner and fencing number; previous owners are in From.
	Claim(ctx context.Context, by Lease, limit int) ([]Claimed, error)

	// Get returns a session by its identifier or by its machine's. Where several
	// sessions had the machine, it is one that has not ended, else the latest.
	Get(ctx context.Context, id string) (session Session, found bool, err error)
	// List returns sessions in the order of their identifiers.
	List(ctx context.Context, filter Filter) ([]Session, error)

	// Events returns up to limit events of a topic with numbers of at least from,
	// and the number of the topic's last event, 0 where it never had one.
	Events(ctx context.Context, topic string, from uint64, limit int) (events []Event, last uint64, err error)
	// Append adds events to a topic that belongs to no session and returns the
	// number of the last one. All of them are passing.
	Append(ctx context.Context, topic string, events []Event) (last uint64, err error)
	// Prune forgets passing events from before a time, and then sessions that ended
	// before it with what is left on their topics. It is a step, which costs as much
	// as what it forgets: at the most limit events and sessions. It returns how many
	// those were; fewer than limit tells that nothing is left to be forgotten. Numbers
	// of a topic are never given twice all the same.
	Prune(ctx context.Context, before int64, limit int) (int, error)

	// Values are small records of other packages, by space and key.
	GetValue(ctx context.Context, space, key string) (value []byte, found bool, err error)
	PutValue(ctx context.Context, space, key string, value []byte) error
	DeleteValue(ctx context.Context, space, key string) error

	// Now reads the store's clock.
	Now(ctx context.Context) (int64, error)
	// Close releases the store; leases stay until they expire, except where the
	// store sees that their process has closed it.
	Close() error
}
