package vast

import (
	"sort"

	"github.com/exatlas/atlas/sim/simkit"
)

// gpuTypes answers GET /api/v0/gpu_types/.
func (c *Cloud) gpuTypes(r *request) {
	b := []byte(`{"gpu_types":[`)
	for n := range c.kinds {
		if n > 0 {
			b = append(b, ',')
		}
		b = simkit.AppendString(append(b, `{"canonical_name":`...), c.kinds[n].name)
		b = simkit.AppendInt(append(b, `,"gpu_ram_mb":`...), c.kinds[n].memoryMB)
		b = append(b, '}')
	}
	answer(r.RequestCtx, 200, append(b, "]}"...))
}

// gpuNames answers GET /api/v0/gpu_names/unique/.
func (c *Cloud) gpuNames(r *request) {
	b := simkit.AppendStrings([]byte(`{"gpu_names":`), c.names())
	answer(r.RequestCtx, 200, append(b, '}'))
}

func (c *Cloud) names() []string {
	var names []string
	for n := range c.kinds {
		if n == 0 || c.kinds[n-1].name != c.kinds[n].name {
			names = append(names, c.kinds[n].name)
		}
	}
	return names
}

// metrics answers GET /api/v0/metrics/gpu/current/.
func (c *Cloud) metrics(r *request) {
	verified, hosting := string(r.QueryArgs().Peek("verified")), string(r.QueryArgs().Peek("hosting_type"))
	w := writer{b: []byte(`{"success":true`)}
	w.key("gpus")
	w.b = append(w.b, '[')
	for n, name := range c.names() {
		var prices []float64
		total, available, checked := int64(0), int64(0), int64(0)
		for _, h := range c.hosts {
			if h.kind.name != name || verified != "all" && h.verified != (verified != "no") || hosting == "secure_cloud" && !h.secure || hosting == "community" && h.secure {
				continue
			}
			total++
			prices = append(prices, h.base/float64(h.count))
			if c.free(h) {
				available++
				if h.verified {
					checked++
				}
			}
		}
		sort.Float64s(prices)
		if n > 0 {
			w.b = append(w.b, ',')
		}
		one := writer{b: append(w.b, '{')}
		one.text("gpu_name", name)
		one.int("total", total)
		one.int("available", available)
		one.int("avail_verified", checked)
		one.int("avail_unverified", available-checked)
		for _, quantile := range []struct {
			name  string
			share float64
		}{{"price_p10", 0.1}, {"price_p25", 0.25}, {"price_median", 0.5}, {"price_p75", 0.75}, {"price_p90", 0.9}} {
			if len(prices) > 0 {
				one.float(quantile.name, round(prices[int(quantile.share*float64(len(prices)-1))]))
			}
		}
		w.b = append(one.b, '}')
	}
	answer(r.RequestCtx, 200, append(w.b, "]}"...))
}
