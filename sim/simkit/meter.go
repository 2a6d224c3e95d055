package simkit

import (
	"sync"
	"time"
)

// Meter bills by the second of virtual time. A second that has begun counts
// whole.
type Meter struct {
	mu    sync.Mutex
	items map[string]*item
	order []*item
}

// item is one thing that costs money: a machine, a volume, a job.
type item struct {
	id, account, kind string
	rate              float64   // USD per hour; 0 while it does not run
	since             time.Time // start of the segment that runs
	until             time.Time // its end where it is known beforehand
	seconds           int64     // of ended segments
	amount            float64   // of ended segments
	segments          []Segment
}

// Segment is a stretch of time at one price.
type Segment struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Rate float64   `json:"usd_per_hour"`
}

// BillItem is what one thing has cost.
type BillItem struct {
	ID      string  `json:"id"`
	Kind    string  `json:"kind"`
	Account string  `json:"account"`
	Seconds int64   `json:"seconds"` // billed seconds, at any price above zero
	USD     float64 `json:"usd"`
	Rate    float64 `json:"usd_per_hour"` // now; 0 when it no longer costs
}

// Bill is what everything has cost up to now.
type Bill struct {
	At         time.Time          `json:"at"`
	TotalUSD   float64            `json:"total_usd"`
	RateNowUSD float64            `json:"usd_per_hour_now"`
	Accounts   map[string]float64 `json:"accounts"`
	Items      []BillItem         `json:"items"`
}

// Rate sets what a thing costs per hour from now on; 0 stops it. The first call
// for an id opens its item.
func (m *Meter) Rate(id, kind, account string, usdPerHour float64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.items[id]
	if it == nil {
		if m.items == nil {
			m.items = map[string]*item{}
		}
		it = &item{id: id, kind: kind, account: account, since: now}
		m.items[id] = it
		m.order = append(m.order, it)
	}
	if it.rate == usdPerHour {
		return
	}
	it.close(now)
	it.rate, it.since = usdPerHour, now
}

// Plan sets a stretch of time that is known beforehand, such as a job's run. It
// costs as the clock passes through it; Rate may cut it short.
func (m *Meter) Plan(id, kind, account string, usdPerHour float64, from, to time.Time) {
	m.Rate(id, kind, account, 0, from)
	m.Rate(id, kind, account, usdPerHour, from)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items[id].until = to
}

// Charge adds an amount that time is not the measure of, such as traffic. It
// stands at the second of now.
func (m *Meter) Charge(id, kind, account string, usd float64, now time.Time) {
	m.Rate(id, kind, account, 0, now)
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.items[id]
	it.amount += usd
	it.segments = append(it.segments, Segment{From: now, To: now.Add(time.Second), Rate: usd * 3600})
}

// end is where the running segment ends for a reader at now.
func (it *item) end(now time.Time) time.Time {
	if !it.until.IsZero() && it.until.Before(now) {
		return it.until
	}
	return now
}

func (it *item) close(now time.Time) {
	if it.rate == 0 {
		return
	}
	if end := it.end(now); end.After(it.since) {
		seconds := billedSeconds(it.since, end)
		it.seconds += seconds
		it.amount += float64(seconds) * it.rate / 3600
		it.segments = append(it.segments, Segment{From: it.since, To: end, Rate: it.rate})
	}
	it.until = time.Time{}
}

func billedSeconds(from, to time.Time) int64 {
	if d := to.Sub(from); d > 0 {
		return int64((d + time.Second - 1) / time.Second)
	}
	return 0
}

func (it *item) at(now time.Time) BillItem {
	b := BillItem{ID: it.id, Kind: it.kind, Account: it.account, Seconds: it.seconds, USD: it.amount}
	if it.rate != 0 {
		end := it.end(now)
		if end.Equal(now) && !now.Before(it.since) {
			b.Rate = it.rate
		}
		seconds := billedSeconds(it.since, end)
		b.Seconds += seconds
		b.USD += float64(seconds) * it.rate / 3600
	}
	return b
}

// Bill adds everything up, of one account or, for "", of all.
func (m *Meter) Bill(account string, now time.Time) Bill {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := Bill{At: now, Accounts: map[string]float64{}, Items: []BillItem{}}
	for _, it := range m.order {
		if account != "" && it.account != account {
			continue
		}
		one := it.at(now)
		b.TotalUSD += one.USD
		b.RateNowUSD += one.Rate
		b.Accounts[one.Account] += one.USD
		b.Items = append(b.Items, one)
	}
	return b
}

// Spent returns what an account has spent up to now.
func (m *Meter) Spent(account string, now time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	sum := 0.0
	for _, it := range m.order {
		if it.account == account {
			sum += it.at(now).USD
		}
	}
	return sum
}

// Stretch is one segment of one item, for a cloud's own billing pages.
type Stretch struct {
	ID, Kind string
	Segment
}

// Stretches returns what an account was billed for, the running segments
// included, items in order of their first cost.
func (m *Meter) Stretches(account string, now time.Time) []Stretch {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Stretch
	for _, it := range m.order {
		if it.account != account {
			continue
		}
		for _, s := range it.segments {
			list = append(list, Stretch{ID: it.id, Kind: it.kind, Segment: s})
		}
		if end := it.end(now); it.rate != 0 && end.After(it.since) {
			list = append(list, Stretch{ID: it.id, Kind: it.kind, Segment: Segment{From: it.since, To: end, Rate: it.rate}})
		}
	}
	return list
}

// Between returns the billed seconds of a segment that lie in [from, to). Summed
// over adjoining windows they are the segment's own.
func (s Segment) Between(from, to time.Time) int64 {
	return s.upTo(to) - s.upTo(from)
}

// upTo is how many seconds of the segment have begun at an instant.
func (s Segment) upTo(at time.Time) int64 {
	if at.After(s.To) {
		at = s.To
	}
	return billedSeconds(s.From, at)
}

func (m *Meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items, m.order = nil, nil
}
