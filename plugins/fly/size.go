package fly

import (
	"math"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// size is a machine's guest: its kind of CPU, their number, and the memory.
type size struct {
	kind     string // shared or performance
	cpus     int
	memoryMB int
}

// kind is what a kind of CPU comes with.
type kind struct {
	name      string
	cpus      []int // that can be had
	low, high int   // memory for each CPU, MB
	step      int   // memory comes in multiples of it, MB
}

func kinds() [2]kind {
	return [2]kind{
		{"shared", []int{1, 2, 4, 8}, 256, 2048, 256},
		{"performance", []int{1, 2, 4, 8, 16}, 2048, 8192, 1024},
	}
}

// sizeOf translates what is asked for. A flavour is a preset of Fly's, such as
// shared-cpu-2x, or a kind; without one it is the smallest size that has what is
// asked for, of the cheaper kind where both have it.
func sizeOf(cpu *spec.CPU) (size, *spec.Error) {
	flavor, cpus := strings.ToLower(cpu.Flavor), cpu.VCPUCount
	if formerGPU(flavor) {
		return size{}, noGPU()
	}
	only := flavor
	if cut := strings.LastIndexByte(flavor, '-'); cut >= 0 {
		n, err := strconv.Atoi(strings.TrimSuffix(flavor[cut+1:], "x"))
		if err != nil || !strings.HasSuffix(flavor, "x") {
			return size{}, unknownFlavor(cpu.Flavor)
		}
		if cpus != 0 && cpus != n {
			return size{}, invalid("cpu.vcpu_count is "+strconv.Itoa(cpus)+", the flavour "+cpu.Flavor+" has "+strconv.Itoa(n), "leave one of them out")
		}
		only, cpus = strings.TrimSuffix(flavor[:cut], "-cpu"), n
	}
	wanted := int(math.Ceil(cpu.MemoryGB * 1024))
	known := false
	for _, k := range kinds() {
		if only != "" && only != k.name {
			continue
		}
		known = true
		for _, n := range k.cpus {
			if cpus != 0 && n != cpus || wanted > n*k.high {
				continue
			}
			memory := max(wanted, n*k.low)
			memory = (memory + k.step - 1) / k.step * k.step
			return size{k.name, n, memory}, nil
		}
	}
	if !known {
		return size{}, unknownFlavor(cpu.Flavor)
	}
	return size{}, invalid("Fly has no machine with so many CPUs and so much memory",
		"shared CPUs come as 1, 2, 4 or 8 with up to 2 GB each, performance CPUs as 1, 2, 4, 8 or 16 with up to 8 GB each")
}

func unknownFlavor(flavor string) *spec.Error {
	return invalid("Fly has no CPU flavour "+strconv.Quote(flavor), "take shared-cpu-1x to shared-cpu-8x, performance-1x to performance-16x, shared, or performance")
}

// formerGPU reports whether a preset or a kind of guest named a GPU while Fly had
// them.
func formerGPU(text string) bool {
	for _, gpu := range [...]string{"a10", "l40s", "a100"} {
		if text == gpu || strings.HasPrefix(text, gpu+"-") {
			return true
		}
	}
	return false
}

// preset is Fly's name of a size, as a machine's flavour is told.
func (s size) preset() string {
	if s.cpus <= 0 || s.kind == "" {
		return ""
	}
	if s.kind == "shared" {
		return "shared-cpu-" + strconv.Itoa(s.cpus) + "x"
	}
	return s.kind + "-" + strconv.Itoa(s.cpus) + "x"
}
