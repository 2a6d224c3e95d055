package vast

import (
	"slices"
	"sort"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// search answers POST /api/v0/bundles/.
func (c *Cloud) search(r *request) {
	if r.body == nil {
		problem(r.RequestCtx, 400, "invalid_request", "Invalid json body")
		return
	}
	storage := 8.0
	if r.body.Exists("allocated_storage") {
		storage = r.body.GetFloat64("allocated_storage")
	}
	bid := false
	switch text := simkit.Text(r.body, "type"); text {
	case "", "ondemand", "on-demand", "reserved":
	case "bid", "interruptible":
		bid = true
	default:
		problem(r.RequestCtx, 400, "invalid_request", "Error in query parameters: "+text+" is not a valid type")
		return
	}
	filters, wrong := filtersOf(r.body)
	if wrong != "" {
		problem(r.RequestCtx, 400, "invalid_request", "Error in query parameters: "+wrong+" is not a valid search key")
		return
	}
	found := []*host{}
	for _, h := range c.hosts {
		if c.shown(h, filters, storage, bid) {
			found = append(found, h)
		}
	}
	sortHosts(found, r.body.GetArray("order"), storage, bid)
	limit := 64
	if r.body.Exists("limit") {
		limit = r.body.GetInt("limit")
	}
	b := []byte(`{"offers":[`)
	for i, h := range found[:min(max(limit, 0), len(found))] {
		if i > 0 {
			b = append(b, ',')
		}
		b = h.append(b, storage, bid)
	}
	answer(r.RequestCtx, 200, append(b, "]}"...))
}

// filter is {"field":{"operator":value,…}}.
type filter struct {
	field string
	test  *fastjson.Object
}

// filtersOf reads the filters, with the server's defaults for those that are not
// there.
func filtersOf(body *fastjson.Value) (list []filter, wrong string) {
	defaults := fastjson.MustParse(`{"verified":{"eq":true},"rentable":{"eq":true},"rented":{"eq":false}}`)
	for _, v := range []*fastjson.Value{defaults, body} {
		v.GetObject().Visit(func(key []byte, value *fastjson.Value) {
			name := string(key)
			switch name {
			case "limit", "order", "type", "allocated_storage":
				return
			}
			if v == defaults && body.Exists(name) {
				return
			}
			known := (&host{kind: &kind{}}).field(name, 0, false)
			if known == nil || value.Type() != fastjson.TypeObject {
				wrong = name
				return
			}
			value.GetObject().Visit(func(operator []byte, wanted *fastjson.Value) {
				if !operates(known, string(operator), wanted) {
					wrong = name + "." + string(operator)
				}
			})
			list = append(list, filter{name, value.GetObject()})
		})
	}
	return list, wrong
}

func (c *Cloud) shown(h *host, filters []filter, storage float64, bid bool) bool {
	if !c.free(h) {
		return false
	}
	for _, f := range filters {
		value, ok := h.field(f.field, storage, bid), true
		f.test.Visit(func(operator []byte, wanted *fastjson.Value) { ok = ok && holds(value, string(operator), wanted) })
		if !ok {
			return false
		}
	}
	return true
}

// field returns a searchable field: a float64, a string or a bool; nil where
// there is none of that name.
func (h *host) field(name string, storage float64, bid bool) any {
	switch name {
	case "id":
		return float64(h.ask)
	case "machine_id":
		return float64(h.id)
	case "host_id":
		return float64(h.owner)
	case "gpu_name":
		return h.kind.name
	case "gpu_arch":
		if h.kind.amd {
			return "amd"
		}
		return "nvidia"
	case "gpu_ram":
		return float64(h.kind.memoryMB)
	case "gpu_total_ram":
		return float64(h.kind.memoryMB * h.count)
	case "num_gpus":
		return float64(h.count)
	case "dph_total":
		return h.total(storage, bid)
	case "min_bid":
		return h.minBid
	case "reliability", "reliability2":
		return h.reliability
	case "geolocation":
		return h.place.country
	case "datacenter":
		return h.secure
	case "verified":
		return h.verified
	case "rentable":
		return true
	case "rented", "external", "vms_enabled":
		return false
	case "direct_port_count":
		return float64(h.ports)
	case "disk_space":
		return h.disk
	case "cpu_ram":
		return float64(h.ramMB)
	case "cpu_cores_effective":
		return float64(h.cores)
	case "cuda_max_good":
		return 12.8
	case "duration":
		return 2_592_000.0
	case "static_ip":
		return true
	}
	return nil
}

// operates tells whether there is such an operator, and whether a field of known's
// type takes such an operand.
func operates(known any, operator string, wanted *fastjson.Value) bool {
	fits := func(w *fastjson.Value) bool {
		switch known.(type) {
		case bool:
			return w.Type() == fastjson.TypeTrue || w.Type() == fastjson.TypeFalse
		case string:
			return w.Type() == fastjson.TypeString
		}
		return w.Type() == fastjson.TypeNumber
	}
	switch operator {
	case "eq", "neq", "gt", "gte", "lt", "lte":
		return fits(wanted)
	case "in", "notin":
		return wanted.Type() == fastjson.TypeArray && !slices.ContainsFunc(wanted.GetArray(), func(w *fastjson.Value) bool { return !fits(w) })
	}
	return false
}

// holds applies one operator.
func holds(value any, operator string, wanted *fastjson.Value) bool {
	one := func(w *fastjson.Value) (equal, less bool) {
		switch v := value.(type) {
		case float64:
			return v == w.GetFloat64(), v < w.GetFloat64()
		case string:
			text := string(w.GetStringBytes())
			return v == text, v < text
		case bool:
			return v == w.GetBool(), false
		}
		return false, false
	}
	among := func() bool {
		for _, w := range wanted.GetArray() {
			if equal, _ := one(w); equal {
				return true
			}
		}
		return false
	}
	equal, less := one(wanted)
	switch operator {
	case "eq":
		return equal
	case "neq":
		return !equal
	case "gt":
		return !equal && !less
	case "gte":
		return !less
	case "lt":
		return less
	case "lte":
		return equal || less
	case "in":
		return among()
	case "notin":
		return !among()
	}
	return false
}

// sortHosts applies order, pairs of a field and a direction. Other entries, such
// as the objects of v1, count for nothing.
func sortHosts(list []*host, order []*fastjson.Value, storage float64, bid bool) {
	sort.SliceStable(list, func(i, j int) bool {
		for _, entry := range order {
			pair := simkit.Texts(entry)
			if len(pair) != 2 {
				continue
			}
			a, aok := list[i].field(pair[0], storage, bid).(float64)
			b, bok := list[j].field(pair[0], storage, bid).(float64)
			if !aok || !bok || a == b {
				continue
			}
			return (a < b) != (pair[1] == "desc")
		}
		return false
	})
}

// total is the price of the whole machine with its disk.
func (h *host) total(storage float64, bid bool) float64 {
	if bid {
		return round(h.minBid + h.diskRate(storage))
	}
	return round(h.base + h.diskRate(storage))
}

// append appends an offer's JSON.
func (h *host) append(b []byte, storage float64, bid bool) []byte {
	base, total := h.base, h.total(storage, bid)
	if bid {
		base = h.minBid
	}
	b = append(b, '{')
	w := writer{b: b}
	w.int("id", h.ask)
	w.int("ask_contract_id", h.ask)
	w.int("bundle_id", h.id*1000+7)
	w.int("machine_id", h.id)
	w.int("host_id", h.owner)
	h.hardware(&w)
	w.float("disk_space", h.disk)
	w.float("dph_base", base)
	w.float("dph_total", total)
	w.float("discounted_dph_total", total)
	w.float("min_bid", h.minBid)
	w.bool("is_bid", bid)
	w.bool("rentable", true)
	w.bool("rented", false)
	w.float("duration", 1234567.8)
	w.float("end_date", 2034617753)
	w.null("webpage")
	w.costs("search", base, h.diskRate(storage))
	return append(w.b, '}')
}

// hardware appends what offers and instances have in common.
func (h *host) hardware(w *writer) {
	w.text("gpu_name", h.kind.name)
	w.text("gpu_arch", h.field("gpu_arch", 0, false).(string))
	w.int("num_gpus", int64(h.count))
	w.int("gpu_ram", int64(h.kind.memoryMB))
	w.float("gpu_frac", 1)
	w.int("cpu_cores", int64(h.cores))
	w.float("cpu_cores_effective", float64(h.cores))
	w.int("cpu_ram", int64(h.ramMB))
	w.text("cpu_arch", "amd64")
	w.float("storage_cost", h.storage)
	w.float("inet_up", 900.1)
	w.float("inet_down", 905.3)
	w.float("inet_up_cost", trafficUSD)
	w.float("inet_down_cost", trafficUSD)
	w.float("reliability", h.reliability)
	w.float("reliability2", h.reliability)
	verification := "unverified"
	if h.verified {
		verification = "verified"
	}
	w.text("verification", verification)
	w.text("geolocation", h.place.text)
	w.bool("static_ip", true)
	w.int("direct_port_count", int64(h.ports))
	w.int("hosting_type", map[bool]int64{true: 1}[h.secure])
	w.float("cuda_max_good", 12.8)
	w.text("driver_version", "570.86.15")
	w.bool("external", false)
}
