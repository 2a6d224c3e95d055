package orchestrator

import (
	"errors"
	"slices"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/compute"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/store"
)

// Why a session ends.
const (
	ReasonIdle       = "idle_timeout"
	ReasonLifetime   = "max_lifetime"
	ReasonCost       = "cost_cap"
	ReasonNeverReady = "never_ready"
	ReasonStopped    = "stopped"
	ReasonShutdown   = "shutdown"
	ReasonVanished   = "vanished"
	ReasonPreempted  = "preempted"
	ReasonFailed     = "failed"
	ReasonNotRented  = "not_rented"
	ReasonForgotten  = "forgotten"
)

// document is what the store keeps of a session beside its columns. It holds no
// credential: of one that Atlas minted, the hash.
type document struct {
	Tags         map[string]string `json:"tags,omitempty"`
	IdleTTL      int64             `json:"idle_ttl,omitempty"` // ms, as all times here
	MaxLifetime  int64             `json:"max_lifetime,omitempty"`
	ReadyTimeout int64             `json:"ready_timeout,omitempty"`
	MaxCost      float64           `json:"max_cost,omitempty"`
	OnExit       OnExit            `json:"on_exit,omitempty"`
	Scheme       string            `json:"scheme,omitempty"`
	Hash         string            `json:"hash,omitempty"`
	Intents      []compute.Intent  `json:"intents,omitempty"`   // creates that may have been sent
	Abandoned    bool              `json:"abandoned,omitempty"` // the caller was told that it failed
	Compute      *spec.Compute     `json:"compute,omitempty"`
	Account      string            `json:"account,omitempty"` // tells the credential it was rented with from others
	Began        int64             `json:"began,omitempty"`   // when the last create was written down; 0: with the session
	RentedAt     int64             `json:"rented_at,omitempty"`
	ReadyAt      int64             `json:"ready_at,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	Error        *spec.Error       `json:"error,omitempty"`
	Price        *float64          `json:"price,omitempty"` // USD per hour since PricedAt
	PricedAt     int64             `json:"priced_at,omitempty"`
	Spent        float64           `json:"spent,omitempty"`   // USD until PricedAt
	Billed       *float64          `json:"billed,omitempty"`  // USD that the cloud has charged, when last asked
	Pending      []store.Event     `json:"pending,omitempty"` // events from before there was a topic
}

func (d *document) encode() []byte {
	data, err := json.MarshalWithOption(d, json.DisableHTMLEscape())
	if err != nil {
		panic(err) // of plain fields: cannot be
	}
	return data
}

// errUnreadable is in the error of a session whose document cannot be understood.
var errUnreadable = errors.New("it was written by another version, or the store is damaged")

func decode(row *store.Session) (*document, *spec.Error) {
	d := new(document)
	if err := json.Unmarshal(row.Doc, d); err != nil {
		return nil, &spec.Error{Kind: spec.KindInternal, Provider: row.Provider, Message: "the stored session " + row.ID + " cannot be read: " + err.Error(), Err: errUnreadable,
			Hint: errUnreadable.Error() + "; nothing was changed. A program of that version goes on with it. Where there is none, orchestrator.stop with forget gives the session up: a terminate is sent for the machine that it names, and one that it does not name is given back by the reaper"}
	}
	return d, nil
}

// accountAt is what was noted of the credential that creates at a provider were sent
// with.
func (d *document) accountAt(provider string) string {
	for _, in := range d.Intents {
		if in.Provider == provider {
			return in.Account
		}
	}
	return ""
}

// reprice notes what the machine costs from now on.
func (d *document) reprice(now int64, price *float64) {
	d.Spent = d.spent(now)
	d.Price, d.PricedAt = price, now
}

// spent is what it has cost until now, USD.
func (d *document) spent(now int64) float64 {
	if d.Price == nil || now <= d.PricedAt {
		return d.Spent
	}
	return d.Spent + *d.Price*float64(now-d.PricedAt)/float64(time.Hour/time.Millisecond)
}

// charge notes what the cloud has charged, and reports whether that is news. A bill
// lags behind, so one that is lower than what was reckoned says nothing against it.
func (d *document) charge(now int64, usd float64) bool {
	news := d.Billed == nil || *d.Billed != usd
	d.Billed = &usd
	if usd > d.spent(now) {
		d.Spent, d.PricedAt = usd, now
	}
	return news
}

// topicOf is where a session's events are told.
func topicOf(computeID string) string {
	if computeID == "" {
		return ""
	}
	return "compute:" + computeID
}

// states are the names of store.State.
func stateName(s store.State) string {
	return [...]string{"", "intended", "live", "ending", "ended"}[s]
}

func stateOf(name string) (store.State, bool) {
	i := slices.Index([]string{"intended", "live", "ending", "ended"}, name)
	return store.State(i + 1), i >= 0
}

// text writes a time of the store's clock.
func text(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// view is a session as callers see it.
func view(row *store.Session, d *document, now int64) *Session {
	s := &Session{ID: row.ID, State: stateName(row.State), Topic: topicOf(row.ComputeID), UserID: row.UserID, Tags: d.Tags, IdleTTLMS: d.IdleTTL, MaxLifetimeMS: d.MaxLifetime,
		MaxCost: d.MaxCost, OnExit: d.OnExit, CreatedAt: text(row.Created), TouchedAt: text(row.Touched), ReadyAt: text(d.ReadyAt), EndedAt: text(row.Ended), Reason: d.Reason, Error: d.Error}
	if d.Compute != nil {
		c := *d.Compute
		s.Compute = &c
	}
	if row.State == store.Live {
		t := d.terms()
		at, _ := t.deadline(row.Created, row.Touched)
		s.EndsAt = text(at)
	}
	if d.PricedAt > 0 {
		spent := d.spent(now)
		s.Spent, s.Billed = &spent, d.Billed
	}
	return s
}
