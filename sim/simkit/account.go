package simkit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
)

// AccountOptions describes an account that exists from the start.
type AccountOptions struct {
	Key     string   `json:"key"`
	Name    string   `json:"name,omitempty"`                     // how bills name it; default derived from the key
	Balance *float64 `json:"balance_usd,omitempty" sim:"signed"` // absent: without end
}

// Account is one customer of a cloud, known by its key.
type Account struct {
	Name      string // shown instead of the key everywhere
	Forbidden bool   // authenticated, and allowed nothing
	ReadOnly  bool   // allowed to read only

	mu      sync.Mutex
	balance *float64
}

// Balance returns what was paid in, and whether there is a limit at all.
func (a *Account) Balance() (usd float64, limited bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.balance == nil {
		return 0, false
	}
	return *a.balance, true
}

// SetBalance sets what was paid in; nil lifts the limit.
func (a *Account) SetBalance(usd *float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.balance = usd
}

// Accounts finds accounts by key. Any key opens an account, unless a fixed set
// was given. Keys that start with "invalid" are never known, those that start
// with "forbidden" or "readonly" lack rights.
type Accounts struct {
	mu    sync.RWMutex
	fixed bool
	byKey map[string]*Account
	given []AccountOptions

	balance   *float64 // of accounts that open by themselves
	anonymous []byte   // key of requests without one
}

func newAccounts(given []AccountOptions, anyKey bool) *Accounts {
	as := &Accounts{fixed: len(given) > 0 && !anyKey, given: given}
	as.reset()
	return as
}

func (as *Accounts) reset() {
	as.mu.Lock()
	defer as.mu.Unlock()
	as.byKey = map[string]*Account{}
	for _, o := range as.given {
		a := newAccount(o.Key, o.Name)
		a.balance = o.Balance
		as.byKey[o.Key] = a
	}
}

func newAccount(key, name string) *Account {
	if name == "" {
		sum := sha256.Sum256([]byte(key))
		name = "key-" + hex.EncodeToString(sum[:4])
	}
	return &Account{Name: name, Forbidden: strings.HasPrefix(key, "forbidden"), ReadOnly: strings.HasPrefix(key, "readonly")}
}

// Find returns the account of a key, or nil for a missing or unknown one.
func (as *Accounts) Find(key []byte) *Account {
	if len(key) == 0 {
		key = as.anonymous
	}
	if len(key) == 0 || bytes.HasPrefix(key, []byte("invalid")) {
		return nil
	}
	as.mu.RLock()
	a := as.byKey[string(key)]
	as.mu.RUnlock()
	if a != nil || as.fixed {
		return a
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	if a = as.byKey[string(key)]; a == nil {
		a = newAccount(string(key), "")
		a.balance = as.balance
		as.byKey[string(key)] = a
	}
	return a
}

// Bearer returns the token of an Authorization header, or nothing.
func Bearer(header []byte) []byte {
	const scheme = "bearer "
	if len(header) <= len(scheme) || !bytes.EqualFold(header[:len(scheme)], []byte(scheme)) {
		return nil
	}
	return bytes.TrimSpace(header[len(scheme):])
}
