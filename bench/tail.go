package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/exatlas/atlas"
)

// tail is one subscriber of an app that writes numbered lines.
type tail struct {
	first   int
	seen    []bool // from first on
	lines   int
	doubled int
	dropped int
	lost    int
	err     error
}

// follow reads until ctx ends.
func (t *tail) follow(ctx context.Context, sub *atlas.Subscription) {
	for {
		e, err := sub.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			t.err = err
			return
		case e.Name == "dropped":
			var d struct{ Count int }
			_ = json.Unmarshal(e.Data, &d) // written by Atlas
			t.dropped += d.Count
		case e.Name != "line":
			t.err = fmt.Errorf("%s %s", e.Name, e.Data)
			return
		default:
			_, after, _ := bytes.Cut(e.Data, []byte(`"line `))
			number, _, _ := bytes.Cut(after, []byte(`"`))
			n, err := strconv.Atoi(string(number))
			if err != nil {
				t.err = fmt.Errorf("no line: %s", e.Data)
				return
			}
			t.take(n)
		}
	}
}

func (t *tail) take(n int) {
	if t.lines++; t.lines == 1 {
		t.first = n
	}
	at := n - t.first
	if at < 0 {
		return // late, and from before the first
	}
	for len(t.seen) <= at {
		t.seen = append(t.seen, make([]bool, 1024)...)
	}
	if t.seen[at] {
		t.doubled++
	}
	t.seen[at] = true
}

// judge counts what is missing. What was late when the reader came, and what may
// still be on its way at the end, is neither here nor there.
func (t *tail) judge() {
	high := len(t.seen)
	for high > 0 && !t.seen[high-1] {
		high--
	}
	const late, found = lateMS / writeEvery, 2 * 5000 / writeEvery // the overlap is read every 5 s
	for at := late; at < high-late-found; at++ {
		if !t.seen[at] {
			t.lost++
		}
	}
}
