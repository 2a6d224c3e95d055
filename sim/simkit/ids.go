package simkit

import (
	"math/rand/v2"
	"sync"
)

// IDs makes identifiers and other arbitrary numbers from a seed: the same seed
// and the same order of requests give the same identifiers.
type IDs struct {
	mu   sync.Mutex
	seed uint64
	rand *rand.Rand
	used map[string]struct{}
}

func newIDs(seed uint64) *IDs {
	ids := &IDs{seed: seed}
	ids.reset()
	return ids
}

func (ids *IDs) reset() {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	ids.rand = rand.New(rand.NewPCG(ids.seed, 0x61746c6173))
	ids.used = map[string]struct{}{}
}

// New returns n characters of an alphabet, never the same twice.
func (ids *IDs) New(n int, alphabet string) string {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	for {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[ids.rand.IntN(len(alphabet))]
		}
		if _, taken := ids.used[string(b)]; !taken {
			ids.used[string(b)] = struct{}{}
			return string(b)
		}
	}
}

// UUID returns a version 4 identifier.
func (ids *IDs) UUID() string {
	hex := []byte(ids.New(32, "0123456789abcdef"))
	hex[12], hex[16] = '4', "89ab"[hex[16]&3]
	return string(hex[:8]) + "-" + string(hex[8:12]) + "-" + string(hex[12:16]) + "-" + string(hex[16:20]) + "-" + string(hex[20:])
}

// Number returns a number from low to high, both included.
func (ids *IDs) Number(low, high int) int {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	return low + ids.rand.IntN(high-low+1)
}
