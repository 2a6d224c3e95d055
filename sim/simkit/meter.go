package simkit

import (
	"sort"
	"sync"
	"time"
)

// Meter bills by whole seconds of virtual time. A second that has begun and not
// ended costs nothing.
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

// Charge adds a finished stretch of time, such as a job's.
func (m *Meter) Charge(id, kind, account string, usdPerHour float64, from, to time.Time) {
	m.Rate(id, kind, account, usdPerHour, from)
	m.Rate(id, kind, account, 0, to)
}

func (it *item) close(now time.Time) {
	if it.rate == 0 {
		return
	}
	seconds := wholeSeconds(it.since, now)
	it.seconds += seconds
	it.amount += float64(seconds) * it.rate / 3600
	it.segments = append(it.segments, Segment{From: it.since, To: now, Rate: it.rate})
}

func wholeSeconds(from, to time.Time) int64 {
	if d := to.Sub(from); d > 0 {
		return int64(d / time.Second)
	}
	return 0
}

func (it *item) at(now time.Time) BillItem {
	b := BillItem{ID: it.id, Kind: it.kind, Account: it.account, Seconds: it.seconds, USD: it.amount, Rate: it.rate}
	if it.rate != 0 {
		seconds := wholeSeconds(it.since, now)
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

// Segments returns the stretches of time a thing was billed for, the running
// one included, oldest first.
func (m *Meter) Segments(id string, now time.Time) []Segment {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.items[id]
	if it == nil {
		return nil
	}
	list := append([]Segment{}, it.segments...)
	if it.rate != 0 {
		list = append(list, Segment{From: it.since, To: now, Rate: it.rate})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].From.Before(list[j].From) })
	return list
}

func (m *Meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.items, m.order = nil, nil
}
