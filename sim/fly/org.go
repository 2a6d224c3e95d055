package fly

import (
	"encoding/base64"
	"sort"
	"strconv"

	"github.com/exatlas/atlas/sim/simkit"
)

// currentToken answers GET /v1/tokens/current.
func (c *Cloud) currentToken(r *request) {
	b := []byte(`{"tokens":[{"token_id":"`)
	b = append(append(b, r.account.Name...), `","org_slug":`...)
	b = simkit.AppendString(b, slug(r.account))
	b = append(b, `,"organization":`...)
	b = simkit.AppendString(b, r.account.Name)
	b = append(b, `,"apps":[`...)
	if r.token != nil {
		b = simkit.AppendString(b, r.token.App)
	}
	answer(r.RequestCtx, 200, append(b, `],"user":"","restricted_to_machine":"","source_machine_id":""}]}`...))
}

// region is one of Fly's regions.
type region struct {
	code, name, geo string
}

// regions are those of 2026 that tests need; the first is the nearest.
func regions() []region {
	return []region{{"ord", "Chicago, Illinois (US)", "north_america"}, {"iad", "Ashburn, Virginia (US)", "north_america"}, {"sjc", "San Jose, California (US)", "north_america"},
		{"ams", "Amsterdam, Netherlands", "europe"}, {"fra", "Frankfurt, Germany", "europe"}, {"lhr", "London, United Kingdom", "europe"},
		{"gru", "Sao Paulo, Brazil", "south_america"}, {"nrt", "Tokyo, Japan", "asia_pacific"}, {"syd", "Sydney, Australia", "asia_pacific"}}
}

func knownRegion(code string) bool {
	for _, r := range regions() {
		if r.code == code {
			return true
		}
	}
	return false
}

// listRegions answers GET /v1/platform/regions.
func (c *Cloud) listRegions(r *request) {
	list := regions()
	b := append([]byte(`{"nearest":"`), list[0].code...)
	b = append(b, `","regions":[`...)
	for i, one := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"code":"`...), one.code...)
		b = append(append(b, `","name":"`...), one.name...)
		b = append(append(b, `","geo_region":"`...), one.geo...)
		b = append(b, `","deprecated":false,"gateway_available":true,"requires_paid_plan":false,"latitude":0,"longitude":0}`...)
	}
	answer(r.RequestCtx, 200, append(b, "]}"...))
}

// listOrg answers GET /v1/orgs/{org}/machines: a view that lags behind, in pages
// that may be short or empty, of machines without their services and mounts.
func (c *Cloud) listOrg(r *request) {
	if r.token != nil || !isOrg(r.account, r.parts[1]) {
		problem(r.RequestCtx, 403, "unauthorized")
		return
	}
	after, page, valid := readCursor(string(r.QueryArgs().Peek("cursor")))
	if !valid {
		problem(r.RequestCtx, 400, "invalid cursor")
		return
	}
	now := c.Clock.Now()
	var list []*machine
	for _, m := range c.machines {
		if m.app.account == r.account && m.seq > after && c.Listed(m.createdAt, now) && c.shown(r, m, now) && !c.dark(m.region) {
			list = append(list, m)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].seq < list[j].seq })
	limit := c.o.OrgPage
	if n := r.QueryArgs().GetUintOrZero("limit"); n > 0 {
		limit = min(limit, n)
	}
	if c.o.EmptyPages && page%2 == 0 {
		limit = 0
	}
	more := len(list) > limit
	b := []byte(`{"machines":[`)
	for i, m := range list[:min(limit, len(list))] {
		if i > 0 {
			b = append(b, ',')
		}
		b = m.appendOverview(b, now)
		after = m.seq
	}
	b = append(b, ']')
	if more {
		cursor := strconv.FormatInt(after, 10) + ":" + strconv.Itoa(page+1)
		b = append(append(b, `,"next_cursor":"`...), base64.RawURLEncoding.EncodeToString([]byte(cursor))...)
		b = append(b, '"')
	}
	if len(c.o.ErrorRegions) > 0 {
		b = simkit.AppendStrings(append(b, `,"error_regions":`...), c.o.ErrorRegions)
	}
	answer(r.RequestCtx, 200, append(b, '}'))
}

func (c *Cloud) dark(region string) bool {
	for _, one := range c.o.ErrorRegions {
		if one == region {
			return true
		}
	}
	return false
}

func readCursor(text string) (after int64, page int, valid bool) {
	if text == "" {
		return 0, 0, true
	}
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, 0, false
	}
	for i := range plain {
		if plain[i] == ':' {
			seq, err := strconv.ParseInt(string(plain[:i]), 10, 64)
			n, perr := strconv.Atoi(string(plain[i+1:]))
			return seq, n, err == nil && perr == nil
		}
	}
	return 0, 0, false
}
