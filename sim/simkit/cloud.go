package simkit

import (
	"sort"
	"time"

	"github.com/valyala/fasthttp"
)

// Cloud is one simulated cloud, as the server sees it.
type Cloud interface {
	// Serve answers one request of the wire API.
	Serve(ctx *fasthttp.RequestCtx)
	// Refuse writes an error answer in the cloud's own shape; a fault of effect
	// status uses it.
	Refuse(ctx *fasthttp.RequestCtx, status int)
	// Machines lists what exists, oldest first, whatever listing lag says.
	Machines() []Machine
	// Do changes a machine as the world outside would: vanish, fail, preempt.
	Do(id, action string) error
	// Reset forgets everything.
	Reset()
}

// Machine is what the control plane tells of a machine.
type Machine struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Account   string            `json:"account"`
	Status    string            `json:"status"` // the cloud's own word
	GPU       string            `json:"gpu,omitempty"`
	GPUCount  int               `json:"gpu_count,omitempty"`
	Cloud     string            `json:"cloud,omitempty"`
	Region    string            `json:"region,omitempty"`
	Rate      float64           `json:"usd_per_hour"`
	Env       map[string]string `json:"env,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	Seq       int64             `json:"-"` // order of creation
}

// SortMachines puts the oldest first.
func SortMachines(list []Machine) {
	sort.Slice(list, func(i, j int) bool { return list[i].Seq < list[j].Seq })
}

// Kit is what a cloud is made of. New makes it, Start serves it.
type Kit struct {
	Options  Options
	Clock    *Clock
	Faults   *Faults
	Capacity *Capacity
	Meter    *Meter
	Accounts *Accounts
	Limiter  *Limiter
	IDs      *IDs
	Closed   <-chan struct{} // closes when the server does; whatever waits watches it

	closed chan struct{}
}

// New makes a kit. Published are the rate limits that Options.RateLimits turns
// on.
func New(o Options, published []Window) (*Kit, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Start.IsZero() {
		o.Start = time.Now()
	}
	factor := o.ClockFactor
	if o.ManualClock {
		factor = 0
	} else if factor <= 0 {
		factor = 1
	}
	windows := o.Windows
	if len(windows) == 0 && o.RateLimits {
		windows = published
	}
	for i := range o.Accounts {
		if o.Accounts[i].Balance == nil {
			o.Accounts[i].Balance = o.Balance
		}
	}
	closed := make(chan struct{})
	k := &Kit{Options: o, Clock: NewClock(o.Start, factor), Faults: &Faults{}, Capacity: &Capacity{}, Meter: &Meter{},
		Accounts: newAccounts(o.Accounts, o.AnyKey), Limiter: NewLimiter(windows), IDs: newIDs(o.Seed), Closed: closed, closed: closed}
	k.Accounts.balance, k.Accounts.anonymous = o.Balance, []byte(o.Anonymous)
	return k, k.reset()
}

// reset brings everything but the clock back to the start.
func (k *Kit) reset() error {
	k.Capacity.reset(k.Options.Capacity)
	k.Meter.reset()
	k.Accounts.reset()
	k.Limiter.reset()
	k.IDs.reset()
	k.Faults.Clear(0)
	for _, f := range k.Options.Faults {
		if _, err := k.Faults.Add(f); err != nil {
			return err
		}
	}
	return nil
}

// Listed reports whether a machine made at created shows in lists by now.
func (k *Kit) Listed(created, now time.Time) bool {
	return k.Options.ListLagMS == 0 || now.Sub(created) >= time.Duration(k.Options.ListLagMS)*time.Millisecond
}

// Gettable reports whether a machine made at created shows in get by now.
func (k *Kit) Gettable(created, now time.Time) bool {
	return k.Options.GetLagMS == 0 || now.Sub(created) >= time.Duration(k.Options.GetLagMS)*time.Millisecond
}

// Funded reports whether an account can pay for an hour at a price beside what
// it already spent.
func (k *Kit) Funded(a *Account, usdPerHour float64, now time.Time) bool {
	balance, limited := a.Balance()
	return !limited || balance-k.Meter.Spent(a.Name, now) >= usdPerHour
}
