package sqlite

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot is the time since the machine was started, its sleep included, ms,
// and a name of this start.
func sinceBoot() (ms int64, boot string) {
	var t unix.Timespec
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return time.Now().UnixMilli(), "wall"
	}
	return t.Nano() / int64(time.Millisecond), strings.TrimSpace(string(id))
}
