package sdk

import "github.com/exatlas/atlas/core/spec"

// What a cloud says may be absurd: a negative price, port 70000, a tier nobody
// knows. What cannot be true is taken out of an answer here, in one place for
// all providers, rather than handed to callers who would trust it.

const (
	dearest     = 1e6  // USD per hour that can be a price
	most        = 1e12 // that can be an amount
	mostCount   = 1 << 20
	highestPort = 65535
)

func tidyCompute(c *spec.Compute) {
	c.GPUCount = count(c.GPUCount)
	c.CostPerHour = price(c.CostPerHour)
	c.CloudType = tier(c.CloudType)
	ports := c.Ports[:0]
	for _, p := range c.Ports {
		if p.External < 0 || p.External > highestPort {
			p.External = 0
		}
		awaited := p.Symmetric && p.Internal == 0 && p.External == 0
		if (awaited || p.Internal >= 1 && p.Internal <= highestPort) && (p.Protocol == spec.ProtocolHTTP || p.Protocol == spec.ProtocolTCP) {
			ports = append(ports, p)
		}
	}
	c.Ports = ports
	if s := c.SSH; s != nil && (s.Host == "" || s.Port < 1 || s.Port > highestPort) {
		c.SSH = nil
	}
	actions := c.Actions[:0]
	for _, action := range c.Actions {
		switch action {
		case spec.ActionStart, spec.ActionStop, spec.ActionRestart, spec.ActionTerminate:
			actions = append(actions, action)
		}
	}
	c.Actions = actions
}

func tidyComputes(l *spec.ComputePage) {
	for i := range l.Items {
		tidyCompute(&l.Items[i])
	}
}

func tidyJob(j *spec.Job) {
	j.DelayMS, j.ExecutionTimeMS = elapsed(j.DelayMS), elapsed(j.ExecutionTimeMS)
}

// tidyGPUTypes also drops rows without an identifier: nobody could ask for them.
func tidyGPUTypes(l *spec.GPUTypeList) {
	rows := l.Items[:0]
	for _, g := range l.Items {
		if g.ID == "" {
			continue
		}
		g.MemoryGB, g.MaxCount = amount(g.MemoryGB), count(g.MaxCount)
		g.PricePerHour, g.SpotPricePerHour = price(g.PricePerHour), price(g.SpotPricePerHour)
		g.CloudType = tier(g.CloudType)
		rows = append(rows, g)
	}
	l.Items = rows
}

// tidyOffers also drops what nobody can take, or what has no price.
func tidyOffers(l *spec.OfferList) {
	rows := l.Items[:0]
	for _, o := range l.Items {
		if price(&o.PricePerHour) == nil || o.ID == "" && o.GPUNative == "" && o.GPUCount > 0 {
			continue
		}
		o.GPUCount, o.DirectPorts, o.CloudType = count(o.GPUCount), count(o.DirectPorts), tier(o.CloudType)
		o.GPUMemoryGB, o.VCPUCount, o.MemoryGB, o.DiskGB = amount(o.GPUMemoryGB), amount(o.VCPUCount), amount(o.MemoryGB), amount(o.DiskGB)
		if r := o.Reliability; r != nil && !(*r >= 0 && *r <= 1) {
			o.Reliability = nil
		}
		rows = append(rows, o)
	}
	l.Items = rows
}

func price(usd *float64) *float64 {
	if usd == nil || !(*usd >= 0 && *usd <= dearest) {
		return nil
	}
	return usd
}

func amount(n float64) float64 {
	if !(n >= 0 && n <= most) {
		return 0
	}
	return n
}

func count(n int) int {
	if n < 0 || n > mostCount {
		return 0
	}
	return n
}

func elapsed(ms *int64) *int64 {
	if ms == nil || *ms < 0 {
		return nil
	}
	return ms
}

func tier(t spec.CloudType) spec.CloudType {
	if t == spec.CloudSecure || t == spec.CloudCommunity {
		return t
	}
	return ""
}
