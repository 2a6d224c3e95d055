package fly

import (
	"strconv"
	"strings"

	"github.com/valyala/fastjson"
)

// size is a machine's guest.
type size struct {
	kind         string
	cpus, memory int
}

// sizeIn reads the guest in a value.
func sizeIn(v *fastjson.Value, keys ...string) size {
	g := v.Get(keys...)
	s := size{"shared", 1, 256}
	if g == nil {
		return s
	}
	if kind := textOf(g, "cpu_kind"); kind != "" {
		s.kind = kind
	}
	if n := g.GetInt("cpus"); n > 0 {
		s.cpus = n
	}
	s.memory = s.least()
	if n := g.GetInt("memory_mb"); n > 0 {
		s.memory = n
	}
	return s
}

// preset reads a name such as shared-cpu-2x.
func preset(name string) (size, bool) {
	cut := strings.LastIndexByte(name, '-')
	if cut < 0 || !strings.HasSuffix(name, "x") {
		return size{}, false
	}
	n, err := strconv.Atoi(name[cut+1 : len(name)-1])
	s := size{kind: strings.TrimSuffix(name[:cut], "-cpu"), cpus: n}
	s.memory = s.least()
	return s, err == nil && s.problem() == ""
}

func (s size) least() int {
	if s.kind == "performance" {
		return s.cpus * 2048
	}
	return s.cpus * 256
}

// problem tells what is wrong with a size.
func (s size) problem() string {
	most, step, counts := 2048, 256, "1 2 4 8"
	switch s.kind {
	case "shared":
	case "performance":
		most, step, counts = 8192, 1024, "1 2 4 8 16"
	default:
		return "invalid config.guest.cpu_kind, must be one of shared, performance"
	}
	known := false
	for _, n := range strings.Fields(counts) {
		known = known || n == strconv.Itoa(s.cpus)
	}
	switch {
	case !known:
		return "invalid config.guest.cpus for " + s.kind + ", must be one of " + counts
	case s.memory < s.least():
		return "invalid config.guest.memory_mb, minimum required " + strconv.Itoa(s.least()) + " MiB"
	case s.memory > s.cpus*most:
		return "invalid config.guest.memory_mb, cannot exceed " + strconv.Itoa(s.cpus*most) + " MiB"
	case s.memory%step != 0:
		return "invalid config.guest.memory_mb, must be in a " + strconv.Itoa(step) + " MiB increment"
	}
	return ""
}

// name is the preset's, as capacity limits call it.
func (s size) name() string {
	if s.kind == "shared" {
		return "shared-cpu-" + strconv.Itoa(s.cpus) + "x"
	}
	return s.kind + "-" + strconv.Itoa(s.cpus) + "x"
}

// price in USD per hour. It is invented.
func (s size) price() float64 {
	each := 0.002
	if s.kind == "performance" {
		each = 0.03
	}
	return each*float64(s.cpus) + 0.005*float64(s.memory-s.least())/1024
}
