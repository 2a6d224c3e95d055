package dispatch

import (
	"fmt"
	"testing"
)

// one is a subscription with one event.
type one struct{}

func (one) Take() ([]byte, bool) { return []byte("event"), false }

func TestQueue_HandsOutFirstWhatWasPutBack(t *testing.T) {
	for taken := range 3 {
		q := newQueue()
		var told []bool
		q.setNotify(func(nonEmpty bool) { told = append(told, nonEmpty) })
		q.pushCompletion([]byte("0"))
		q.pushSource(one{})
		q.pushCompletion([]byte("2"))
		var last []byte
		for range taken + 1 {
			_, last = q.next(0)
		}
		q.putBack(last)
		q.close() // what is there can still be taken
		want := []string{"0", "event", "2"}[taken:]
		if completions := q.waiting(); completions != []int{2, 2, 1}[taken] {
			t.Errorf("after %d taken: %d completions", taken+1, completions)
		}
		var got []string
		for outcome, item := q.next(0); outcome == OK; outcome, item = q.next(0) {
			got = append(got, string(item))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || q.waiting() != 0 {
			t.Errorf("after %d taken: %q and %d completions, want %q", taken+1, got, q.waiting(), want)
		}
		if n := len(told); told[n-1] || (taken == 2) != (n == 5) {
			t.Errorf("%d taken: told %v", taken, told)
		}
	}
}
