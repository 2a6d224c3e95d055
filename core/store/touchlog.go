package store

// TouchLogger is what a Store is besides, where activities can be written down at
// the speed of memory.
type TouchLogger interface {
	// OpenTouchLog makes the log of a lease's holder.
	OpenTouchLog(holder string) (TouchLog, error)
}

// TouchLog holds the last activities of sessions that its holder acts on until
// they are brought to the store. What it holds survives the process, though not
// the machine: Claim counts it with what is stored.
type TouchLog interface {
	// Write notes an activity. place is 0 for a session that has none yet, otherwise
	// what Write answered for it before.
	Write(place int64, id string, at int64) (int64, error)
	// Free gives a place back.
	Free(place int64)
	// Close ends the log. brought tells that the store holds all of it.
	Close(brought bool) error
}
