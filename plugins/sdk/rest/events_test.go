package rest

import (
	"slices"
	"strings"
	"testing"
)

func all(body string) []Event {
	var list []Event
	walk := NewEvents(body)
	for event, ok := walk.Next(); ok; event, ok = walk.Next() {
		list = append(list, event)
	}
	return list
}

func TestEvents_ReadsWhatTheStandardSays(t *testing.T) {
	body := ": hello\n\ndata: a\n\nid: 1\r\nevent: line\r\ndata:b\r\ndata:  c\r\n\r\ndata\rdata: d\r\rid: 2\n\ndata:\ndata:\ndata: e\n\nevent: lost\n\nother: x\ndata: f\n\ndata: not ended\n"
	want := []Event{{"", "", "a"}, {"1", "line", "b\n c"}, {"", "", "\nd"}, {"2", "", ""}, {"", "", "\n\ne"}, {"", "", "f"}}
	got := all(body)
	if !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
	for n := range len(body) { // a body that was cut holds the first of them, whole
		if cut := all(body[:n]); len(cut) > len(want) || !slices.Equal(cut, want[:len(cut)]) {
			t.Errorf("cut after %q: %q", body[:n], cut)
		}
	}
}

// TestEvents_CopiesTheDataOfAnEventOnce: a mebibyte of short lines is one event
// for a server that means harm.
func TestEvents_CopiesTheDataOfAnEventOnce(t *testing.T) {
	const lines = 100_000
	body := strings.Repeat("data: x\n", lines) + "\n"
	allocations := testing.AllocsPerRun(1, func() {
		if got := all(body); len(got) != 1 || len(got[0].Data) != 2*lines-1 {
			t.Errorf("%d events", len(got))
		}
	})
	if allocations > 100 {
		t.Errorf("%v allocations", allocations)
	}
}
