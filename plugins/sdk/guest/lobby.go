//go:build wasip1

package guest

// lobby holds the workers that wait for a request, by its number. Numbers come
// one after another, so their last bits part them evenly, and a call finds its
// place without hashing.
type lobby struct {
	chairs [64]*worker // each the first of those whose numbers end alike
	count  int
}

func (l *lobby) enter(w *worker) {
	chair := &l.chairs[w.request&63]
	w.later, *chair = *chair, w
	l.count++
}

// leave returns the worker that waits for a request, nil where there is none.
func (l *lobby) leave(request int32) *worker {
	for at := &l.chairs[request&63]; *at != nil; at = &(*at).later {
		if w := *at; w.request == request {
			*at, w.later = w.later, nil
			l.count--
			return w
		}
	}
	return nil
}
