package compute

import (
	"cmp"
	"context"
	"slices"

	"github.com/exatlas/atlas/core/offers"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// plan is where a spawn looks for candidates.
type plan struct {
	service  *Service
	params   *SpawnParams
	accounts []provider.Account
	skipped  []skipped // clouds that cannot serve the request at all
	fixed    []candidate
	priced   bool // candidates come from live offers

	found    int     // candidates of the last round
	leastBid float64 // of the offers of the last round that want a higher bid than the caller's; 0: there were none
}

// skipped is a cloud that is not asked, and why.
type skipped struct {
	account *provider.Account
	err     *spec.Error
}

// plan sorts out the clouds that cannot serve the request. Where one cloud and
// nothing about prices is asked for, the candidates are fixed and no offer is
// looked up.
func (s *Service) plan(accounts []provider.Account, p *SpawnParams) (*plan, error) {
	l := &plan{service: s, params: p}
	for i := range accounts {
		a := &accounts[i]
		err := capabilities(a, p)
		if err == nil && len(p.GPU) > 0 {
			err = s.sells(a, p.GPU, len(accounts) == 1)
		}
		switch {
		case err == nil:
			l.accounts = append(l.accounts, *a)
		case len(accounts) == 1:
			return nil, err
		default:
			l.skipped = append(l.skipped, skipped{a, spec.AsError(err)})
		}
	}
	if len(l.accounts) == 0 {
		return nil, l.impossible()
	}
	market := slices.ContainsFunc(l.accounts, func(a provider.Account) bool { return a.Manifest.Has(spec.CapOffers) })
	l.priced = len(p.GPU) > 0 && p.OfferID == "" && (len(l.accounts) > 1 || market || p.MaxPricePerHour > 0 || p.Prefer == PreferPrice)
	if l.priced {
		return l, nil
	}
	for i := range l.accounts {
		list, err := s.candidates(&l.accounts[i], p)
		if err != nil {
			return nil, err
		}
		l.fixed = append(l.fixed, list...)
	}
	return l, nil
}

// sells tells whether a cloud sells one of the GPUs. Of a single cloud all names
// must be right.
func (s *Service) sells(a *provider.Account, names []string, all bool) error {
	var last *spec.Error
	for _, name := range names {
		_, e := s.Catalog.Native(a.Manifest, name)
		if e == nil && !all {
			return nil
		}
		if e != nil && all {
			return e
		}
		last = e
	}
	if last != nil {
		return last
	}
	return nil
}

// impossible is the error of a request that no cloud can serve: the first
// cloud's, with what the others lack in details.
func (l *plan) impossible() *spec.Error {
	t := &trial{service: l.service, params: l.params, plan: l}
	l.note(t)
	out := *l.skipped[0].err
	out.Message = "no provider can serve this; the first one: " + out.Message
	return t.failed(&out)
}

func (l *plan) note(t *trial) {
	for _, k := range l.skipped {
		t.note(candidate{account: k.account}, "", OutcomeSkipped, k.err)
	}
}

func (l *plan) several() bool { return len(l.accounts) > 1 }

// candidates lists what to try in this round, best first.
func (l *plan) candidates(ctx context.Context, t *trial) ([]candidate, *spec.Error) {
	if len(t.attempts) == 0 {
		l.note(t)
	}
	if !l.priced {
		return l.fixed, nil
	}
	l.found, l.leastBid = 0, 0
	found := l.service.Offers.Ask(ctx, l.accounts, l.question())
	if e := ended(ctx); e != nil {
		return nil, e
	}
	accounts := map[string]*provider.Account{}
	for i := range l.accounts {
		accounts[l.accounts[i].Provider] = &l.accounts[i]
	}
	for _, problem := range found.Problems {
		t.note(candidate{account: accounts[problem.Provider]}, "", OutcomeSkipped, problem.Error)
	}
	if len(found.Problems) == len(l.accounts) {
		return nil, found.Problems[0].Error
	}
	out := make([]candidate, 0, len(found.Items))
	for i := range found.Items {
		o := &found.Items[i]
		a := accounts[o.Provider]
		if o.DirectPorts > 0 && o.DirectPorts < l.ports() || l.underbid(o) {
			continue
		}
		if !a.Exports(spec.OpSearchOffers) {
			o.Region = "" // a catalogue's regions: one create asks all of them, or all that are hinted at
		}
		out = append(out, candidate{account: a, gpu: l.asked(a, o), native: o.GPUNative, tier: tierOf(a, o), offer: o})
	}
	slices.SortStableFunc(out, l.compare)
	out = l.merge(out)
	l.found = len(out)
	return out, nil
}

// ports is how many public ports the machine takes up: those asked for, and that
// of the SSH server that goes with a key.
func (l *plan) ports() int {
	if l.params.SSHKey != "" {
		return len(l.params.Ports) + 1
	}
	return len(l.params.Ports)
}

// question is what is asked of the clouds' offers.
func (l *plan) question() *offers.Params {
	p := l.params
	return &offers.Params{GPU: p.GPU, GPUCount: p.GPUCount, Spot: p.Spot, CloudType: p.CloudType,
		Regions: p.RegionHints, MaxPricePerHour: p.MaxPricePerHour, DiskGB: p.ContainerDiskGB + p.VolumeGB}
}

// asked is the name under which the caller asked for an offer's GPU.
func (l *plan) asked(a *provider.Account, o *spec.Offer) string {
	for _, name := range l.params.GPU {
		if native, e := l.service.Catalog.Native(a.Manifest, name); e == nil && native == o.GPUNative {
			return name
		}
	}
	return o.GPUType
}

func tierOf(a *provider.Account, o *spec.Offer) spec.CloudType {
	if a.Manifest.Has(spec.CapCloudTiers) {
		return o.CloudType
	}
	return ""
}

// compare orders candidates: by the caller's order of GPUs and providers, then
// by price; or by price alone. Hinted regions come in their order before price.
func (l *plan) compare(a, b candidate) int {
	if l.params.Prefer != PreferPrice {
		if c := cmp.Or(cmp.Compare(slices.Index(l.params.GPU, a.gpu), slices.Index(l.params.GPU, b.gpu)), l.listed(a, b),
			cmp.Compare(slices.Index(l.params.RegionHints, a.offer.Region), slices.Index(l.params.RegionHints, b.offer.Region))); c != 0 {
			return c
		}
	}
	return offers.Compare(a.offer, b.offer)
}

// listed compares the places of two providers in the caller's list.
func (l *plan) listed(a, b candidate) int {
	return cmp.Compare(slices.Index(l.params.Provider, a.account.Provider), slices.Index(l.params.Provider, b.account.Provider))
}

// merge makes one candidate of offers of one cloud that differ in nothing that a
// create could say.
func (l *plan) merge(list []candidate) []candidate {
	type create struct {
		account *provider.Account
		native  string
		tier    spec.CloudType
		region  string
		offer   string
	}
	seen := map[create]bool{}
	return slices.DeleteFunc(list, func(c candidate) bool {
		key := create{c.account, c.native, c.tier, c.offer.Region, c.offer.ID}
		if seen[key] {
			return true
		}
		seen[key] = true
		return false
	})
}
