package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// ledger is what the harness knows: the sessions it was answered, when it last
// touched each, whether it asked for its end, and the events that were seen.
type ledger struct {
	mu       sync.Mutex
	sessions map[string]*known
	seen     map[string]map[uint64]string // events by topic: name by number
	doubts   []string                     // contradictions among what was seen
}

// known is one session that some node answered.
type known struct {
	ID      string
	Machine string
	Topic   string
	TTL     time.Duration // 0: it never goes idle
	touched time.Time     // when the last touch that was acknowledged was sent
	asked   bool          // its end was asked for
	over    bool          // a touch said that it has ended
}

func newLedger() *ledger {
	return &ledger{sessions: map[string]*known{}, seen: map[string]map[uint64]string{}}
}

func (l *ledger) add(k *known) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[k.ID] = k
}

// pick returns a session that should live, or nil.
func (l *ledger) pick(random func(int) int, touchedOnly bool) *known {
	l.mu.Lock()
	defer l.mu.Unlock()
	var live []*known
	for _, k := range l.sessions {
		if !k.asked && !k.over && (!touchedOnly || k.TTL > 0) {
			live = append(live, k)
		}
	}
	if len(live) == 0 {
		return nil
	}
	return live[random(len(live))]
}

func (l *ledger) touched(k *known, sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if sent.After(k.touched) {
		k.touched = sent
	}
}

func (l *ledger) mark(edit func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	edit()
}

// saw notes an event. Two events under one number contradict each other.
func (l *ledger) saw(e event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[e.Topic] == nil {
		l.seen[e.Topic] = map[uint64]string{}
	}
	if name, ok := l.seen[e.Topic][e.Seq]; ok && name != e.Name {
		l.doubts = append(l.doubts, fmt.Sprintf("%s %d was %s and is %s", e.Topic, e.Seq, name, e.Name))
	}
	l.seen[e.Topic][e.Seq] = e.Name
}

// counts are what a run must keep at 0.
type counts struct {
	Leaked     int      `json:"leaked"`
	KilledLive int      `json:"killed_live"`
	Doubled    int      `json:"doubled"`
	LostEvents int      `json:"lost_events"`
	Why        []string `json:"why,omitempty"`
}

func (c *counts) add(o counts) {
	c.Leaked += o.Leaked
	c.KilledLive += o.KilledLive
	c.Doubled += o.Doubled
	c.LostEvents += o.LostEvents
}

func (c *counts) clean() bool { return c.Leaked+c.KilledLive+c.Doubled+c.LostEvents == 0 }

func (c *counts) blame(n *int, format string, args ...any) {
	*n++
	if len(c.Why) < 20 {
		c.Why = append(c.Why, fmt.Sprintf(format, args...))
	}
}

// session is one as a node answers it.
type session struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
	Topic   string `json:"topic"`
	Compute *struct {
		ID string `json:"id"`
	} `json:"compute"`
	EndedAt time.Time `json:"ended_at"`
}

// slack is what the clocks of a touch's sender and the store may differ by on one
// machine, their rounding included.
const slack = 50 * time.Millisecond

// audit compares the cloud, the store and the ledger once all is quiet. stored
// holds every session that has not been forgotten, told all events by topic.
func (l *ledger) audit(machines map[string]bool, stored map[string]session, told map[string][]event) counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	var c counts
	held := map[string]string{}
	for id, s := range stored {
		if s.State == "ended" {
			continue
		}
		if s.Compute == nil {
			c.blame(&c.Leaked, "%s is %s for ever", id, s.State)
			continue
		}
		if other := held[s.Compute.ID]; other != "" {
			c.blame(&c.Doubled, "%s and %s hold the machine %s", other, id, s.Compute.ID)
		}
		held[s.Compute.ID] = id
	}
	for id := range machines {
		if held[id] == "" {
			c.blame(&c.Leaked, "machine %s is nobody's", id)
		}
	}
	for machine, id := range held {
		if !machines[machine] {
			c.blame(&c.KilledLive, "%s lives without its machine %s", id, machine)
		}
	}
	for id, k := range l.sessions {
		s, ok := stored[id]
		switch {
		case !ok:
			c.blame(&c.LostEvents, "session %s is forgotten", id)
			continue
		case s.Compute == nil || s.Compute.ID != k.Machine:
			c.blame(&c.Doubled, "session %s was answered with machine %s and has another", id, k.Machine)
		}
		l.judge(&c, k, s, told[k.Topic])
	}
	for _, d := range l.doubts {
		c.blame(&c.LostEvents, "%s", d)
	}
	l.doubts = nil
	return c
}

// judge looks at one session that the harness was answered.
func (l *ledger) judge(c *counts, k *known, s session, told []event) {
	var ended *event
	terminated := 0
	for i := range told {
		if told[i].Seq != uint64(i+1) {
			c.blame(&c.LostEvents, "%s: event %d at place %d", k.Topic, told[i].Seq, i+1)
			return
		}
		switch told[i].Name {
		case "terminating":
			ended = &told[i]
		case "terminated":
			terminated++
		}
	}
	for seq, name := range l.seen[k.Topic] {
		if seq > uint64(len(told)) || told[seq-1].Name != name {
			c.blame(&c.LostEvents, "%s: event %d, %s, was seen and is not there", k.Topic, seq, name)
		}
	}
	if len(told) == 0 || told[0].Name != "provisioning" {
		c.blame(&c.LostEvents, "%s does not begin with provisioning", k.Topic)
		return
	}
	if s.State == "ended" && (terminated != 1 || told[len(told)-1].Name != "terminated") {
		c.blame(&c.LostEvents, "%s ended and tells of %d ends", k.Topic, terminated)
	}
	if s.State == "live" {
		return
	}
	var reason struct {
		Reason string `json:"reason"`
	}
	if ended != nil {
		_ = json.Unmarshal(ended.Data, &reason) // an unknown reason is judged below
	}
	switch {
	case reason.Reason == "idle_timeout" && k.TTL > 0:
		if early := k.touched.Add(k.TTL - slack).Sub(ended.Time); early > 0 {
			c.blame(&c.KilledLive, "%s went idle %v before its time", k.ID, early)
		}
	case reason.Reason == "stopped" && k.asked:
	default:
		c.blame(&c.KilledLive, "%s ended: %q %q, asked %v", k.ID, s.Reason, reason.Reason, k.asked)
	}
}
