// Package linear makes the linear memory of sandboxes: address space that is reserved
// at once and filled as the guest grows, so that nothing is copied or moved and only
// what was touched costs anything. It counts what all sandboxes have.
//
// It implements an interface of the engine's and knows nothing of guests. Package host
// has one allocator for each instance.
package linear
