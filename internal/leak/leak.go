package leak

import (
	"errors"
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

// Main runs a suite and exits with its code. What ends the suite comes after the
// tests, failed or not: each function gives back what the whole suite shared, and
// returns what it finds held. Then what is left is looked for. Benchmarks and
// fuzzing are not judged: their peers and workers outlive them.
func Main(m *testing.M, ends ...func() error) {
	before := open()
	code := m.Run()
	err := end(ends)
	if code == 0 {
		if err == nil && !set("test.bench") && !set("test.fuzz") && !set("test.fuzzworker") && !set("test.list") {
			err = find(before)
		}
		if err != nil {
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

// end calls all of them, whatever one says.
func end(ends []func() error) error {
	var found []error
	for _, one := range ends {
		found = append(found, one())
	}
	return errors.Join(found...)
}

func find(before []string) error {
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
