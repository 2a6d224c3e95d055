package dispatch

import "io"

// Services is what the methods work with. The root package fills it in.
type Services struct {
	Version string
	ABI     int
	Random  io.Reader
	Names   func() []string         // names of the providers
	Live    func() map[string]int64 // gauges
}

// Methods builds the table of all methods.
func Methods(s *Services) *Table {
	t := newTable()
	addAtlas(t, s)
	addAuth(t, s)
	return t
}
