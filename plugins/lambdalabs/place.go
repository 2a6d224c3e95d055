package lambdalabs

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// place is a type in a region that has capacity for it.
type place struct {
	machine machineType
	region  string
}

// firewallFree reports whether Lambda has no firewall rules in a region.
func firewallFree(region string) bool { return region == "us-south-1" }

// places lists where to launch, best first: hinted regions in their order, then
// the cheapest. Where a region or a filesystem pins one, only that one counts;
// provider_opts.region_name is tried even where the list shows nothing, since
// the list is no more than a hint.
func (l *launch) places() ([]place, *spec.Error) {
	types, got, err := machineTypes(l.env)
	if err != nil {
		return nil, err
	}
	l.now = got.date
	fitting, err := l.fitting(types)
	if err != nil {
		return nil, err
	}
	if fitting, err = l.affordable(fitting); err != nil {
		return nil, err
	}
	var all []place
	pinned := l.option("region_name")
	if pinned != "" && l.volume.region != "" && pinned != l.volume.region {
		return nil, invalid("the filesystem is in "+l.volume.region+", provider_opts.region_name says "+pinned, "a filesystem can be mounted in its own region only")
	}
	for _, t := range fitting {
		regions := t.regions
		if pinned != "" {
			regions = []string{pinned}
		}
		for _, region := range regions {
			if l.wanted(region) {
				all = append(all, place{t, region})
			}
		}
	}
	if len(all) == 0 {
		return nil, l.nowhere(fitting)
	}
	hints := l.request.RegionHints
	ports := len(l.request.Ports) > 0
	slices.SortStableFunc(all, func(a, b place) int {
		return cmp.Or(cmp.Compare(slices.Index(hints, a.region), slices.Index(hints, b.region)), cmp.Compare(a.machine.price, b.machine.price),
			cmp.Compare(rank(ports && firewallFree(a.region)), rank(ports && firewallFree(b.region))))
	})
	return all, nil
}

// wanted reports whether hints and filesystem allow a region.
func (l *launch) wanted(region string) bool {
	if l.volume.region != "" && region != l.volume.region {
		return false
	}
	return len(l.request.RegionHints) == 0 || slices.Contains(l.request.RegionHints, region)
}

func rank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// fitting are the types that have what is asked for.
func (l *launch) fitting(types []machineType) ([]machineType, *spec.Error) {
	s := l.request
	exact := l.option("instance_type_name")
	count := max(s.GPUCount, 1)
	var list []machineType
	others := map[int]bool{}
	for _, t := range types {
		switch {
		case exact != "":
			if t.name != exact {
				continue
			}
		case s.CPU != nil:
			if s.CPU.Flavor != "" && t.name != s.CPU.Flavor || t.gpus > 0 || t.vcpus < s.CPU.VCPUCount || float64(t.memory) < s.CPU.MemoryGB {
				continue
			}
		case !t.has(s.GPU):
			continue
		case t.gpus != count:
			others[t.gpus] = true
			continue
		}
		list = append(list, t)
	}
	if len(list) == 0 {
		return nil, unsold(s, exact, others)
	}
	disk := s.VolumeGB + s.ContainerDiskGB
	largest := 0
	list = slices.DeleteFunc(list, func(t machineType) bool {
		largest = max(largest, t.storage)
		return t.storage > 0 && t.storage < disk
	})
	if len(list) == 0 {
		return nil, invalid("volume_gb and container_disk_gb come to "+decimal(disk)+" GB, the machine's disk has "+decimal(largest),
			"ask for less, or use network_volume_id")
	}
	return list, nil
}

// unsold is the error of asking for what Lambda does not list at all.
func unsold(s *spec.SpawnRequest, exact string, others map[int]bool) *spec.Error {
	const hint = "gpus.list shows what there is; Lambda may leave out types that the account may not use"
	switch {
	case exact != "":
		return invalid("Lambda lists no instance type "+exact, hint)
	case s.CPU != nil && s.CPU.Flavor != "":
		return invalid("Lambda lists no machine without GPUs that is called "+s.CPU.Flavor+" and has what cpu asks for", "leave cpu.flavor out, or ask for less; Lambda may leave out types that the account may not use")
	case s.CPU != nil:
		return invalid("Lambda lists no machine without GPUs of that size", "ask for less")
	case len(others) == 0:
		return invalid("Lambda lists no "+s.GPU, hint)
	}
	var counts []int
	for n := range others {
		counts = append(counts, n)
	}
	slices.Sort(counts)
	words := make([]string, len(counts))
	for i, n := range counts {
		words[i] = decimal(n)
	}
	return invalid("Lambda lists no machine with "+decimal(max(s.GPUCount, 1))+" of "+s.GPU, "set gpu_count to "+strings.Join(words, " or "))
}

// affordable leaves out what is above the caller's ceiling.
func (l *launch) affordable(list []machineType) ([]machineType, *spec.Error) {
	ceiling := l.request.MaxPricePerHour
	if ceiling <= 0 {
		return list, nil
	}
	cheapest := 0.0
	kept := make([]machineType, 0, len(list))
	for _, t := range list {
		if t.price > 0 && t.price <= ceiling {
			kept = append(kept, t)
		} else if cheapest == 0 || t.price < cheapest {
			cheapest = t.price
		}
	}
	if len(kept) > 0 {
		return kept, nil
	}
	e := &spec.Error{Kind: spec.KindBudget, Message: "the price is not known, so max_price_per_hour cannot be kept"}
	if cheapest > 0 {
		e.Message = "the cheapest costs " + dollars(cheapest) + " USD an hour, max_price_per_hour is " + dollars(ceiling)
	}
	return nil, e
}

func dollars(usd float64) string { return strconv.FormatFloat(usd, 'f', -1, 64) }

// nowhere is the error of types that no acceptable region has now.
func (l *launch) nowhere(types []machineType) *spec.Error {
	e := &spec.Error{Kind: spec.KindCapacity, Message: "no region has " + types[0].name + " now", Retryable: true,
		Hint: "try again later, or name another GPU; provider_opts.region_name has a region tried all the same"}
	var elsewhere []string
	for _, t := range types {
		for _, region := range t.regions {
			if !slices.Contains(elsewhere, region) {
				elsewhere = append(elsewhere, region)
			}
		}
	}
	if len(elsewhere) > 0 {
		e.Message = "no region that is allowed has " + types[0].name + " now"
		e.Hint = "these have it: " + strings.Join(elsewhere, ", ")
	}
	return e
}
