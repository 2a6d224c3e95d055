package vast

import (
	"encoding/base64"
	"strconv"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// largestPage is how many instances a page of the listing has at most.
const largestPage = 25

// list answers GET /api/v1/instances/, a page at a time.
func (c *Cloud) list(r *request) {
	query := r.QueryArgs()
	limit := largestPage
	if text := query.Peek("limit"); len(text) > 0 {
		n, err := strconv.Atoi(string(text))
		if err != nil {
			problem(r.RequestCtx, 400, "invalid_request", "Error in query parameters: limit is not a number")
			return
		}
		if limit = min(n, largestPage); n <= 0 {
			limit = 5
		}
	}
	after, ok := readToken(query.Peek("after_token"))
	if !ok {
		problem(r.RequestCtx, 400, "invalid_token", "Invalid after_token")
		return
	}
	descending, wrong := orderOf(query.Peek("order_by"))
	filters, also := instanceFilters(query.Peek("select_filters"))
	if wrong+also != "" {
		problem(r.RequestCtx, 400, "invalid_request", "Error in query parameters: "+wrong+also+" is not a valid search key")
		return
	}
	found, total := c.chosen(r, filters)
	if descending {
		for a, z := 0, len(found)-1; a < z; a, z = a+1, z-1 {
			found[a], found[z] = found[z], found[a]
		}
	}
	page := found[:0:0]
	more := false
	for _, i := range found {
		if after != 0 && (!descending && i.id <= after || descending && i.id >= after) {
			continue
		}
		if len(page) == limit {
			more = true
			break
		}
		page = append(page, i)
	}
	c.answerPage(r, page, len(found), total, more, columns(query.Peek("select_cols")))
}

// chosen returns the account's instances that pass the filters, and how many it
// has.
func (c *Cloud) chosen(r *request, filters []filter) (found []*instance, total int) {
	now := c.Clock.Now()
	for _, i := range c.order {
		if i.account != r.account || !c.Listed(i.created, now) {
			continue
		}
		total++
		ok := true
		for _, f := range filters {
			actual, _, _ := i.states(now)
			value := i.column(f.field, actual)
			f.test.Visit(func(operator []byte, wanted *fastjson.Value) { ok = ok && holds(value, string(operator), wanted) })
		}
		if ok {
			found = append(found, i)
		}
	}
	return found, total
}

// column returns a column that can be filtered by; nil where there is none.
// Computed ones cannot.
func (i *instance) column(name, actual string) any {
	switch name {
	case "id":
		return float64(i.id)
	case "label":
		return i.label
	case "actual_status":
		return actual
	case "gpu_name":
		return i.host.kind.name
	case "verification":
		if i.host.verified {
			return "verified"
		}
		return "unverified"
	}
	return nil
}

func (c *Cloud) answerPage(r *request, page []*instance, found, total int, more bool, wanted []string) {
	now := c.Clock.Now()
	w := writer{b: []byte(`{"success":true`)}
	w.int("instances_found", int64(found))
	w.int("total_instances", int64(total))
	w.raw("label_counts", "{}")
	if more {
		w.text("next_token", base64.StdEncoding.EncodeToString([]byte(`{"values":{"id":`+strconv.FormatInt(page[len(page)-1].id, 10)+`}}`)))
	} else {
		w.null("next_token")
	}
	w.key("instances")
	w.b = append(w.b, '[')
	for n, i := range page {
		if n > 0 {
			w.b = append(w.b, ',')
		}
		if wanted == nil {
			w.b = i.append(w.b, now)
			continue
		}
		whole := fastjson.MustParseBytes(i.append(nil, now))
		one := writer{b: append(w.b, '{')}
		for _, name := range wanted {
			if v := whole.Get(name); v != nil {
				one.raw(name, v.String())
			} else {
				one.null(name) // an unknown column is no error
			}
		}
		w.b = append(one.b, '}')
	}
	answer(r.RequestCtx, 200, append(w.b, "]}"...))
}

// columns reads select_cols; nil means all.
func columns(text []byte) []string {
	v, err := fastjson.ParseBytes(text)
	if err != nil {
		return nil
	}
	list := simkit.Texts(v)
	for _, name := range list {
		if name == "*" {
			return nil
		}
	}
	return list
}

func readToken(text []byte) (after int64, ok bool) {
	if len(text) == 0 {
		return 0, true
	}
	plain, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return 0, false
	}
	v, err := fastjson.ParseBytes(plain)
	if err != nil {
		return 0, false
	}
	after = v.GetInt64("values", "id")
	return after, after > 0
}

// orderOf reads order_by; of the columns only id is simulated.
func orderOf(text []byte) (descending bool, wrong string) {
	if len(text) == 0 {
		return false, ""
	}
	v, err := fastjson.ParseBytes(text)
	if err != nil || v.Type() != fastjson.TypeArray {
		return false, "order_by"
	}
	for _, entry := range v.GetArray() {
		if col := simkit.Text(entry, "col"); col != "id" {
			return false, col
		}
		descending = simkit.Text(entry, "dir") == "desc"
	}
	return descending, ""
}

// instanceFilters reads select_filters.
func instanceFilters(text []byte) (list []filter, wrong string) {
	if len(text) == 0 {
		return nil, ""
	}
	v, err := fastjson.ParseBytes(text)
	if err != nil || v.Type() != fastjson.TypeObject {
		return nil, "select_filters"
	}
	probe := &instance{host: &host{kind: &kind{}}}
	v.GetObject().Visit(func(key []byte, test *fastjson.Value) {
		if probe.column(string(key), "") == nil || test.Type() != fastjson.TypeObject {
			wrong = string(key)
			return
		}
		list = append(list, filter{string(key), test.GetObject()})
	})
	return list, wrong
}
