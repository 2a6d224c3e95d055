package lambda

import (
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// machineType is one instance type. Names, sizes and prices are those of the
// fact sheet of 2026-11-23; the regions are invented.
type machineType struct {
	name, gpu              string // gpu as the descriptions spell it, "" for none
	gpus                   int
	vcpus, memory, storage int
	cents                  int
	regions                []string
}

func machineTypes() []machineType {
	var (
		west  = []string{"us-west-1", "us-east-1"}
		east  = []string{"us-east-1", "us-west-2"}
		south = []string{"us-south-1", "us-south-2"}
		world = []string{"us-west-1", "us-east-1", "us-south-1", "europe-central-1", "asia-northeast-1"}
	)
	return []machineType{
		{"cpu_4x_general", "", 0, 4, 16, 102, 20, west},
		{"gpu_1x_a10", "A10 (24 GB PCIe)", 1, 30, 200, 1434, 129, world},
		{"gpu_1x_a100_pcie", "A100 (40 GB PCIe)", 1, 30, 200, 512, 199, west},
		{"gpu_1x_a100_sxm4", "A100 (40 GB SXM4)", 1, 30, 200, 512, 199, world},
		{"gpu_1x_a6000", "A6000 (48 GB)", 1, 14, 100, 205, 109, south},
		{"gpu_1x_b200_sxm6", "B200 (180 GB SXM6)", 1, 26, 360, 2867, 699, east},
		{"gpu_1x_gh200", "GH200 (96 GB)", 1, 64, 432, 4096, 229, []string{"us-east-3"}},
		{"gpu_1x_h100_pcie", "H100 (80 GB PCIe)", 1, 26, 200, 1024, 329, world},
		{"gpu_1x_h100_sxm5", "H100 (80 GB SXM5)", 1, 26, 225, 2867, 429, east},
		{"gpu_1x_rtx6000", "RTX 6000 (24 GB)", 1, 14, 46, 512, 69, south},
		{"gpu_2x_a100_pcie", "A100 (40 GB PCIe)", 2, 60, 400, 1024, 398, west},
		{"gpu_2x_a6000", "A6000 (48 GB)", 2, 28, 200, 1024, 218, south},
		{"gpu_2x_b200_sxm6", "B200 (180 GB SXM6)", 2, 52, 720, 5632, 1378, east},
		{"gpu_2x_h100_sxm5", "H100 (80 GB SXM5)", 2, 52, 450, 5632, 838, east},
		{"gpu_4x_a100_pcie", "A100 (40 GB PCIe)", 4, 120, 800, 1024, 796, west},
		{"gpu_4x_a6000", "A6000 (48 GB)", 4, 56, 400, 1024, 436, south},
		{"gpu_4x_h100_sxm5", "H100 (80 GB SXM5)", 4, 104, 900, 11264, 1636, east},
		{"gpu_8x_a100", "A100 (40 GB SXM4)", 8, 124, 1800, 6144, 1592, west},
		{"gpu_8x_a100_80gb_sxm4", "A100 (80 GB SXM4)", 8, 240, 1800, 20480, 2232, east},
		{"gpu_8x_b200_sxm6", "B200 (180 GB SXM6)", 8, 208, 2900, 22528, 5352, east},
		{"gpu_8x_h100_sxm5", "H100 (80 GB SXM5)", 8, 208, 1800, 22528, 3192, world},
		{"gpu_8x_v100", "Tesla V100 (16 GB)", 8, 92, 448, 6042, 632, south},
	}
}

// card is what capacity counts: the type with one GPU of its kind.
func (t *machineType) card() string {
	if t.gpus == 0 {
		return t.name
	}
	_, rest, _ := strings.Cut(t.name, "x_")
	if rest == "a100" {
		rest = "a100_sxm4"
	}
	return "gpu_1x_" + rest
}

func (t *machineType) claim(region string) simkit.Claim {
	return simkit.Claim{GPU: t.card(), Region: region, Count: max(t.gpus, 1)}
}

func (t *machineType) architecture() string {
	if strings.Contains(t.name, "gh200") {
		return "arm64"
	}
	return "x86_64"
}

// append appends the type as catalogue and instances show it; architecture is of
// 1.10.
func (t *machineType) append(b []byte) []byte {
	description := "4x CPU General (16 GiB)"
	if t.gpus > 0 {
		description = string(simkit.AppendInt(nil, t.gpus)) + "x " + t.gpu
	}
	gpu := t.gpu
	if gpu == "" {
		gpu = "N/A"
	}
	b = simkit.AppendString(append(b, `{"name":`...), t.name)
	b = simkit.AppendString(append(b, `,"description":`...), description)
	b = simkit.AppendString(append(b, `,"gpu_description":`...), gpu)
	b = simkit.AppendInt(append(b, `,"price_cents_per_hour":`...), t.cents)
	b = simkit.AppendString(append(b, `,"architecture":`...), t.architecture())
	b = simkit.AppendInt(append(b, `,"specs":{"vcpus":`...), t.vcpus)
	b = simkit.AppendInt(append(b, `,"memory_gib":`...), t.memory)
	b = simkit.AppendInt(append(b, `,"storage_gib":`...), t.storage)
	b = simkit.AppendInt(append(b, `,"gpus":`...), t.gpus)
	return append(b, "}}"...)
}

func appendRegion(b []byte, region string) []byte {
	b = simkit.AppendString(append(b, `{"name":`...), region)
	b = simkit.AppendString(append(b, `,"description":`...), place(region))
	return append(b, '}')
}

// place is where a region is.
func place(region string) string {
	switch region {
	case "us-west-1":
		return "California, USA"
	case "us-west-2":
		return "Arizona, USA"
	case "us-east-1":
		return "Virginia, USA"
	case "us-east-3":
		return "Washington DC, USA"
	case "us-south-1":
		return "Texas, USA"
	case "us-south-2":
		return "North Texas, USA"
	case "europe-central-1":
		return "Germany"
	case "asia-northeast-1":
		return "Osaka, Japan"
	}
	return ""
}

// regions are those where anything is sold.
func (c *Cloud) regions() []string {
	var list []string
	for i := range c.types {
		for _, region := range c.types[i].regions {
			if !slices.Contains(list, region) {
				list = append(list, region)
			}
		}
	}
	slices.Sort(list)
	return list
}

func (c *Cloud) typeNamed(name string) *machineType {
	for i := range c.types {
		if c.types[i].name == name {
			return &c.types[i]
		}
	}
	return nil
}

// listTypes answers the map of types. A region shows where there is room for a
// whole machine, unless the list is stale.
func (c *Cloud) listTypes(ctx *fasthttp.RequestCtx, _ *simkit.Account, _ string) {
	b := append(make([]byte, 0, 8192), '{')
	for i := range c.types {
		t := &c.types[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(simkit.AppendString(b, t.name), `:{"instance_type":`...)
		b = append(t.append(b), `,"regions_with_capacity_available":[`...)
		first := true
		for _, region := range t.regions {
			if claim := t.claim(region); !c.o.Stale && c.Capacity.Free(claim) < claim.Count {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendRegion(b, region)
		}
		b = append(b, "]}"...)
	}
	answer(ctx, append(b, '}'))
}

func (c *Cloud) listRegions(ctx *fasthttp.RequestCtx, _ *simkit.Account, _ string) {
	b := []byte{'['}
	for i, region := range c.regions() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRegion(b, region)
	}
	answer(ctx, append(b, ']'))
}
