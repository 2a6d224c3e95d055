package lambda

import (
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// rule is one firewall rule.
type rule struct {
	protocol, source, description string
	low, high                     int // 0: no range
}

// defaultRules are the account's own: SSH and ping.
func defaultRules() []rule {
	return []rule{{protocol: "tcp", source: "0.0.0.0/0", description: "SSH", low: 22, high: 22}, {protocol: "icmp", source: "0.0.0.0/0", description: "ping"}}
}

func readRules(v *fastjson.Value, key string) []rule {
	var all []rule
	for _, one := range v.GetArray(key) {
		all = append(all, rule{simkit.Text(one, "protocol"), simkit.Text(one, "source_network"), simkit.Text(one, "description"),
			one.GetInt("port_range", "0"), one.GetInt("port_range", "1")})
	}
	return all
}

func ruleDocuments(all []rule) []any {
	list := []any{}
	for _, r := range all {
		one := map[string]any{"protocol": r.protocol, "source_network": r.source, "description": r.description}
		if r.low > 0 {
			one["port_range"] = []int{r.low, r.high}
		}
		list = append(list, one)
	}
	return list
}

// opens tells whether rules let a TCP port through.
func opens(all []rule, port int) bool {
	return slices.ContainsFunc(all, func(r rule) bool {
		return (r.protocol == "tcp" || r.protocol == "all") && r.low <= port && port <= r.high
	})
}

// ruleset is a set of rules of one region.
type ruleset struct {
	id, name, region string
	rules            []rule
	created          time.Time
}

func (r *ruleset) document(t *tenant) map[string]any {
	users := []string{}
	for _, m := range t.machines {
		if slices.Contains(m.rulesets, r.id) {
			users = append(users, m.id)
		}
	}
	return map[string]any{"id": r.id, "name": r.name, "region": regionDocument(r.region), "rules": ruleDocuments(r.rules), "created": stamp(r.created), "instance_ids": users}
}

func (c *Cloud) listRules(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	answerJSON(ctx, ruleDocuments(c.tenant(a).global))
}

// putRules replaces all rules of the account, whoever made them.
func (c *Cloud) putRules(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	v, parser := c.body(ctx, c.shapes.rules)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	t := c.tenant(a)
	t.global = readRules(v, "data")
	answerJSON(ctx, ruleDocuments(t.global))
}

func (c *Cloud) listRulesets(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	t, all := c.tenant(a), []any{}
	for _, r := range t.rulesets {
		all = append(all, r.document(t))
	}
	answerJSON(ctx, all)
}

// addRuleset makes a ruleset. Nothing says that their names are unique.
func (c *Cloud) addRuleset(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	v, parser := c.body(ctx, c.shapes.ruleset)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	t := c.tenant(a)
	r := &ruleset{id: c.IDs.New(32, hex), name: simkit.Text(v, "name"), region: simkit.Text(v, "region"), rules: readRules(v, "rules"), created: c.Clock.Now()}
	if r.region == "us-south-1" || !slices.Contains(c.regions(), r.region) {
		invalid(ctx, "Firewall rulesets are not supported in this region.")
		return
	}
	t.rulesets = append(t.rulesets, r)
	answerJSON(ctx, r.document(t))
}

// findRuleset returns an account's ruleset, or answers that there is none.
func (c *Cloud) findRuleset(ctx *fasthttp.RequestCtx, t *tenant, id string) *ruleset {
	if i := slices.IndexFunc(t.rulesets, func(r *ruleset) bool { return r.id == id }); i >= 0 {
		return t.rulesets[i]
	}
	notFound(ctx, "Firewall ruleset was not found.")
	return nil
}

func (c *Cloud) getRuleset(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	t := c.tenant(a)
	if r := c.findRuleset(ctx, t, id); r != nil {
		answerJSON(ctx, r.document(t))
	}
}

func (c *Cloud) patchRuleset(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	t := c.tenant(a)
	r := c.findRuleset(ctx, t, id)
	if r == nil {
		return
	}
	v, parser := c.body(ctx, c.shapes.patchRuleset)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	if v.Exists("name") {
		r.name = simkit.Text(v, "name")
	}
	if v.Exists("rules") {
		r.rules = readRules(v, "rules")
	}
	answerJSON(ctx, r.document(t))
}

func (c *Cloud) deleteRuleset(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	t := c.tenant(a)
	r := c.findRuleset(ctx, t, id)
	switch {
	case r == nil:
	case slices.ContainsFunc(t.machines, func(m *machine) bool { return slices.Contains(m.rulesets, id) }):
		refuse(ctx, 400, "firewall-rulesets/firewall-ruleset-in-use", "The firewall ruleset is in use.", "Terminate the instances that use it first.")
	default:
		t.rulesets = slices.DeleteFunc(t.rulesets, func(one *ruleset) bool { return one == r })
		answerJSON(ctx, map[string]any{})
	}
}

func (c *Cloud) getGlobal(ctx *fasthttp.RequestCtx, a *simkit.Account, _ string) {
	answerJSON(ctx, map[string]any{"id": "global", "name": "Global Firewall Rules", "rules": ruleDocuments(c.tenant(a).global)})
}

func (c *Cloud) patchGlobal(ctx *fasthttp.RequestCtx, a *simkit.Account, id string) {
	v, parser := c.body(ctx, c.shapes.patchGlobal)
	if v == nil {
		return
	}
	defer c.parsers.Put(parser)
	c.tenant(a).global = readRules(v, "rules")
	c.getGlobal(ctx, a, id)
}

// open tells whether the world reaches a port of a machine: through its rulesets
// or the account's rules, which count in every region but us-south-1.
func (m *machine) open(port string) bool {
	number, err := strconv.Atoi(port)
	if err != nil {
		return false
	}
	if m.region != "us-south-1" && opens(m.tenant.global, number) {
		return true
	}
	return slices.ContainsFunc(m.tenant.rulesets, func(r *ruleset) bool { return slices.Contains(m.rulesets, r.id) && opens(r.rules, number) })
}
