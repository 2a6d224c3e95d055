package simkit

import "sync"

// Limit is how many GPUs of a kind can be rented at once. An empty field means
// all: {"gpu":"","count":0} sells everything out. Gpu is the cloud's native
// identifier, or the CPU flavour for machines without GPUs.
type Limit struct {
	GPU    string `json:"gpu,omitempty"`
	Cloud  string `json:"cloud,omitempty"`
	Region string `json:"region,omitempty"`
	Count  int    `json:"count" sim:"signed"` // a negative count lifts the limit
}

// Claim is what a machine occupies.
type Claim struct {
	GPU, Cloud, Region string
	Count              int
}

func (l *Limit) covers(c Claim) bool {
	return (l.GPU == "" || l.GPU == c.GPU) && (l.Cloud == "" || l.Cloud == c.Cloud) && (l.Region == "" || l.Region == c.Region)
}

func (l *Limit) same(o Limit) bool {
	return l.GPU == o.GPU && l.Cloud == o.Cloud && l.Region == o.Region
}

// Capacity keeps the limits and what is taken. Without limits everything is to
// be had.
type Capacity struct {
	mu     sync.Mutex
	limits []Limit
	taken  map[Claim]int // by kind, with Count 0
}

// Set adds a limit, replaces the one of the same kind, or lifts it.
func (c *Capacity) Set(l Limit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.limits {
		if c.limits[i].same(l) {
			if l.Count < 0 {
				c.limits = append(c.limits[:i], c.limits[i+1:]...)
			} else {
				c.limits[i] = l
			}
			return
		}
	}
	if l.Count >= 0 {
		c.limits = append(c.limits, l)
	}
}

// Limits returns the limits in force.
func (c *Capacity) Limits() []Limit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Limit{}, c.limits...)
}

// Take occupies a claim, or reports that there is no room for it.
func (c *Capacity) Take(claim Claim) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.free(claim) < claim.Count {
		return false
	}
	kind := claim
	kind.Count = 0
	if c.taken == nil {
		c.taken = map[Claim]int{}
	}
	c.taken[kind] += claim.Count
	return true
}

// Give returns a claim.
func (c *Capacity) Give(claim Claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := claim
	kind.Count = 0
	if c.taken[kind] -= claim.Count; c.taken[kind] <= 0 {
		delete(c.taken, kind)
	}
}

// Unlimited is what Free answers where no limit applies.
const Unlimited = 1 << 30

// Free returns how many GPUs of a kind are to be had.
func (c *Capacity) Free(claim Claim) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.free(claim)
}

// free returns the room of the tightest limit that covers the claim.
func (c *Capacity) free(claim Claim) int {
	room := Unlimited
	for i := range c.limits {
		l := &c.limits[i]
		if !l.covers(claim) {
			continue
		}
		used := 0
		for kind, n := range c.taken {
			if l.covers(kind) {
				used += n
			}
		}
		room = min(room, l.Count-used)
	}
	return max(room, 0)
}

func (c *Capacity) reset(limits []Limit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limits, c.taken = append([]Limit{}, limits...), nil
}
