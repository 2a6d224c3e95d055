package vast

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// rent answers PUT /api/v0/asks/{id}/.
func (c *Cloud) rent(r *request) {
	i, wrong := c.wanted(r.body)
	if wrong != "" {
		refuseRent(r, 400, "invalid_args", "error 400/3467: Invalid args: "+wrong)
		return
	}
	if i.price != 0 && (i.price < 0.001 || i.price > 128) {
		refuseRent(r, 400, "invalid_price", "error 400/3471: Invalid price: please set a price between 0.001 and 128")
		return
	}
	h := c.byAsk[r.id]
	id := strconv.FormatInt(r.id, 10)
	if h == nil || h.tenant != nil && !c.o.DoubleRent {
		refuseRent(r, 404, "invalid_args", "error 404/3603: no_such_ask Instance type by id "+id+" is not available.")
		return
	}
	now := c.Clock.Now()
	rate := h.base + h.diskRate(i.disk)
	if i.price != 0 {
		rate = i.price + h.diskRate(i.disk)
	}
	if !c.Funded(r.account, rate, now) {
		refuseRent(r, 400, "spend_rate_limit", "error 400/3478: Your account balance is too low for what this machine costs an hour.")
		return
	}
	i.host, i.ask, i.account, i.created = h, r.id, r.account, now
	if i.price != 0 && i.price < h.minBid {
		// Refused, and made all the same: it exists, stopped, and its disk costs.
		i.phase, i.intended = phaseOutbid, stopped
		c.add(i)
		b := []byte(`{"success":false,"error":"invalid_price","msg":"error 400/3475: bid too low: the machine goes for more","ask_id":`)
		b = simkit.AppendInt(b, r.id)
		b = simkit.AppendInt(append(b, `,"new_contract":`...), i.id)
		answer(r.RequestCtx, c.o.LowBidStatus, append(b, '}'))
		return
	}
	i.intended = running
	if h.tenant != nil { // two rents of one offer, both accepted
		c.doubled++
		c.add(i)
		i.phase, i.message = phaseDead, "Error response from daemon: driver failed programming external connectivity: Bind for 0.0.0.0 failed: port is already allocated"
	} else {
		if !c.Capacity.Take(h.claim()) {
			refuseRent(r, 410, "no_such_ask", "error 410/3907: no_such_ask Instance type "+id+" is no longer available.")
			return
		}
		h.tenant = i
		c.add(i)
		c.boot(i, now)
	}
	b := simkit.AppendInt([]byte(`{"success":true,"new_contract":`), i.id)
	b = append(append(b, `,"instance_api_key":"`...), i.key...)
	answer(r.RequestCtx, 200, append(b, `"}`...))
	c.born(i)
}

// add gives a new instance its number and enters it.
func (c *Cloud) add(i *instance) {
	c.seq++
	i.id, i.seq = 7_835_600+c.seq, c.seq
	i.key, i.token = c.IDs.New(64, "0123456789abcdef"), c.IDs.New(64, "0123456789abcdef")
	c.instances[i.id] = i
	c.order = append(c.order, i)
	c.charge(i, i.created)
}

// born does to a new instance what Options.Births asks for.
func (c *Cloud) born(i *instance) {
	c.births++
	for _, b := range c.o.Births {
		if b.Nth > 0 && c.births == b.Nth || b.Every > 0 && c.births%b.Every == 0 {
			c.do(i, b.Do, i.created)
		}
	}
}

// wanted reads the body of a rent.
func (c *Cloud) wanted(v *fastjson.Value) (i *instance, wrong string) {
	if v == nil {
		return nil, "the body is missing"
	}
	i = &instance{disk: 8, runtype: "ssh"}
	i.image, i.template = simkit.Text(v, "image"), simkit.Text(v, "template_hash_id")
	i.label, i.onstart = simkit.Text(v, "label"), simkit.Text(v, "onstart")
	i.args = simkit.Texts(v, "args")
	if v.Exists("disk") {
		i.disk = v.GetFloat64("disk")
	}
	if v.Exists("price") {
		i.price = v.GetFloat64("price")
	}
	if i.args != nil || v.Exists("args_str") {
		i.runtype = "args"
	}
	if text := simkit.Text(v, "runtype"); text != "" {
		i.runtype = text
	}
	size := len(i.onstart) + len(simkit.Text(v, "args_str"))
	for _, word := range i.args {
		size += len(word)
	}
	switch {
	case i.image == "" && i.template == "":
		return nil, "'image' is required"
	case len(i.image) > 1024:
		return nil, "'image' is too long"
	case i.disk < 8:
		return nil, "'disk' must be at least 8"
	case len(i.label) > 256:
		return nil, "'label' is too long"
	case size > 4096 || len(i.onstart) > 4048:
		return nil, "'args' is too long"
	case !strings.Contains(" ssh jupyter args ssh_proxy ssh_direct jupyter_proxy jupyter_direct ", " "+i.runtype+" "):
		return nil, "'runtype' is not one of the known types"
	}
	if i.image == "" {
		i.image = "vastai/base-image:cuda-12.8"
	}
	return i, i.takeEnv(v.Get("env"))
}

// takeEnv reads the environment: an object whose entries are variables or
// options of docker.
func (i *instance) takeEnv(v *fastjson.Value) (wrong string) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return ""
	}
	if v.Type() != fastjson.TypeObject {
		return "'env' must be an object"
	}
	size, ports := 0, 0
	v.GetObject().Visit(func(key []byte, value *fastjson.Value) {
		e := pair{string(key), string(value.GetStringBytes())}
		if value.Type() != fastjson.TypeString {
			wrong = "an entry of 'env' is no string: " + e.name
		}
		size += utf8.RuneCountInString(e.name) + utf8.RuneCountInString(e.value)
		if max(utf8.RuneCountInString(e.name), utf8.RuneCountInString(e.value)) > 256 {
			wrong = "an entry of 'env' is too long"
		}
		if strings.HasPrefix(e.name, "-p ") {
			ports++
			if _, _, ok := published(e.name); !ok {
				wrong = "'env' has a bad port: " + e.name
			}
		}
		i.env = append(i.env, e)
	})
	if size > 32768 {
		return "'env' is too long"
	}
	if ports > 64 {
		return "'env' opens more than 64 ports"
	}
	return wrong
}

// published reads "-p 8000:8000/udp".
func published(key string) (internal int, protocol string, ok bool) {
	text, protocol, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(key, "-p ")), "/")
	_, inside, _ := strings.Cut(text, ":")
	internal, err := strconv.Atoi(inside)
	if protocol == "" {
		protocol = "tcp"
	}
	return internal, protocol, err == nil && internal > 0
}
