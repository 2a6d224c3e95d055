package acme

import (
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// gpu is one kind of GPU that Acme sells.
type gpu struct {
	id, name string
	memoryGB int
	cents    int // USD cents per hour for one
}

func gpus() []gpu {
	return []gpu{{"l40s", "L40S 48 GB", 48, 95}, {"a100", "A100 80 GB", 80, 180}, {"h100", "H100 80 GB", 80, 320}}
}

func zones() []string { return []string{"north", "south"} }

// size finds what a size's id stands for.
func size(id string) (g gpu, count int, ok bool) {
	kind, text, _ := strings.Cut(id, "-")
	count, _ = strconv.Atoi(text)
	if count != 1 && count != 2 && count != 4 && count != 8 || text != strconv.Itoa(count) {
		return gpu{}, 0, false
	}
	for _, g := range gpus() {
		if g.id == kind {
			return g, count, true
		}
	}
	return gpu{}, 0, false
}

func known(id string) bool {
	_, _, ok := size(id)
	return ok
}

func price(g gpu, count int) float64 { return float64(g.cents*count) / 100 }

// sizes answers GET /v1/sizes.
func (c *Cloud) sizes(ctx *fasthttp.RequestCtx) {
	b := []byte(`{"sizes":[`)
	for i, g := range gpus() {
		for _, count := range []int{1, 2, 4, 8} {
			if i > 0 || count > 1 {
				b = append(b, ',')
			}
			b = c.appendSize(b, g, count)
		}
	}
	answer(ctx, 200, append(b, `]}`...))
}

// mostStock is what a size without a limit shows.
const mostStock = 100

func (c *Cloud) appendSize(b []byte, g gpu, count int) []byte {
	open, stock := []string{}, 0
	for _, zone := range zones() {
		if n := c.Capacity.Free(simkit.Claim{GPU: g.id, Region: zone}) / count; n > 0 {
			open, stock = append(open, zone), min(stock+n, mostStock)
		}
	}
	b = simkit.AppendString(append(b, `{"id":`...), g.id+"-"+strconv.Itoa(count))
	b = simkit.AppendString(append(b, `,"gpu":`...), g.id)
	b = simkit.AppendString(append(b, `,"name":`...), g.name)
	b = simkit.AppendInt(append(b, `,"gpus":`...), count)
	b = simkit.AppendInt(append(b, `,"gpu_memory_gb":`...), g.memoryGB)
	b = simkit.AppendFloat(append(b, `,"hourly_usd":`...), price(g, count))
	b = simkit.AppendStrings(append(b, `,"zones":`...), open)
	return append(simkit.AppendInt(append(b, `,"stock":`...), stock), '}')
}
