package logs

import (
	"hash/maphash"
	"time"
)

// ledger counts lines by their key and forgets those that were not asked about
// for one to two turns.
type ledger struct {
	now, before map[uint64]int32
	turned      time.Time
	most        int // lines that a turn counts
	// ns: the latest line there was when now, and before, began. Lines behind the
	// second are known, however long ago they were met.
	nowFrom, beforeFrom int64
}

func newLedger(most int) *ledger { return &ledger{now: map[uint64]int32{}, most: most} }

func (l *ledger) get(key uint64) int32 {
	if n, ok := l.now[key]; ok {
		return n
	}
	n := l.before[key]
	if n > 0 {
		l.now[key] = n
	}
	return n
}

func (l *ledger) set(key uint64, n int32) { l.now[key] = n }

// turn begins a new turn where the last one began so long ago, or holds so much.
// newest is the latest line met.
func (l *ledger) turn(at time.Time, after time.Duration, newest int64) {
	if l.turned.IsZero() {
		l.turned = at
	}
	if at.Sub(l.turned) >= after || len(l.now) > l.most {
		l.before, l.now, l.turned = l.now, make(map[uint64]int32, len(l.now)/2), at
		l.beforeFrom, l.nowFrom = l.nowFrom, newest
	}
}

// tally numbers equal lines of one reading. A page may begin with the lines the
// page before ended with, whether the cursor counts those in or not, so lines of
// that one moment are numbered anew.
type tally struct {
	counts *ledger
	edge   []uint64
}

func newTally(most int) *tally { return &tally{counts: newLedger(most)} }

// number calls take with every line of a page, its key and which of its equals it
// is.
func (t *tally) number(seed maphash.Seed, lines []Line, take func(l *Line, key uint64, n int32)) {
	if len(lines) == 0 {
		return
	}
	for _, key := range t.edge {
		t.counts.set(key, 0)
	}
	last := int64(0)
	for i := range lines {
		last = max(last, lines[i].at)
	}
	t.edge = t.edge[:0]
	for i := range lines {
		l := &lines[i]
		key := keyOf(seed, l)
		n := t.counts.get(key) + 1
		t.counts.set(key, n)
		if l.at == last {
			t.edge = append(t.edge, key)
		}
		take(l, key, n)
	}
}

// keyOf is what a line is known by.
func keyOf(seed maphash.Seed, l *Line) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, text := range []string{l.Instance, l.Timestamp, l.Message} {
		_, _ = h.WriteString(text) // never fails
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}
