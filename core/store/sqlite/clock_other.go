//go:build !linux

package sqlite

import "time"

// sinceBoot is the wall clock where the system tells no better.
func sinceBoot() (ms int64, boot string) { return time.Now().UnixMilli(), "wall" }
