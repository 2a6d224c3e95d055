package simkit

import "sync"

// counts tells how many requests came for each method and resource. The
// identifiers in a path are left out, so that it stays small.
type counts struct {
	mu sync.Mutex
	by map[string]int64
}

// add counts a request under its method and the first two parts of its path.
func (c *counts) add(method, path []byte) {
	var room [64]byte
	key := append(append(room[:0], method...), ' ')
	slashes := 0
	for _, b := range path {
		if b == '/' {
			if slashes++; slashes > 2 {
				break
			}
		}
		key = append(key, b)
	}
	c.mu.Lock()
	if n, ok := c.by[string(key)]; ok {
		c.by[string(key)] = n + 1
	} else if len(c.by) < 1000 {
		if c.by == nil {
			c.by = map[string]int64{}
		}
		c.by[string(key)] = 1
	}
	c.mu.Unlock()
}

func (c *counts) list() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make(map[string]int64, len(c.by))
	for key, n := range c.by {
		list[key] = n
	}
	return list
}

func (c *counts) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by = nil
}
