package runpod

import (
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// catalogCPUs answers GET /v2/catalog/cpus[/{id}].
func (c *Cloud) catalogCPUs(ctx *fasthttp.RequestCtx, _ *simkit.Account, parts []string) {
	stock, vcpu := false, 0
	for _, one := range listed(ctx, "include") {
		if stock = one == "AVAILABILITY"; !stock {
			invalid(ctx, "query.include: value must be one of 'AVAILABILITY'")
			return
		}
	}
	if stock && len(listed(ctx, "product")) == 0 {
		problem(ctx, 400, "product is required when include=AVAILABILITY")
		return
	}
	if text := ctx.QueryArgs().Peek("vcpuCount"); text != nil {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 2 {
			invalid(ctx, "query.vcpuCount: must be an integer of at least 2")
			return
		}
		vcpu = n
	}
	if len(parts) == 3 {
		t := find(c.cpus, func(t *cpuType) bool { return t.id == parts[2] })
		if t == nil {
			problem(ctx, 404, "CPU flavor not found")
			return
		}
		answer(ctx, 200, c.appendCPU(nil, t, stock, vcpu))
		return
	}
	b := []byte(`{"cpus":[`)
	for i := range c.cpus {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.appendCPU(b, &c.cpus[i], stock, vcpu)
	}
	answer(ctx, 200, append(b, `]}`...))
}

func (c *Cloud) appendCPU(b []byte, t *cpuType, stock bool, vcpu int) []byte {
	b = simkit.AppendString(append(b, `{"id":`...), t.id)
	b = simkit.AppendString(append(b, `,"name":`...), t.name)
	b = simkit.AppendString(append(b, `,"group":`...), t.group)
	b = simkit.AppendInt(append(b, `,"vcpu":{"min":`...), t.low)
	b = simkit.AppendInt(append(b, `,"max":`...), t.high)
	b = simkit.AppendFloat(append(b, `},"ramGbPerVcpu":`...), t.ram)
	b = simkit.AppendFloat(append(b, `,"price":{"securePerVcpu":`...), t.price)
	b = simkit.AppendFloat(append(b, `,"serverlessPerVcpu":`...), t.serverless)
	b = append(b, '}')
	if stock {
		best := 0
		rows := []byte(nil)
		for i := range c.centers {
			one := &c.centers[i]
			if free := c.cpuStock(t, one.id, vcpu); free > 0 {
				if best = max(best, free); rows != nil {
					rows = append(rows, ',')
				}
				rows = appendAvailability(rows, one.id, one.name, level(free))
			}
		}
		b = simkit.AppendString(append(b, `,"availability":`...), level(best))
		if rows != nil {
			b = append(append(append(b, `,"dataCenters":[`...), rows...), ']')
		}
	}
	return append(b, '}')
}

func (c *Cloud) cpuStock(t *cpuType, center string, vcpu int) int {
	if vcpu > t.high {
		return 0
	}
	return c.Capacity.Free(simkit.Claim{GPU: t.id, Cloud: "SECURE", Region: center})
}

// catalogCenters answers GET /v2/catalog/datacenters[/{id}].
func (c *Cloud) catalogCenters(ctx *fasthttp.RequestCtx, _ *simkit.Account, parts []string) {
	include := listed(ctx, "include")
	for _, one := range include {
		if one != "GPU_AVAILABILITY" && one != "CPU_AVAILABILITY" {
			invalid(ctx, "query.include: value must be one of 'GPU_AVAILABILITY', 'CPU_AVAILABILITY'")
			return
		}
	}
	if len(parts) == 3 {
		one := find(c.centers, func(at *center) bool { return at.id == parts[2] })
		if one == nil {
			problem(ctx, 404, "data center not found")
			return
		}
		answer(ctx, 200, c.appendCenter(nil, one, include))
		return
	}
	b, n := []byte(`{"dataCenters":[`), 0
	for i := range c.centers {
		one := &c.centers[i]
		if !one.asked(ctx) {
			continue
		}
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = c.appendCenter(b, one, include)
	}
	answer(ctx, 200, append(b, `]}`...))
}

// asked applies the filters: any of the regions, all of the rest.
func (one *center) asked(ctx *fasthttp.RequestCtx) bool {
	if regions := listed(ctx, "regions"); len(regions) > 0 && !contains(regions, one.region) {
		return false
	}
	for _, kind := range listed(ctx, "networkVolumeTypes") {
		if kind != "STANDARD" && !(kind == "HIGH_PERFORMANCE" && one.fast) {
			return false
		}
	}
	for _, want := range listed(ctx, "compliance") {
		if !contains(one.compliance, want) {
			return false
		}
	}
	text := string(ctx.QueryArgs().Peek("globalNetwork"))
	return text == "" || strings.EqualFold(text, strconv.FormatBool(one.global))
}

func (c *Cloud) appendCenter(b []byte, one *center, include []string) []byte {
	kinds := []string{"STANDARD"}
	if one.fast {
		kinds = append(kinds, "HIGH_PERFORMANCE")
	}
	b = simkit.AppendString(append(b, `{"id":`...), one.id)
	b = simkit.AppendString(append(b, `,"name":`...), one.name)
	b = simkit.AppendString(append(b, `,"region":`...), one.region)
	b = simkit.AppendBool(append(b, `,"globalNetwork":`...), one.global)
	b = simkit.AppendStrings(append(b, `,"networkVolumeTypes":`...), kinds)
	b = simkit.AppendStrings(append(b, `,"compliance":`...), one.compliance)
	if contains(include, "GPU_AVAILABILITY") {
		b, n := append(b, `,"gpuAvailability":[`...), 0
		for i := range c.gpus {
			g := &c.gpus[i]
			if !contains(g.centers, one.id) {
				continue
			}
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = appendAvailability(b, g.id, g.name, level(c.stockOf(g, one.id, gpuQuery{count: 1, cloud: "SECURE", cuda: true})))
		}
		return c.appendCenterCPUs(append(b, ']'), one, include)
	}
	return c.appendCenterCPUs(b, one, include)
}

func (c *Cloud) appendCenterCPUs(b []byte, one *center, include []string) []byte {
	if !contains(include, "CPU_AVAILABILITY") {
		return append(b, '}')
	}
	b = append(b, `,"cpuAvailability":[`...)
	for i := range c.cpus {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendAvailability(b, c.cpus[i].id, c.cpus[i].name, level(c.cpuStock(&c.cpus[i], one.id, 2)))
	}
	return append(b, `]}`...)
}
