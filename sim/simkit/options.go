package simkit

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// Options are the settings every simulated cloud has. The zero value is a cloud
// without limits, faults or delays whose clock runs with real time.
type Options struct {
	Listen      string           `json:"listen,omitempty"`                   // loopback address; default 127.0.0.1:0
	Seed        uint64           `json:"seed,omitempty"`                     // of identifiers, ports and addresses; default 1
	Start       time.Time        `json:"start,omitzero"`                     // virtual time at start; default now
	ClockFactor float64          `json:"clock_factor,omitempty"`             // speed of the virtual clock; default 1
	ManualClock bool             `json:"manual_clock,omitempty"`             // the clock moves by hand only
	Accounts    []AccountOptions `json:"accounts,omitempty"`                 // the accounts that exist; none: any key opens one
	AnyKey      bool             `json:"any_key,omitempty"`                  // any key opens an account beside Accounts
	Anonymous   string           `json:"anonymous_key,omitempty"`            // requests without a key count as this account's
	Balance     *float64         `json:"balance_usd,omitempty" sim:"signed"` // of accounts that state none; absent: without end
	Capacity    []Limit          `json:"capacity,omitempty"`                 // limits at start
	Faults      []Fault          `json:"faults,omitempty"`                   // rules at start
	ListLagMS   int64            `json:"listing_lag_ms,omitempty"`           // virtual time a new machine is missing from lists
	GetLagMS    int64            `json:"get_lag_ms,omitempty"`               // virtual time a new machine is missing from get
	RateLimits  bool             `json:"rate_limits,omitempty"`              // the limits the cloud publishes
	Windows     []Window         `json:"windows,omitempty"`                  // other limits than the published ones
}

// check tells what is wrong with settings that are read well.
func (o *Options) check() error {
	if o.ClockFactor < 0 || o.ListLagMS < 0 || o.GetLagMS < 0 {
		return errors.New("sim: clock_factor, listing_lag_ms and get_lag_ms are not to be negative")
	}
	if o.ClockFactor > maxFactor {
		return errors.New("sim: clock_factor is to be 1000000 at most")
	}
	seen := map[string]bool{}
	for i, a := range o.Accounts {
		if a.Key == "" || seen[a.Key] {
			return fmt.Errorf("sim: accounts[%d]: its key is empty or there twice", i)
		}
		seen[a.Key] = true
	}
	for i, w := range o.Windows {
		if w.Quota < 1 || w.Seconds < 1 {
			return fmt.Errorf("sim: windows[%d]: quota and seconds are to be 1 or more", i)
		}
	}
	return nil
}

// DecodeOptions reads a cloud's settings strictly: an unknown field is an error.
// Empty text leaves into as it is.
func DecodeOptions(cloud string, text []byte, into any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return Decode(text, into, "sim: "+cloud)
}
