package runpod

import (
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

func (c *Cloud) routeCatalog(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	if len(parts) < 2 || len(parts) > 3 {
		problem(ctx, 404, "resource not found")
		return
	}
	pages := map[string]handler{"gpus": c.catalogGPUs, "cpus": c.catalogCPUs, "datacenters": c.catalogCenters, "templates": c.catalogTemplates}
	page := pages[parts[1]]
	if page == nil || parts[1] == "templates" && len(parts) == 3 {
		problem(ctx, 404, "resource not found")
		return
	}
	choose(ctx, a, parts, "GET", page, "", nil)
}

// level turns a number of free GPUs into a hint.
func level(free int) string {
	switch {
	case free <= 0:
		return "NONE"
	case free <= 4:
		return "LOW"
	case free <= 16:
		return "MEDIUM"
	}
	return "HIGH"
}

// listed splits a comma-separated query parameter.
func listed(ctx *fasthttp.RequestCtx, name string) []string {
	text := string(ctx.QueryArgs().Peek(name))
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func contains(list []string, text string) bool {
	return find(list, func(s *string) bool { return *s == text }) != nil
}

// gpuQuery is what the GPU catalogue is asked for.
type gpuQuery struct {
	stock     bool
	count     int
	cloud     string
	countries []string
	cuda      bool // whether this configuration's CUDA is to be had
}

// readGPUQuery reads the parameters, or answers what is wrong.
func readGPUQuery(ctx *fasthttp.RequestCtx) (q gpuQuery, ok bool) {
	args := ctx.QueryArgs()
	q = gpuQuery{count: 1, cloud: "SECURE", countries: listed(ctx, "countryCodes"), cuda: true}
	for _, one := range listed(ctx, "include") {
		if one != "AVAILABILITY" {
			invalid(ctx, "query.include: value must be one of 'AVAILABILITY'")
			return q, false
		}
		q.stock = true
	}
	product := listed(ctx, "product")
	if q.stock && len(product) == 0 {
		problem(ctx, 400, "product is required when include=AVAILABILITY")
		return q, false
	}
	for _, one := range product {
		if one != "POD" && one != "CLUSTER" && one != "SERVERLESS" {
			invalid(ctx, "query.product: value must be one of 'POD', 'CLUSTER', 'SERVERLESS'")
			return q, false
		}
	}
	if text := args.Peek("count"); text != nil {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 1 {
			invalid(ctx, "query.count: must be an integer of at least 1")
			return q, false
		}
		q.count = n
	}
	if text := string(args.Peek("cloud")); text != "" {
		if text != "SECURE" && text != "COMMUNITY" {
			invalid(ctx, "query.cloud: value must be one of 'SECURE', 'COMMUNITY'")
			return q, false
		}
		q.cloud = text
	}
	versions, least := listed(ctx, "cudaVersions"), string(args.Peek("minCudaVersion"))
	if len(versions) > 0 && least != "" {
		problem(ctx, 400, "cudaVersions and minCudaVersion are mutually exclusive")
		return q, false
	}
	if len(versions) > 0 {
		q.cuda = contains(versions, "12.8")
	} else if least != "" {
		q.cuda = !newerThan(least, "12.8")
	}
	return q, true
}

// stockOf tells how many of a GPU are free in a data centre, in a configuration.
func (c *Cloud) stockOf(g *gpuType, center string, q gpuQuery) int {
	most := g.maxSecure
	if q.cloud == "COMMUNITY" {
		most = g.maxCommunity
	}
	if q.count > most || !q.cuda {
		return 0
	}
	free := c.Capacity.Free(simkit.Claim{GPU: g.id, Cloud: q.cloud, Region: center})
	if free < q.count {
		return 0
	}
	return free
}

func (c *Cloud) catalogGPUs(ctx *fasthttp.RequestCtx, _ *simkit.Account, parts []string) {
	q, ok := readGPUQuery(ctx)
	if !ok {
		return
	}
	if len(parts) == 3 {
		g := find(c.gpus, func(t *gpuType) bool { return t.id == parts[2] })
		if g == nil {
			problem(ctx, 404, "GPU type not found")
			return
		}
		answer(ctx, 200, c.appendGPU(nil, g, q))
		return
	}
	b, n := []byte(`{"gpus":[`), 0
	for i := range c.gpus {
		g := &c.gpus[i]
		if !c.inCountries(g, q.countries) {
			continue
		}
		if n++; n > 1 {
			b = append(b, ',')
		}
		b = c.appendGPU(b, g, q)
	}
	answer(ctx, 200, append(b, `]}`...))
}

func (c *Cloud) inCountries(g *gpuType, countries []string) bool {
	if len(countries) == 0 {
		return true
	}
	for i := range c.centers {
		if contains(countries, c.centers[i].country) && contains(g.centers, c.centers[i].id) {
			return true
		}
	}
	return false
}

func (c *Cloud) appendGPU(b []byte, g *gpuType, q gpuQuery) []byte {
	b = simkit.AppendString(append(b, `{"id":`...), g.id)
	b = simkit.AppendString(append(b, `,"name":`...), g.name)
	b = appendOrNull(append(b, `,"pool":`...), g.pool)
	maker, _, _ := strings.Cut(g.id, " ")
	b = simkit.AppendString(append(b, `,"manufacturer":`...), maker)
	b = simkit.AppendInt(append(b, `,"memory":`...), g.memory)
	b = simkit.AppendBool(append(b, `,"secure":`...), g.secure > 0)
	b = simkit.AppendBool(append(b, `,"community":`...), g.community > 0)
	b = simkit.AppendFloat(append(b, `,"price":{"secure":`...), g.secure)
	b = simkit.AppendFloat(append(b, `,"community":`...), g.community)
	if g.serverless > 0 {
		b = simkit.AppendFloat(append(b, `,"serverless":`...), g.serverless)
	}
	b = simkit.AppendInt(append(b, `},"maxCount":{"secure":`...), g.maxSecure)
	b = simkit.AppendInt(append(b, `,"community":`...), g.maxCommunity)
	b = append(b, '}')
	if q.stock {
		best, n := 0, 0
		var rows []byte
		for i := range c.centers {
			one := &c.centers[i]
			if !contains(g.centers, one.id) || len(q.countries) > 0 && !contains(q.countries, one.country) {
				continue
			}
			free := c.stockOf(g, one.id, q)
			if free == 0 {
				continue
			}
			best = max(best, free)
			if n++; n > 1 {
				rows = append(rows, ',')
			}
			rows = appendAvailability(rows, one.id, one.name, level(free))
		}
		b = simkit.AppendString(append(b, `,"availability":`...), level(best))
		if n > 0 {
			b = append(append(append(b, `,"dataCenters":[`...), rows...), ']')
		}
		if maker == "NVIDIA" {
			b = simkit.AppendBool(append(b, `,"cudaVersions":[{"version":"12.8","available":`...), best > 0)
			b = append(b, `}]`...)
		}
	}
	return append(b, '}')
}

func appendAvailability(b []byte, id, name, level string) []byte {
	b = simkit.AppendString(append(b, `{"id":`...), id)
	b = simkit.AppendString(append(b, `,"name":`...), name)
	b = append(append(b, `,"availability":"`...), level...)
	return append(b, `"}`...)
}

// catalogTemplates answers GET /v2/catalog/templates.
func (c *Cloud) catalogTemplates(ctx *fasthttp.RequestCtx, _ *simkit.Account, _ []string) {
	var list []*template
	switch source := string(ctx.QueryArgs().Peek("source")); source {
	case "", "official":
		list = c.official
	case "verified":
	case "community":
		c.mu.RLock()
		for _, t := range c.tenants {
			for _, one := range t.templates {
				if one.public && len(list) < 100 {
					list = append(list, one)
				}
			}
		}
		c.mu.RUnlock()
	default:
		invalid(ctx, "query.source: value must be one of 'official', 'verified', 'community'")
		return
	}
	answer(ctx, 200, append(appendList(nil, "templates", list, (*template).append), '}'))
}
