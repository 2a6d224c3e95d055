package vast

import (
	"strconv"

	"github.com/exatlas/atlas/sim/simkit"
)

// kind is a card that hosts have.
type kind struct {
	name     string
	memoryMB int     // as the card reports it
	price    float64 // USD per hour for one, at the cheapest host
	amd      bool
}

// kinds are the cards on the market. Prices are plausible inventions.
func kinds() []kind {
	return []kind{
		{"RTX 3060", 12288, 0.05, false}, {"RTX 3060", 8192, 0.04, false}, {"RTX 3080", 10240, 0.08, false}, {"RTX 3080", 12288, 0.09, false},
		{"RTX 3090", 24576, 0.14, false}, {"RTX 4080", 16376, 0.17, false}, {"RTX 4090", 24564, 0.29, false}, {"RTX 5090", 32607, 0.42, false},
		{"Tesla T4", 15360, 0.1, false}, {"Tesla V100", 16384, 0.13, false}, {"Tesla V100", 32768, 0.2, false}, {"A10", 23028, 0.18, false},
		{"RTX A4000", 16376, 0.09, false}, {"RTX A5000", 24564, 0.17, false}, {"RTX A6000", 49140, 0.37, false}, {"A40", 46068, 0.34, false},
		{"L4", 23034, 0.3, false}, {"L40", 46068, 0.6, false}, {"L40S", 46068, 0.66, false}, {"RTX 6000Ada", 49140, 0.62, false},
		{"RTX PRO 6000 S", 97887, 1.05, false}, {"RTX PRO 6000 WS", 97887, 0.99, false}, {"A100 PCIE", 40960, 0.55, false}, {"A100 PCIE", 81920, 0.73, false},
		{"A100 SXM4", 40960, 0.6, false}, {"A100 SXM4", 81920, 0.82, false}, {"H100 PCIE", 81559, 1.6, false}, {"H100 SXM", 81559, 1.75, false},
		{"H100 NVL", 95830, 1.7, false}, {"H200", 143771, 2.3, false}, {"H200 NVL", 143771, 2.2, false}, {"B200", 183359, 3.4, false},
		{"GH200 SXM", 97871, 1.3, false}, {"InstinctMI100", 32752, 0.4, true},
	}
}

// place is where hosts are.
type place struct{ text, country string }

func places() []place {
	return []place{{"California, US", "US"}, {"Norway, NO", "NO"}, {"Texas, US", "US"}, {"Germany, DE", "DE"}, {"Quebec, CA", "CA"}, {"Sweden, SE", "SE"},
		{"Japan, JP", "JP"}}
}

// host is a machine on the market, which one customer at a time rents whole.
type host struct {
	ask         int64 // the offer; another one each time it comes back
	id, owner   int64
	kind        *kind
	count       int
	place       place
	secure      bool // in a data centre
	verified    bool
	base        float64 // USD per hour for the GPUs
	minBid      float64 // USD per hour, what it goes for now
	storage     float64 // USD per GB and month
	reliability float64
	disk        float64
	ports       int
	cores       int
	ramMB       int
	ip          string
	nextPort    int
	tenant      *instance // who runs on it now
}

// open fills the market. The lock is held.
func (c *Cloud) open() {
	c.hosts = nil
	where, counts := places(), []int{1, 1, 2, 1, 4, 1, 8, 1}
	for k := range c.kinds {
		for i := range c.o.Hosts {
			n := len(c.hosts)
			h := &host{id: int64(1000 + n), owner: int64(50 + n%40), kind: &c.kinds[k], count: counts[i%len(counts)], place: where[n%len(where)],
				secure: i%3 == 2, verified: i%8 != 7, storage: 0.1 + 0.01*float64(i%10), reliability: 0.999 - 0.004*float64(i%12), disk: 200 + 100*float64(i%5),
				ports: 20 + 30*(i%4), ip: "198.51." + strconv.Itoa(100+n/250) + "." + strconv.Itoa(n%250+2), nextPort: 20000 + n*7}
			h.base = round(c.kinds[k].price * float64(h.count) * (1 + 0.04*float64(i)))
			h.minBid = round(h.base * 0.6)
			h.cores, h.ramMB = 8*h.count, 32000*h.count
			c.hosts = append(c.hosts, h)
			c.offer(h)
		}
	}
}

// offer puts a host on the market, under a number it never had.
func (c *Cloud) offer(h *host) {
	if h.ask != 0 {
		delete(c.byAsk, h.ask)
	}
	c.asks += 17
	h.ask = c.asks
	c.byAsk[h.ask] = h
}

// claim is what the host's GPUs are of the cloud's capacity.
func (h *host) claim() simkit.Claim {
	return simkit.Claim{GPU: h.kind.name, Cloud: h.tier(), Region: h.place.country, Count: h.count}
}

func (h *host) tier() string {
	if h.secure {
		return "secure"
	}
	return "community"
}

// free reports whether the host can be rented.
func (c *Cloud) free(h *host) bool {
	return h.tenant == nil && c.Capacity.Free(h.claim()) >= h.count
}

// trafficUSD is what a GB costs that an instance receives or sends, at any host.
const trafficUSD = 0.002

// diskRate is what so much disk costs an hour.
func (h *host) diskRate(gb float64) float64 { return gb * h.storage / 720 }

// round keeps six digits, as prices on the wire have.
func round(usd float64) float64 { return float64(int64(usd*1e6+0.5)) / 1e6 }
