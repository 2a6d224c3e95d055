package offers

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// defaultLimit is how many offers a search answers.
const defaultLimit = 100

// Service searches.
type Service struct {
	Backend   provider.Backend
	Directory *provider.Directory
	Catalog   *catalog.Catalog
	Claims    *Claims

	listings *listings
}

// New makes a service.
func New(b provider.Backend, d *provider.Directory, c *catalog.Catalog, time clock.Clock) *Service {
	return &Service{Backend: b, Directory: d, Catalog: c, Claims: newClaims(time), listings: newListings(time)}
}

// Close waits for readings whose callers have left. It is called when no call is
// in flight any more.
func (s *Service) Close() { s.listings.work.Wait() }

// Search answers offers.search: ranked by price, over all clouds with a key
// where none is named.
func (s *Service) Search(ctx context.Context, p *Params) (*OfferResults, error) {
	target := p.Targets
	if len(target.Provider) == 0 {
		target.Provider = []string{provider.Any}
	}
	accounts, err := s.Directory.FindAll(ctx, target)
	if err != nil {
		return nil, err
	}
	found := s.Ask(ctx, accounts, p)
	if len(found.Problems) == len(accounts) {
		return nil, failed(found.Problems)
	}
	rank(found.Items)
	found.Items = once(found.Items)
	limit := p.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	if len(found.Items) > limit {
		found.Items = found.Items[:limit]
	}
	return found, nil
}

// once leaves out of ranked offers what a cloud has listed more than once: an offer of
// the same identifier, or a row that differs in nothing that tells machines apart.
func once(list []spec.Offer) []spec.Offer {
	type row struct {
		provider, id, native, region string
		tier                         spec.CloudType
		price, vcpus, memory, disk   float64
	}
	seen := make(map[row]bool, len(list))
	return slices.DeleteFunc(list, func(o spec.Offer) bool {
		key := row{provider: o.Provider, id: o.ID}
		if o.ID == "" {
			key = row{o.Provider, "", o.GPUNative, o.Region, o.CloudType, o.PricePerHour, o.VCPUCount, o.MemoryGB, o.DiskGB}
		}
		again := seen[key]
		seen[key] = true
		return again
	})
}

// failed is the error of a search that no cloud answered: of one cloud its own,
// of several the first with the rest in details.
func failed(problems []CloudProblem) *spec.Error {
	out := *problems[0].Error
	if len(problems) > 1 {
		out.Message = "no cloud answered; the first one: " + out.Message
		out.Details = encode(map[string][]CloudProblem{"problems": problems})
	}
	return &out
}

// Ask asks all accounts at once and filters what they answer. Offers come in the
// order of the accounts, unranked.
func (s *Service) Ask(ctx context.Context, accounts []provider.Account, p *Params) *OfferResults {
	lists, errors := s.each(ctx, accounts, p, fits)
	found := &OfferResults{Items: []spec.Offer{}, Problems: []CloudProblem{}}
	for i := range accounts {
		if errors[i] != nil {
			found.Problems = append(found.Problems, CloudProblem{Provider: accounts[i].Provider, Error: errors[i]})
		}
		found.Items = append(found.Items, lists[i]...)
	}
	return found
}

// each asks all accounts at once and keeps of what each answers what passes.
func (s *Service) each(ctx context.Context, accounts []provider.Account, p *Params, passes filter) ([][]spec.Offer, []*spec.Error) {
	lists := make([][]spec.Offer, len(accounts))
	errors := make([]*spec.Error, len(accounts))
	var work sync.WaitGroup
	for i := range accounts {
		safego.Go(&work, func(e *spec.Error) { errors[i] = e }, func() { lists[i], errors[i] = s.one(ctx, &accounts[i], p, passes) })
	}
	work.Wait()
	return lists, errors
}

// one asks one account.
func (s *Service) one(ctx context.Context, a *provider.Account, p *Params, passes filter) ([]spec.Offer, *spec.Error) {
	if p.Spot {
		if e := unsupported(a, spec.CapSpot, "interruptible machines", "spot"); e != nil {
			return nil, e
		}
	}
	if e := unsupported(a, spec.CapGPU, "machines with GPUs", ""); e != nil {
		return nil, e
	}
	natives, e := s.natives(a, p.GPU)
	if e != nil {
		return nil, e
	}
	list, e := s.listings.get(ctx, s, a, request(p, natives), p.IncludeRaw)
	if e != nil {
		return nil, e
	}
	return s.fit(a, list, natives, p, passes), nil
}

func unsupported(a *provider.Account, c spec.Capability, what, field string) *spec.Error {
	if err := a.Need(c, what, field); err != nil {
		return spec.AsError(err)
	}
	return nil
}

// natives are this cloud's identifiers of the GPUs asked for. A GPU it does not
// sell is left out; one that no cloud knows is an error.
func (s *Service) natives(a *provider.Account, names []string) ([]string, *spec.Error) {
	var out []string
	var last *spec.Error
	for _, name := range names {
		native, e := s.Catalog.Native(a.Manifest, name)
		if e != nil {
			last = e
			continue
		}
		if !slices.Contains(out, native) {
			out = append(out, native)
		}
	}
	if len(out) == 0 {
		return nil, last
	}
	return out, nil
}

func request(p *Params, natives []string) *spec.OffersRequest {
	r := &spec.OffersRequest{GPUs: natives, GPUCount: max(p.GPUCount, 1), MinGPUMemoryGB: p.MinGPUMemoryGB, Spot: p.Spot,
		MaxPricePerHour: p.MaxPricePerHour, MinReliability: p.MinReliability, DiskGB: p.DiskGB}
	r.RegionHints = p.Regions
	if p.CloudType != spec.CloudAny {
		r.CloudType = p.CloudType
	}
	return r
}

// fit keeps the offers that pass, in Atlas's own words.
func (s *Service) fit(a *provider.Account, list []spec.Offer, natives []string, p *Params, passes filter) []spec.Offer {
	kept := make([]spec.Offer, 0, len(list))
	for _, o := range list {
		s.name(a, &o)
		if !p.IncludeRaw {
			o.Raw = nil
		}
		if passes(&o, natives, p) {
			kept = append(kept, o)
		}
	}
	return kept
}

// name puts the provider's name and the canonical GPU on an offer.
func (s *Service) name(a *provider.Account, o *spec.Offer) {
	o.Provider = a.Provider
	if o.GPUNative == "" {
		o.GPUNative = o.GPUType
	}
	if o.GPUType = s.Catalog.Canonical(a.Manifest, o.GPUNative); o.GPUType == "" {
		o.GPUType = o.GPUNative
	}
	if o.GPUMemoryGB == 0 {
		o.GPUMemoryGB = s.Catalog.MemoryGB(a.Manifest, o.GPUType)
	}
	if o.Stock == "" {
		o.Stock = spec.StockUnknown
	}
}

// filter decides whether an offer is kept.
type filter func(o *spec.Offer, natives []string, p *Params) bool

// fits tells the offers that can be rented as it is asked.
func fits(o *spec.Offer, natives []string, p *Params) bool {
	return o.Stock != spec.StockUnavailable && (p.MaxPricePerHour == 0 || Within(o.PricePerHour, p.MaxPricePerHour)) && matches(o, natives, p)
}

// matches tells the offers that are what is asked for, whether they are to be had
// and whatever they cost.
func matches(o *spec.Offer, natives []string, p *Params) bool {
	switch {
	case o.PricePerHour <= 0, math.IsInf(Round(o.PricePerHour), 1), o.Spot != p.Spot,
		o.GPUCount != max(p.GPUCount, 1),
		len(natives) > 0 && !slices.Contains(natives, o.GPUNative),
		o.GPUMemoryGB < p.MinGPUMemoryGB,
		p.MinReliability > 0 && o.Reliability != nil && *o.Reliability < p.MinReliability,
		p.DiskGB > 0 && o.DiskGB > 0 && o.DiskGB < float64(p.DiskGB),
		(p.CloudType == spec.CloudSecure || p.CloudType == spec.CloudCommunity) && o.CloudType != "" && o.CloudType != p.CloudType:
		return false
	}
	return len(p.Regions) == 0 || o.Region == "" && o.Country == "" ||
		slices.ContainsFunc(p.Regions, func(r string) bool { return strings.EqualFold(r, o.Region) || strings.EqualFold(r, o.Country) })
}
