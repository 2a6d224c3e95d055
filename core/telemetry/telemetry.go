package telemetry

import "time"

// Observer is asked, once something is over that is measured, who is to be told of
// it. A nil one, and one that answers nil, are nobody: then no event is made.
type Observer func() func(event string, data any)

// Watched returns who is to be told now, or nil.
func (o Observer) Watched() func(event string, data any) {
	if o == nil {
		return nil
	}
	return o()
}

// Milliseconds are those of a duration, to the microsecond.
func Milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1000
}
