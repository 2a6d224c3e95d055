package leak

import (
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Main runs a suite and exits with its code. The checks come after the tests, and
// each returns what it finds held. Benchmarks and fuzzing are not judged: their
// peers and workers outlive them.
func Main(m *testing.M, checks ...func() error) {
	before := open()
	code := m.Run()
	if code == 0 && !set("test.bench") && !set("test.fuzz") && !set("test.fuzzworker") && !set("test.list") {
		if err := find(before, checks); err != nil {
			fmt.Fprintln(os.Stderr, "leak:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func set(name string) bool {
	f := flag.Lookup(name)
	return f != nil && f.Value.String() != "" && f.Value.String() != "false"
}

func find(before []string, checks []func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	if err := goleak.Find(); err != nil {
		return err
	}
	left := more(before)
	for deadline := time.Now().Add(2 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = more(before) {
		time.Sleep(5 * time.Millisecond) // what a goroutine closes last may still be on its way
	}
	if len(left) > 0 {
		return fmt.Errorf("descriptors are left: %s", strings.Join(left, ", "))
	}
	return nil
}

// open lists the open descriptors by what they lead to, with the poller's own
// among them. Nothing where the system does not tell.
func open() []string {
	if listener, err := net.Listen("tcp", "127.0.0.1:0"); err == nil { // makes the runtime open its poller
		_ = listener.Close()
	}
	return descriptors()
}

func descriptors() []string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var list []string
	for _, entry := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil { // the folder's own is closed by now
			list = append(list, entry.Name()+" "+target)
		}
	}
	return list
}

// more lists the descriptors that were not there before.
func more(before []string) []string {
	var left []string
	for _, one := range descriptors() {
		if !slices.Contains(before, one) {
			left = append(left, one)
		}
	}
	return left
}

// Gauges reports what of a closed client is still alive. live is the part of
// atlas.info of that name; the process's goroutines are goleak's matter.
func Gauges(live map[string]int64) error {
	for name, value := range live {
		if name != "goroutines" && value != 0 {
			return fmt.Errorf("%d %s are left", value, name)
		}
	}
	return nil
}
