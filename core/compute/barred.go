package compute

import (
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// maxTroubles is how often a cloud may be busy or broken in one round before its
// other candidates are left to the next one: a market has hundreds.
const maxTroubles = 3

// barred is what one round has learnt not to ask for again.
type barred struct {
	accounts map[*provider.Account]bool
	pools    map[pool]bool
	troubles map[*provider.Account]int
}

// pool is what a cloud gives an account access to or not.
type pool struct {
	account *provider.Account
	native  string
	tier    spec.CloudType
}

func newBarred() *barred {
	return &barred{accounts: map[*provider.Account]bool{}, pools: map[pool]bool{}, troubles: map[*provider.Account]int{}}
}

func (b *barred) has(c candidate) bool {
	return b.accounts[c.account] || b.pools[pool{c.account, c.native, c.tier}]
}

// learn takes note of a failure: a key or a balance is the same for every machine
// of the account, a right may be that to one kind of them.
func (b *barred) learn(c candidate, e *spec.Error) {
	switch e.Kind {
	case spec.KindValidation: // which may be a shortage, or the round would be over
	case spec.KindFunds, spec.KindUnauthorized:
		b.accounts[c.account] = true
	case spec.KindForbidden:
		b.pools[pool{c.account, c.native, c.tier}] = true
	case spec.KindCapacity, spec.KindBudget:
	default:
		if b.troubles[c.account]++; b.troubles[c.account] >= maxTroubles {
			b.accounts[c.account] = true
		}
	}
}
