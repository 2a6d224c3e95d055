package mock

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// table are the GPUs with their memory in GB: all of Atlas's catalogue.
const table = "h100 80, a10 24, a100_40g 40, a100_80g 80, a100_80g_sxm 80, a2000 6, a30 24, a40 48, a4000 16, a4500 20, a5000 24, a6000 48, b200 180, b300 288, " +
	"gh200 96, h100_nvl 94, h100_pcie 80, h100_sxm 80, h200 141, h200_nvl 143, l4 24, l40 48, l40s 48, mi300x 192, rtx_2000_ada 16, rtx_3070 8, rtx_3080 10, " +
	"rtx_3080_ti 12, rtx_3090 24, rtx_3090_ti 24, rtx_4000_ada 20, rtx_4000_sff_ada 20, rtx_4070_ti 12, rtx_4080 16, rtx_4080_super 16, rtx_4090 24, " +
	"rtx_5000_ada 32, rtx_5080 16, rtx_5090 32, rtx_6000 24, rtx_6000_ada 48, rtx_pro_4500 32, rtx_pro_6000 96, rtx_pro_6000_max_q 96, " +
	"rtx_pro_6000_mig_24g 24, rtx_pro_6000_mig_48g 48, rtx_pro_6000_workstation 96, t4 16, v100_16g 16, v100_16g_pcie 16, v100_32g 32, v100_32g_pcie 32"

// gpu is a kind of GPU that the cloud has.
type gpu struct {
	id, name, canonical string
	memoryGB            int
}

// gpusOf returns the GPUs of these identifiers, all where there are none.
func gpusOf(ids []string) ([]gpu, error) {
	var list []gpu
	known := map[string]gpu{}
	for _, cell := range strings.Split(table, ", ") {
		canonical, memory, _ := strings.Cut(cell, " ")
		g := gpu{id: "mock-" + strings.ReplaceAll(canonical, "_", "-"), name: "Mock " + strings.ToUpper(strings.ReplaceAll(canonical, "_", " ")), canonical: canonical}
		g.memoryGB, _ = strconv.Atoi(memory)
		list, known[g.id] = append(list, g), g
	}
	if len(ids) == 0 {
		return list, nil
	}
	list = nil
	for _, id := range ids {
		g, ok := known[id]
		if !ok {
			return nil, fmt.Errorf("unknown gpu %q; known are mock- and a canonical name with hyphens, such as mock-rtx-4090", id)
		}
		list = append(list, g)
	}
	return list, nil
}

func (c *Cloud) has(id string) bool {
	for i := range c.gpus {
		if c.gpus[i].id == id {
			return true
		}
	}
	return false
}

// routeGPUs answers GET /v1/gpus: a row for each GPU and tier.
func (c *Cloud) routeGPUs(ctx *fasthttp.RequestCtx, parts []string) {
	if len(parts) != 1 || !ctx.IsGet() {
		problem(ctx, 404, "no such resource")
		return
	}
	count := 1
	if n, err := strconv.Atoi(string(ctx.QueryArgs().Peek("count"))); err == nil && n > 0 {
		count = n
	}
	asked := string(ctx.QueryArgs().Peek("tier"))
	b, n := []byte(`{"gpus":[`), 0
	for i := range c.gpus {
		for _, tier := range []string{"secure", "community"} {
			if asked != "" && asked != tier {
				continue
			}
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = c.appendGPU(b, &c.gpus[i], tier, count)
		}
	}
	answer(ctx, 200, append(b, `]}`...))
}

func (c *Cloud) appendGPU(b []byte, g *gpu, tier string, count int) []byte {
	const most = 8
	stock, price := "high", c.o.Prices[g.id]
	switch free := c.Capacity.Free(simkit.Claim{GPU: g.id, Cloud: tier, Region: "mock-1"}); {
	case free < count || count > most:
		stock = "none"
	case free < 4:
		stock = "low"
	case free < 16:
		stock = "medium"
	}
	b = simkit.AppendString(append(b, `{"id":`...), g.id)
	b = simkit.AppendString(append(b, `,"name":`...), g.name)
	b = simkit.AppendString(append(b, `,"canonical":`...), g.canonical)
	b = simkit.AppendInt(append(b, `,"memory_gb":`...), g.memoryGB)
	b = simkit.AppendFloat(append(b, `,"price":`...), price)
	b = simkit.AppendFloat(append(b, `,"spot_price":`...), price/2)
	b = append(append(append(b, `,"stock":"`...), stock...), `","tier":"`...)
	b = append(append(b, tier...), `","max_count":`...)
	return append(simkit.AppendInt(b, most), `,"regions":["mock-1"]}`...)
}
