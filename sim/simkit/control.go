package simkit

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"
)

// State is the answer of GET /_sim/state.
type State struct {
	Now         time.Time        `json:"now"`
	ClockFactor float64          `json:"clock_factor"`
	Machines    []Machine        `json:"machines"`
	Bill        Bill             `json:"bill"`
	Requests    int64            `json:"requests"`
	ByRoute     map[string]int64 `json:"requests_by_route"` // "POST /v2/pods": method and the first two parts of the path
	Faults      []Fault          `json:"faults"`
	Capacity    []Limit          `json:"capacity"`
	Panics      int64            `json:"panics"`
}

// State collects everything the control plane tells.
func (s *Server) State() State {
	return State{Now: s.Clock.Now(), ClockFactor: s.Clock.Factor(), Machines: s.cloud.Machines(), Bill: s.Bill(), Requests: s.requests.Load(),
		ByRoute: s.counts.list(), Faults: s.Faults.List(), Capacity: s.Capacity.Limits(), Panics: s.panics.Load()}
}

// control answers /_sim/…: the way for tests in any language to look at a
// simulator and to change it. It needs no key and no fault touches it.
func (s *Server) control(ctx *fasthttp.RequestCtx, path string) {
	what := strings.Trim(strings.TrimPrefix(path, "/_sim"), "/")
	if ctx.IsGet() {
		switch what {
		case "", "state":
			reply(ctx, s.State())
		case "bill":
			reply(ctx, s.Meter.Bill(string(ctx.QueryArgs().Peek("account")), s.Clock.Now()))
		case "machines":
			reply(ctx, map[string]any{"machines": s.cloud.Machines()})
		case "faults":
			reply(ctx, map[string]any{"faults": s.Faults.List()})
		case "capacity":
			reply(ctx, map[string]any{"capacity": s.Capacity.Limits()})
		default:
			refuse(ctx, 404, "no such view: "+what)
		}
		return
	}
	id := ""
	if cut := strings.IndexByte(what, '/'); cut >= 0 {
		what, id = what[:cut], what[cut+1:]
	}
	switch {
	case ctx.IsDelete() && what == "faults":
		n, err := strconv.Atoi(id)
		if id != "" && (err != nil || n < 1) {
			refuse(ctx, 400, "no such fault: "+id)
			return
		}
		s.Faults.Clear(n)
		reply(ctx, map[string]any{"faults": s.Faults.List()})
	case !ctx.IsPost():
		refuse(ctx, 405, "the control plane takes GET, POST, and DELETE of faults")
	default:
		s.change(ctx, what, id)
	}
}

// maxAdvanceMS is a hundred years; far more would not fit into a time.Duration.
const maxAdvanceMS = 3_155_760_000_000

// maxFactor bounds the clock for the same reason: hours of a run are a century.
const maxFactor = 1_000_000

// change carries out a POST.
func (s *Server) change(ctx *fasthttp.RequestCtx, what, id string) {
	var err error
	switch what {
	case "faults":
		var f Fault
		if err = decode(ctx, &f); err == nil {
			if f.ID, err = s.Faults.Add(f); err == nil {
				reply(ctx, f)
				return
			}
		}
	case "clock":
		var c struct {
			AdvanceMS int64     `json:"advance_ms"`
			Set       time.Time `json:"set"`
			Factor    *float64  `json:"factor"`
		}
		if err = decode(ctx, &c); err == nil {
			if c.AdvanceMS < 0 || c.AdvanceMS > maxAdvanceMS || c.Factor != nil && (*c.Factor < 0 || *c.Factor > maxFactor) {
				refuse(ctx, 400, "time runs forward, 100 years at most: advance_ms is 0 to 3155760000000, and factor 0 to 1000000")
				return
			}
			if c.Factor != nil {
				s.Clock.SetFactor(*c.Factor)
			}
			s.Clock.Set(c.Set)
			s.Clock.Advance(time.Duration(c.AdvanceMS) * time.Millisecond)
			reply(ctx, map[string]any{"now": s.Clock.Now(), "clock_factor": s.Clock.Factor()})
			return
		}
	case "capacity":
		var l Limit
		if err = decode(ctx, &l); err == nil {
			s.Capacity.Set(l)
			reply(ctx, map[string]any{"capacity": s.Capacity.Limits()})
			return
		}
	case "accounts":
		var a struct {
			Key     string   `json:"key"`
			Balance *float64 `json:"balance_usd"`
		}
		if err = decode(ctx, &a); err == nil {
			account := s.Accounts.Find([]byte(a.Key))
			if account == nil {
				refuse(ctx, 404, "no such account")
				return
			}
			account.SetBalance(a.Balance)
			reply(ctx, map[string]any{"account": account.Name, "balance_usd": a.Balance})
			return
		}
	case "machines":
		var m struct {
			Do string `json:"do"`
		}
		if err = decode(ctx, &m); err == nil {
			if err = s.cloud.Do(id, m.Do); err == nil {
				reply(ctx, map[string]any{"ok": true})
				return
			}
		}
	case "reset":
		if err = s.Reset(); err == nil {
			reply(ctx, map[string]any{"ok": true})
			return
		}
	default:
		refuse(ctx, 404, "no such control: "+what)
		return
	}
	refuse(ctx, 400, err.Error())
}

// decode reads a strict JSON body.
func decode(ctx *fasthttp.RequestCtx, into any) error { return Decode(ctx.PostBody(), into, "body") }

func reply(ctx *fasthttp.RequestCtx, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		refuse(ctx, 500, err.Error())
		return
	}
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetBody(text)
}

func refuse(ctx *fasthttp.RequestCtx, status int, message string) {
	ctx.Response.Header.SetContentType("application/json")
	ctx.Response.SetStatusCode(status)
	ctx.Response.SetBody(append(AppendString([]byte(`{"error":`), message), '}'))
}
