package vast

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

const (
	chargesPath    = "/api/v0/charges/"
	chargesPage    = 100 // contracts of a page where the request does not say
	largestCharges = 500 // and at most
	aDay           = 24 * time.Hour
)

// tab is what one instance has cost, by day, the first day first.
type tab struct {
	id   int64
	days []tabDay
}

// tabDay is one day, UTC, with what it cost by kind.
type tabDay struct {
	begin time.Time
	of    map[string]cost
}

type cost struct{ hours, usd float64 }

// charges answers GET /api/v0/charges/: what each instance has cost on the days
// asked for, also one that is gone. Pages are counted in instances.
func (c *Cloud) charges(r *request) {
	query := r.QueryArgs()
	from, to, kinds, wrong := chargeFilters(query.Peek("select_filters"))
	if wrong != "" {
		answer(r.RequestCtx, 400, append(simkit.AppendString([]byte(`{"success":false,"msg":`), wrong), '}')) // without a code
		return
	}
	limit := chargesPage
	if text := query.Peek("limit"); len(text) > 0 {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 1 {
			problem(r.RequestCtx, 400, "invalid_request", "Error in query parameters: limit is no number above zero")
			return
		}
		limit = min(n, largestCharges)
	}
	after, ok := readToken(query.Peek("after_token"))
	if !ok {
		problem(r.RequestCtx, 400, "invalid_token", "Invalid pagination token")
		return
	}
	latest := string(query.Peek("latest_first")) != "false"
	var all []*tab
	if len(kinds) == 0 || slices.Contains(kinds, "instance") { // there is nothing else
		all = tabs(c.Meter.Stretches(r.account.Name, c.Clock.Now()), from, to)
	}
	total := len(all)
	if latest {
		slices.Reverse(all)
	}
	if after != 0 {
		all = slices.DeleteFunc(all, func(t *tab) bool { return latest && t.id >= after || !latest && t.id <= after })
	}
	next := int64(0)
	if len(all) > limit {
		all, next = all[:limit], all[limit-1].id
	}
	c.answerCharges(r, all, total, latest, next)
}

func (c *Cloud) answerCharges(r *request, page []*tab, total int, latest bool, next int64) {
	w := writer{b: []byte(`{"success":true`)}
	w.int("count", int64(len(page)))
	w.int("total", int64(total))
	if next != 0 {
		w.text("next_token", base64.StdEncoding.EncodeToString([]byte(`{"values": {"id": `+strconv.FormatInt(next, 10)+`}}`)))
	} else {
		w.null("next_token")
	}
	w.key("results")
	b := append(w.b, '[')
	for _, t := range page {
		if !c.o.DailyCharges {
			b = append(appendCharge(b, t.id, t.days), ',')
			continue
		}
		days := t.days
		if latest {
			days = slices.Clone(days)
			slices.Reverse(days)
		}
		for i := range days {
			b = append(appendCharge(b, t.id, days[i:i+1]), ',')
		}
	}
	answer(r.RequestCtx, 200, append(trimComma(b), "]}"...))
}

func trimComma(b []byte) []byte {
	if b[len(b)-1] == ',' {
		return b[:len(b)-1]
	}
	return b
}

// chargeFilters reads the range of days, which a question must have, and the
// kinds of contracts.
func chargeFilters(text []byte) (from, to time.Time, kinds []string, wrong string) {
	const missing = "Must provide both 'day' gte and lte filters for instance charges"
	if len(text) == 0 {
		return from, to, nil, missing
	}
	v, err := fastjson.ParseBytes(text)
	if err != nil {
		return from, to, nil, "Error in query parameters: select_filters is no JSON"
	}
	lower, upper := v.Get("day", "gte"), v.Get("day", "lte")
	if lower == nil || upper == nil || lower.Type() != fastjson.TypeNumber || upper.Type() != fastjson.TypeNumber {
		return from, to, nil, missing
	}
	return time.Unix(int64(lower.GetFloat64()), 0), time.Unix(int64(upper.GetFloat64()), 0), simkit.Texts(v.Get("type", "in")), ""
}

// tabs adds up what instances cost on the days that begin in a range, in order of
// their numbers.
func tabs(stretches []simkit.Stretch, from, to time.Time) []*tab {
	byID := map[int64]*tab{}
	for _, s := range stretches {
		text, _, _ := strings.Cut(s.ID, "/")
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			continue
		}
		for begin := s.From.UTC().Truncate(aDay); begin.Before(s.To); begin = begin.Add(aDay) {
			seconds := s.Between(begin, begin.Add(aDay))
			if begin.Before(from) || begin.After(to) || seconds == 0 {
				continue
			}
			if byID[id] == nil {
				byID[id] = &tab{id: id}
			}
			byID[id].add(begin, s.Kind, float64(seconds)/3600, s.Rate)
		}
	}
	all := make([]*tab, 0, len(byID))
	for _, t := range byID {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *tab) int { return cmp.Compare(a.id, b.id) })
	return all
}

func (t *tab) add(begin time.Time, kind string, hours, rate float64) {
	at, found := slices.BinarySearchFunc(t.days, begin, func(d tabDay, begin time.Time) int { return d.begin.Compare(begin) })
	if !found {
		t.days = slices.Insert(t.days, at, tabDay{begin, map[string]cost{}})
	}
	sum := t.days[at].of[kind]
	t.days[at].of[kind] = cost{sum.hours + hours, sum.usd + hours*rate}
}

// appendCharge writes one row: an instance on some of its days. Its times are the
// beginnings of the first and the last of them.
func appendCharge(b []byte, id int64, days []tabDay) []byte {
	type item struct {
		tabDay
		kind string
		end  time.Time
		cost
	}
	var items []item
	total := 0.0
	for _, kind := range []string{"gpu", "disk", "bwd", "bwu"} {
		one := item{kind: kind}
		for _, day := range days {
			sum, found := day.of[kind]
			if !found {
				continue
			}
			if one.begin.IsZero() {
				one.begin = day.begin
			}
			one.end, one.hours, one.usd = day.begin, one.hours+sum.hours, one.usd+sum.usd
		}
		if !one.end.IsZero() {
			items = append(items, one)
			total += one.usd
		}
	}
	first, last := days[0].begin, days[len(days)-1].begin
	count := 1 + int(last.Sub(first)/aDay)
	plural := "s"
	if count == 1 {
		plural = ""
	}
	number := strconv.FormatInt(id, 10)
	w := writer{b: append(b, '{')}
	w.int("start", first.Unix())
	w.int("end", last.Unix())
	w.text("type", "instance")
	w.text("source", "instance-"+number)
	w.text("description", fmt.Sprintf("Instance %s Charges - %d day%s", number, count, plural))
	w.float("amount", thousandths(total))
	w.raw("metadata", "{}")
	w.key("items")
	list := append(w.b, '[')
	for _, one := range items {
		w := writer{b: append(list, '{')}
		w.int("start", one.begin.Unix())
		w.int("end", one.end.Unix())
		w.text("type", one.kind)
		w.null("source")
		w.text("description", one.describe(one.kind))
		w.float("amount", thousandths(one.usd))
		w.raw("metadata", "{}")
		w.raw("items", "[]")
		list = append(w.b, "},"...)
	}
	return append(trimComma(list), "]}"...)
}

// describe says what was measured.
func (c cost) describe(kind string) string {
	switch kind {
	case "bwd":
		return fmt.Sprintf("%.1f GB Downloaded at $%.3f/GB", c.usd/trafficUSD, trafficUSD)
	case "bwu":
		return fmt.Sprintf("%.1f GB Uploaded at $%.3f/GB", c.usd/trafficUSD, trafficUSD)
	}
	return fmt.Sprintf("%.3f hours at $%.3f/hour", c.hours, c.usd/c.hours)
}

// thousandths rounds as Vast does.
func thousandths(usd float64) float64 { return math.Round(usd*1000) / 1000 }
