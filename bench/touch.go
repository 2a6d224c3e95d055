package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/core/store"
)

// touches is how many sessions a second can be touched from Go, ids at a call.
func touches(client *atlas.Client, sessions []store.Session, ids int) float64 {
	var params []atlas.TouchParams
	for from := 0; from+ids <= len(sessions) && len(params) < 10_000; from += ids {
		p := atlas.TouchParams{}
		for _, s := range sessions[from : from+ids] {
			if s.ID[len(s.ID)-1] != '0' { // those whose number ends in 0 may have ended
				p.ID = append(p.ID, s.ID)
			}
		}
		if len(p.ID) > 0 {
			params = append(params, p)
		}
	}
	ctx, n := context.Background(), 0
	began := time.Now()
	for time.Since(began) < 3*time.Second {
		for _, p := range params {
			if _, err := client.Orchestrator.Touch(ctx, p); err != nil {
				fmt.Fprintln(os.Stderr, "bench: touch:", err)
				return 0
			}
			n += len(p.ID)
		}
	}
	return float64(n) / time.Since(began).Seconds()
}

// touchPython measures the same from Python, in a process that opens the store.
func (b *bench) touchPython(folder string) error {
	var line struct{ One, List float64 }
	if err := b.child(&line, "python3", filepath.Join(b.root, "bench", "python", "touchbench.py"), b.stored(folder)); err != nil {
		return err
	}
	b.tell(figure{Name: "touch_python", Value: line.One, Unit: "touches/s, one an id"})
	b.tell(figure{Name: "touch_python_lists", Value: line.List, Unit: "touches/s, 100 ids a call"}.within("at least 100000", line.List >= 100_000))
	return nil
}
