package offers

import (
	"context"
	"crypto/sha256"
	"math"
	"strconv"
	"sync"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/clock"
	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

const (
	// fresh is how long a listing is used again. Clouds allow as little as one
	// request a second, and a thousand spawns at once must share one.
	fresh = 5 * time.Second
	// maxListings bounds what is kept.
	maxListings = 256
	// listingLimit bounds the reading of a listing, whoever waits for it.
	listingLimit = 60 * time.Second
)

// listings reads and keeps what clouds list, and reads nothing twice at once.
type listings struct {
	clock clock.Clock

	mu    sync.Mutex
	known map[string]*listing
	work  sync.WaitGroup
}

// listing is one answer, or the wait for it.
type listing struct {
	done   chan struct{}
	ended  time.Time
	offers []spec.Offer
	err    *spec.Error
	cancel context.CancelFunc
	waits  int // callers; guarded by listings
}

func newListings(c clock.Clock) *listings {
	return &listings{clock: c, known: map[string]*listing{}}
}

// get answers from a listing that is fresh, joins one that is being read, or
// reads one. A caller that leaves does not end the reading for the others.
func (l *listings) get(ctx context.Context, s *Service, a *provider.Account, r *spec.OffersRequest, raw bool) ([]spec.Offer, *spec.Error) {
	key := listingKey(a, r, raw)
	for {
		l.mu.Lock()
		now := l.clock.Now()
		it := l.known[key]
		if it == nil || it.finished() && (it.err != nil || now.Sub(it.ended) >= fresh) {
			it = l.begin(key, s, a, r, raw, now)
		}
		it.waits++
		l.mu.Unlock()
		select {
		case <-it.done:
			l.leave(key, it)
			return it.offers, it.err
		case <-ctx.Done():
			l.leave(key, it)
			return nil, over(ctx, a)
		}
	}
}

func (it *listing) finished() bool {
	select {
	case <-it.done:
		return true
	default:
		return false
	}
}

// begin reads a listing. The lock is held.
func (l *listings) begin(key string, s *Service, a *provider.Account, r *spec.OffersRequest, raw bool, now time.Time) *listing {
	for k, old := range l.known {
		if len(l.known) >= maxListings || old.finished() && now.Sub(old.ended) >= fresh {
			delete(l.known, k)
		}
	}
	it := &listing{done: make(chan struct{})}
	var ctx context.Context
	ctx, it.cancel = context.WithTimeout(context.Background(), listingLimit)
	l.known[key] = it
	account := *a
	safego.Go(&l.work, nil, func() {
		defer close(it.done)
		defer it.cancel()
		defer func() { it.ended = l.clock.Now() }()
		defer safego.Recover(func(e *spec.Error) { it.err = e })
		it.offers, it.err = s.read(ctx, &account, r, raw)
	})
	return it
}

// leave ends a reading that nobody waits for any more.
func (l *listings) leave(key string, it *listing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if it.waits--; it.waits == 0 && !it.finished() {
		it.cancel()
		if l.known[key] == it {
			delete(l.known, key)
		}
	}
}

// listingKey tells requests apart by account, question and how it is sent, since
// nobody's reading may end by another's impatience; the credential goes in as a
// hash.
func listingKey(a *provider.Account, r *spec.OffersRequest, raw bool) string {
	sum := sha256.Sum256([]byte(a.Key.Reveal()))
	return a.Provider + "\x00" + string(sum[:]) + "\x00" + strconv.FormatBool(raw) + "\x00" + string(encode(a.HTTP)) + string(encode(r))
}

// read asks the cloud.
func (s *Service) read(ctx context.Context, a *provider.Account, r *spec.OffersRequest, raw bool) ([]spec.Offer, *spec.Error) {
	if a.Exports(spec.OpSearchOffers) {
		list, err := provider.Do[spec.OfferList](ctx, s.Backend, *a, spec.OpSearchOffers, r, raw)
		if err != nil {
			return nil, spec.AsError(err)
		}
		return list.Items, nil
	}
	list, err := provider.Do[spec.GPUTypeList](ctx, s.Backend, *a, spec.OpListGPUTypes,
		&spec.GPUTypesRequest{GPUCount: r.GPUCount, CloudType: r.CloudType}, raw)
	if err != nil {
		return nil, spec.AsError(err)
	}
	return fromTypes(list.Items, r), nil
}

// fromTypes turns a catalogue into offers, one for each row and region.
func fromTypes(types []spec.GPUType, r *spec.OffersRequest) []spec.Offer {
	var out []spec.Offer
	for i := range types {
		g := &types[i]
		price := g.PricePerHour
		if r.Spot {
			price = g.SpotPricePerHour
		}
		if price == nil || g.MaxCount > 0 && g.MaxCount < r.GPUCount {
			continue
		}
		o := spec.Offer{GPUNative: g.ID, GPUCount: r.GPUCount, GPUMemoryGB: g.MemoryGB, PricePerHour: Round(*price * float64(r.GPUCount)), Spot: r.Spot,
			CloudType: g.CloudType, Stock: g.Stock, Raw: g.Raw}
		if len(g.Regions) == 0 {
			out = append(out, o)
		}
		for _, region := range g.Regions {
			o.Region = region
			out = append(out, o)
		}
	}
	return out
}

// Round takes off what a sum of prices has in binary beside what it has in decimals,
// USD: three machines of 0.2 are 0.6 and no more, when that is the ceiling.
func Round(usd float64) float64 { return math.Round(usd*1e6) / 1e6 }

// Within tells whether a price keeps a ceiling, which may itself be a price that was
// told, with or without the decimals that Round takes off.
func Within(usd, ceiling float64) bool { return Round(usd) <= Round(ceiling) }

func over(ctx context.Context, a *provider.Account) *spec.Error {
	if ctx.Err() == context.DeadlineExceeded {
		return &spec.Error{Kind: spec.KindTimeout, Provider: a.Provider, Operation: spec.OpSearchOffers, Message: "the call's deadline passed", Retryable: true}
	}
	return &spec.Error{Kind: spec.KindCancelled, Provider: a.Provider, Operation: spec.OpSearchOffers, Message: "cancelled"}
}

func encode(v any) spec.Raw {
	out, err := json.MarshalWithOption(v, json.DisableHTMLEscape())
	if err != nil {
		return nil
	}
	return out
}
