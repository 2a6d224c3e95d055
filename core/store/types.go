package store

// Lease says that a holder alone may act under a name until a time. Fence tells
// holders apart over time: whoever acts later has the higher number.
type Lease struct {
	Name    string
	Holder  string
	Fence   int64
	Now     int64 // the store's clock when this was answered
	Expires int64
}

// State of a stored session.
type State int

// The states. A session only moves down this list.
const (
	Intended State = iota + 1 // creates may have been sent; no machine is known
	Live                      // a machine is known
	Ending                    // it is being given back; nothing brings it back to life
	Ended                     // the cloud said that it is gone, or there never was one
)

// Session is one tracked machine. What the columns do not say is in Doc, which is
// the orchestrator's own.
type Session struct {
	ID        string
	Owner     string // holder of the lease under which it is acted on
	Fence     int64  // that lease's number
	State     State
	Provider  string // empty until it is known
	ComputeID string // the cloud's identifier; empty until it is known
	UserID    string
	Created   int64
	Touched   int64 // last activity
	Ended     int64 // 0 until State is Ended
	Doc       []byte
}

// Change is the new state of one session.
type Change struct {
	Session Session // Touched only moves forward; a Doc of nil leaves the stored one as it is
	New     bool    // the session must not be there yet; otherwise it must be
	// IdleSince, where not 0, makes the change void when the stored Touched is later
	// than this: the session was used meanwhile, through another process.
	IdleSince int64
	Topic     string // of Events
	Events    []Event
}

// Verdict on a change.
type Verdict int

// The verdicts.
const (
	Done Verdict = iota + 1
	Lost         // the session is another's now, or gone, or by has expired
	Used         // it was touched after IdleSince
)

// Result of a change.
type Result struct {
	Verdict Verdict
	Touched int64  // the stored last activity
	Last    uint64 // number of the last event added; they are numbered without a gap
}

// Touch is one activity.
type Touch struct {
	ID string // the session's, not the machine's
	At int64
}

// Word is what somebody asks of a session's owner.
type Word struct {
	ID   string
	Word string
}

// Claimed is a session taken over.
type Claimed struct {
	Session
	From string
}

// Filter chooses sessions. Zero fields choose all.
type Filter struct {
	Owner  string
	Fence  int64 // with Owner: of this number alone
	States []State
	UserID string
	After  string // identifiers greater than this
	Limit  int    // 0: 1000
}

// Event is one stored event. Its number is given by the store.
type Event struct {
	Seq  uint64
	Time int64 // ms since 1970, UTC
	Name string
	Data []byte // a JSON object
	// Passing tells that the event may be forgotten while its session goes on, since
	// others of its kind come after it without end. It is only ever written.
	Passing bool
}
