package simkit

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// Effect names what a fault does to a request.
type Effect string

// The effects.
const (
	LostAnswer Effect = "lost_answer" // the request takes effect, the connection closes without an answer
	Reset      Effect = "reset"       // the connection is reset before anything happens
	Status     Effect = "status"      // an answer with Fault.Status instead of the cloud's; with AfterEffect the request took effect
	Cut        Effect = "cut"         // the answer's body ends after Bytes bytes, the connection closes
	Slow       Effect = "slow"        // DelayMS of real time before the request takes effect, or after it with AfterEffect
	Drip       Effect = "drip"        // the body comes Bytes bytes at a time, DelayMS of real time apart
)

// Fault is one rule. A request matches when Method and Path do; matching
// requests are counted from 1, and the rule fires on number Nth, or on every
// Every-th, or on each where both are 0, Count times at most (0: without end,
// but once where Nth is set).
type Fault struct {
	ID          int               `json:"id,omitempty"`           // given by AddFault
	Method      string            `json:"method,omitempty"`       // empty: all
	Path        string            `json:"path,omitempty"`         // exact, or with * for any text; empty: all
	Nth         int               `json:"nth,omitempty"`          // fires on this matching request (and, with Count, on the ones after it)
	Every       int               `json:"every,omitempty"`        // fires on each Every-th matching request
	Count       int               `json:"count,omitempty"`        // fires this often at most
	Effect      Effect            `json:"effect"`                 //
	AfterEffect bool              `json:"after_effect,omitempty"` // status and slow: the request takes effect first
	ResetConn   bool              `json:"reset_conn,omitempty"`   // lost_answer and cut: end the connection with a reset
	Status      int               `json:"status,omitempty"`       // status: HTTP status
	Body        string            `json:"body,omitempty"`         // status: body; empty: the cloud's own shape
	ContentType string            `json:"content_type,omitempty"` // status: default the cloud's own
	Headers     map[string]string `json:"headers,omitempty"`      // status: further headers
	RetryAfter  *int              `json:"retry_after,omitempty"`  // status: Retry-After in seconds; absent: no header
	Bytes       int               `json:"bytes,omitempty"`        // cut, drip
	DelayMS     int64             `json:"delay_ms,omitempty"`     // slow, drip: real time

	Seen  int `json:"seen,omitempty"`  // requests that matched
	Fired int `json:"fired,omitempty"` // times it fired
}

// check tells what is wrong with a rule.
func (f *Fault) check() error {
	switch f.Effect {
	case LostAnswer, Reset, Cut:
	case Status:
		if f.Status < 200 || f.Status > 599 {
			return fmt.Errorf("fault: effect status needs a status from 200 to 599, got %d", f.Status)
		}
	case Slow:
		if f.DelayMS <= 0 {
			return fmt.Errorf("fault: effect slow needs delay_ms")
		}
	case Drip:
		if f.Bytes <= 0 {
			return fmt.Errorf("fault: effect drip needs bytes")
		}
	default:
		return fmt.Errorf("fault: unknown effect %q; known are lost_answer, reset, status, cut, slow, drip", f.Effect)
	}
	if f.Method != strings.ToUpper(f.Method) {
		return fmt.Errorf("fault: method %q matches nothing: methods are in capitals", f.Method)
	}
	if f.Path != "" && f.Path[0] != '/' && f.Path[0] != '*' {
		return fmt.Errorf("fault: path %q matches nothing: it is to begin with / or *, and is the path alone", f.Path)
	}
	if f.Nth < 0 || f.Every < 0 || f.Count < 0 || f.Bytes < 0 || f.DelayMS < 0 {
		return fmt.Errorf("fault: negative number")
	}
	return nil
}

func (f *Fault) matches(method, path string) bool {
	return (f.Method == "" || f.Method == method) && (f.Path == "" || MatchPath(f.Path, path))
}

// due counts one matching request and tells whether the rule is to act on it.
func (f *Fault) due() bool {
	f.Seen++
	most := f.Count
	if most == 0 && f.Nth > 0 && f.Every == 0 {
		most = 1
	}
	if most > 0 && f.Fired >= most || f.Seen < f.Nth {
		return false
	}
	if f.Every > 0 {
		since := f.Seen // counted from Nth where it is set
		if f.Nth > 0 {
			since -= f.Nth
		}
		return since%f.Every == 0
	}
	return true
}

// MatchPath reports whether a path equals a pattern in which * stands for any
// text, slashes included.
func MatchPath(pattern, path string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == path
	}
	if !strings.HasPrefix(path, parts[0]) {
		return false
	}
	rest := path[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// Faults holds the rules. Without rules a request costs one atomic load.
type Faults struct {
	active atomic.Int32

	mu    sync.Mutex
	next  int
	rules []*Fault
}

// Add checks a rule, adds it and returns its number.
func (fs *Faults) Add(f Fault) (int, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.next++
	f.ID, f.Seen, f.Fired = fs.next, 0, 0
	fs.rules = append(fs.rules, &f)
	fs.active.Store(int32(len(fs.rules)))
	return f.ID, nil
}

// Clear removes the rule of that number, or all for 0.
func (fs *Faults) Clear(id int) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	kept := fs.rules[:0:0]
	for _, f := range fs.rules {
		if id != 0 && f.ID != id {
			kept = append(kept, f)
		}
	}
	fs.rules = kept
	fs.active.Store(int32(len(kept)))
}

// List returns copies of the rules with their counts.
func (fs *Faults) List() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	list := make([]Fault, len(fs.rules))
	for i, f := range fs.rules {
		list[i] = *f
	}
	return list
}

// plan is what the rules do to one request: the delays of every slow rule that
// fires, and the first other effect.
type plan struct {
	before, after int64 // ms
	fault         *Fault
}

func (fs *Faults) plan(method, path []byte) (p plan, any bool) {
	if fs.active.Load() == 0 {
		return p, false
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	m, pa := string(method), string(path)
	for _, f := range fs.rules {
		if !f.matches(m, pa) || !f.due() || f.Effect != Slow && p.fault != nil {
			continue
		}
		f.Fired++
		any = true
		switch {
		case f.Effect == Slow && f.AfterEffect:
			p.after += f.DelayMS
		case f.Effect == Slow:
			p.before += f.DelayMS
		default:
			copied := *f
			p.fault = &copied
		}
	}
	return p, any
}
