package vast

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	defaultDiskGB = 20   // disk of a machine; Vast has no default worth having
	minDiskGB     = 8    // Vast's smallest
	maxLimit      = 1000 // offers of a search
	halfMicro     = 5e-7 // USD; what rounding may take off a price
	monthHours    = 720  // storage is priced by the month
)

// want is what a search asks for.
type want struct {
	id          string // this offer and none other
	cards       []card // none: all
	count       int
	memoryGB    float64
	tier        spec.CloudType
	spot        bool
	countries   []string
	ceiling     float64 // of an offer's price
	reliability float64
	diskGB      int
	ports       int
	limit       int
}

// row is a line of the market: a machine that can be rented.
type row struct {
	spec.Offer
	name     string
	memoryMB float64
	diskRate float64 // of the disk that was asked for, USD per hour
}

// market searches the offers, cheapest first. A row that is no offer is left out, as
// long as it is not all there is: of a market, unlike of rented machines, what cannot
// be read is not missed, and one odd row must not keep everybody from renting.
func market(env sdk.Env, w *want) ([]row, *spec.Error) {
	response, err := ask(env, sdk.Request{Method: "POST", URL: api(env, "/api/v0/bundles/"), Body: w.body(), Aside: true})
	if err != nil {
		return nil, err
	}
	rows := []row{}
	listed, read, odd := false, 0, 0
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() != "offers" {
			r.Skip()
			continue
		}
		listed = r.Kind() == jsonx.Array
		for more := r.Array(); more; more = r.NextElement() {
			if r.Kind() == jsonx.Null {
				r.Skip()
				continue
			}
			line, ok := toRow(r.Raw(), w)
			if !ok {
				odd++
				continue
			}
			read++
			if w.fits(&line) {
				rows = append(rows, line)
			}
		}
	}
	if !r.Done() || !listed || odd > 0 && read == 0 {
		return nil, rest.Unreadable(&response, "list of offers")
	}
	return rows, nil
}

// fits checks what one query cannot say of several cards at once.
func (w *want) fits(r *row) bool {
	if len(w.cards) == 0 {
		return true
	}
	for _, c := range w.cards {
		if c.fits(r.name, r.memoryMB) {
			return true
		}
	}
	return false
}

// body writes the query. It states the server's defaults, since those that are
// documented and those that apply have differed. order has two entries because
// the vendor's contract wants just so many.
func (w *want) body() []byte {
	q := query{jsonx.Writer{Buf: make([]byte, 0, 640)}}
	q.Open('{')
	q.flag("verified", true)
	q.flag("rentable", true)
	q.flag("rented", false)
	if w.id != "" {
		q.Key("id")
		q.Raw([]byte(`{"eq":` + w.id + `}`))
	} else {
		q.filters(w)
	}
	if w.spot {
		q.TextField("type", "bid")
	} else {
		q.TextField("type", "ondemand")
	}
	q.Key("allocated_storage")
	q.Int(int64(w.diskGB))
	q.Key("order")
	if w.spot {
		q.Raw([]byte(`[["min_bid","asc"],["id","asc"]]`))
	} else {
		q.Raw([]byte(`[["dph_total","asc"],["id","asc"]]`))
	}
	limit := w.limit
	if limit <= 0 {
		limit = maxLimit // one search serves many spawns at once, each of which takes another offer
	}
	q.Key("limit")
	q.Int(int64(min(limit, maxLimit)))
	q.Close('}')
	return q.Buf
}

// query writes filters: {"field":{"operator":value}}.
type query struct{ jsonx.Writer }

func (q *query) flag(field string, value bool) {
	q.Key(field)
	q.Open('{')
	q.Key("eq")
	q.Bool(value)
	q.Close('}')
}

func (q *query) number(field, operator string, value float64) {
	if value <= 0 {
		return
	}
	q.Key(field)
	q.Open('{')
	q.Key(operator)
	q.Float(value)
	q.Close('}')
}

func (q *query) filters(w *want) {
	q.flag("external", false)
	var names []string
	least, most := 0.0, 0.0
	for i, c := range w.cards {
		names = append(names, c.name)
		if size := leastMB(float64(c.gb)); i == 0 || size < least {
			least = size
		}
		most = max(most, mostMB(float64(c.gb)))
		if c.gb == 0 {
			least, most = 0, 0
			names = appendNames(names, w.cards[i+1:])
			break
		}
	}
	if len(names) > 0 {
		q.Key("gpu_name")
		q.Open('{')
		q.Key("in")
		q.Texts(names)
		q.Close('}')
	}
	least = max(least, leastMB(w.memoryGB))
	if least > 0 {
		q.Key("gpu_ram")
		q.Open('{')
		q.Key("gte")
		q.Int(int64(least))
		if most > 0 {
			q.Key("lte")
			q.Int(int64(most + 1))
		}
		q.Close('}')
	}
	q.number("num_gpus", "eq", float64(max(w.count, 1)))
	q.number("direct_port_count", "gte", float64(max(w.ports, 1)))
	q.number("disk_space", "gte", float64(w.diskGB))
	q.number("reliability", "gte", w.reliability)
	switch {
	case w.ceiling <= 0:
	case w.spot:
		q.number("min_bid", "lte", w.ceiling)
	default:
		q.number("dph_total", "lte", w.ceiling+halfMicro) // Vast compares its sums as they are; who reads the answer rounds
	}
	if w.tier == spec.CloudSecure || w.tier == spec.CloudCommunity {
		q.flag("datacenter", w.tier == spec.CloudSecure)
	}
	if len(w.countries) > 0 {
		q.Key("geolocation")
		q.Open('{')
		q.Key("in")
		q.Texts(w.countries)
		q.Close('}')
	}
}

func appendNames(names []string, cards []card) []string {
	for _, c := range cards {
		names = append(names, c.name)
	}
	return names
}

// countries are the hints that are countries. It is an error if there are hints
// and none is.
func countries(hints []string) ([]string, *spec.Error) {
	var list []string
	for _, hint := range hints {
		if code := strings.ToUpper(strings.TrimSpace(hint)); isCountry(code) {
			list = append(list, code)
		}
	}
	if len(hints) > 0 && len(list) == 0 {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "none of region_hints is a region of Vast.ai",
			Hint: "Vast.ai's regions are countries, by their ISO 3166 codes such as US or DE"}
	}
	return list, nil
}

func isCountry(code string) bool {
	return len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z'
}
