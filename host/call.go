package host

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
	"github.com/exatlas/atlas/internal/safego"
)

// call is one operation in flight. It belongs to the goroutine of its caller,
// which is also the one that is inside the guest, so it needs no lock.
type call struct {
	host   *Host
	module *module
	ctx    context.Context
	key    spec.Secret
	doing  string    // the operation
	online bool      // whether it may make HTTP requests; describe may not
	http   spec.HTTP // how they are sent
	takes  bool      // the operation takes away what it reads

	input     []byte
	output    []byte
	hasOutput bool
	failed    *spec.Error // decided by the host; whatever the guest says comes after it

	exchanges []*exchange
	spare     []*exchange // ended ones, for reuse
	requested int
	unsettled bool // an ended request changed something, or may have
	logged    int

	kernel      kernel
	inputAt     uint64
	errorOffset uint64
	lastStatus  int
	lastHeaders []byte

	refusal *spec.Error // why the last request got no answer; nil: it got one
}

// newCall takes a call from the pool.
func (h *Host) newCall(ctx context.Context, m *module, key spec.Secret) *call {
	c := h.calls.Get().(*call)
	c.host, c.module, c.ctx, c.key = h, m, ctx, key
	c.kernel.limit = h.limits.ScratchBytes
	return c
}

// free gives a call back. Nobody may use it afterwards.
func (c *call) free() {
	const keep = 64 << 10
	for _, x := range c.exchanges {
		c.recycle(x)
	}
	clear(c.exchanges)
	h := c.host
	*c = call{input: c.input[:0], output: c.output[:0], exchanges: c.exchanges[:0], spare: c.spare, kernel: c.kernel}
	c.kernel.reset()
	if cap(c.input) > keep || cap(c.output) > keep {
		return
	}
	h.calls.Put(c)
}

func (c *call) recycle(x *exchange) {
	if len(c.spare) < 4 {
		*x = exchange{request: egress.Request{Header: x.request.Header[:0]}}
		c.spare = append(c.spare, x)
	}
}

// setOutput keeps a copy of the output.
func (c *call) setOutput(b []byte) {
	if limit := c.host.limits.OutputBytes; len(b) > limit {
		refuse("its output of " + utoa(uint64(len(b))) + " bytes exceeds " + utoa(uint64(limit)))
	}
	c.output = append(c.output[:0], b...)
	c.hasOutput = true
}

// setError remembers the block that holds the text of the plugin's failure.
func (c *call) setError(offset uint64) {
	if offset != 0 {
		c.block("error_set", offset)
	}
	c.errorOffset = offset
}

func (c *call) inputOffset() uint64 {
	if c.inputAt == 0 && len(c.input) > 0 {
		c.inputAt = c.put("input_offset", c.input)
	}
	return c.inputAt
}

func (c *call) inputLoad64(offset uint64) uint64 {
	if offset > uint64(len(c.input)) || uint64(len(c.input))-offset < 8 {
		refuse("input_load_u64 reads outside the input")
	}
	return binary.LittleEndian.Uint64(c.input[offset:])
}

// fail decides the call's error, unless it is decided already.
func (c *call) fail(err *spec.Error) {
	if c.failed == nil {
		c.failed = err
	}
}

// request checks the metadata of a new request. nil: refused, and code tells
// why.
func (c *call) request(i *instance, meta, body []byte) (x *exchange, code int32) {
	if c.failed != nil { // nothing that the guest asks for can be of use any more
		return nil, beginRefused
	}
	if !c.online {
		c.fail(spec.NewError(spec.KindPlugin, "the plugin made an HTTP request where there is no network"))
		return nil, beginRefused
	}
	if c.requested++; c.requested > c.host.limits.Requests {
		c.fail(spec.NewError(spec.KindPlugin, "the plugin made more than "+utoa(uint64(c.host.limits.Requests))+" HTTP requests in one call"))
		return nil, beginTooMany
	}
	if n := len(c.spare); n > 0 {
		x, c.spare = c.spare[n-1], c.spare[:n-1]
	} else {
		x = &exchange{}
	}
	if err := parseRequest(&i.parser, meta, x); err != nil {
		c.fail(err)
		return nil, beginBadMetadata
	}
	if err := c.host.network.Check(c.module.policy, x.request.URL); err != nil {
		c.fail(spec.AsError(err))
		return nil, beginRefused
	}
	if len(body) > 0 {
		if !c.room(len(body)) {
			return nil, beginTooMany
		}
		x.request.Body = append([]byte(nil), body...)
	}
	x.request.Operation = c.doing
	i.requests++
	if i.requests > 1<<31-1 {
		i.requests = 1
	}
	x.number = i.requests
	c.exchanges = append(c.exchanges, x)
	return x, int32(x.number)
}

// room reports whether the call may hold another body of so many bytes. Where it
// may not, that decides the call.
func (c *call) room(n int) bool {
	limit := c.host.limits.HeldBytes
	for _, x := range c.exchanges {
		n += len(x.request.Body) + len(x.body())
	}
	if n <= limit {
		return true
	}
	c.fail(&spec.Error{Kind: spec.KindPlugin, Message: "the HTTP requests of the plugin and their answers take more than " + utoa(uint64(limit)) + " bytes in one call",
		Hint: "a plugin frees an answer with http_end once it has read it"})
	return false
}

// begin is http_begin.
func (c *call) begin(i *instance, meta, body []byte) int32 {
	_, code := c.request(i, meta, body)
	return code
}

// end forgets a request.
func (c *call) end(x *exchange) {
	c.unsettled = (c.unsettled || !x.settled()) && !x.undone()
	for n, other := range c.exchanges {
		if other == x {
			c.exchanges = append(c.exchanges[:n], c.exchanges[n+1:]...)
			break
		}
	}
	c.recycle(x)
}

// next returns a request that has begun and was not sent yet.
func (c *call) next() *exchange {
	for _, x := range c.exchanges {
		if !x.started {
			return x
		}
	}
	return nil
}

// send carries a request out. It runs outside the guest, or, for a blocking
// guest, in a function that it called.
func (c *call) send(x *exchange) {
	x.started = true
	x.request.Timeout, x.request.Attempts = time.Duration(c.http.TimeoutMS)*time.Millisecond, c.http.Attempts
	x.request.Once = c.takes
	x.answer, x.failure = c.ask(x)
	if x.answer != nil && len(x.answer.Body) > c.host.limits.ResponseBytes {
		x.failure = &egress.Failure{Sent: true, Error: &spec.Error{Kind: spec.KindProvider, Status: x.answer.Status,
			Message: "the answer exceeds " + utoa(uint64(c.host.limits.ResponseBytes)) + " bytes"}}
		x.answer = nil
	}
	if x.answer == nil && x.failure == nil {
		x.failure = &egress.Failure{Sent: true, Error: spec.NewError(spec.KindInternal, "the HTTP client gave no answer")}
	}
	x.request.Body = nil
	if c.refusal = nil; x.failure != nil {
		c.refusal = x.failure.Error
	}
	if x.answer != nil && !c.room(0) {
		x.answer.Body = nil // its status still tells what became of the request
	}
}

// ask asks the HTTP client. Where that panics the guest is told of a failure all
// the same, since its half of the call must not be parked for ever.
func (c *call) ask(x *exchange) (answer *egress.Response, failure *egress.Failure) {
	defer safego.Recover(func(e *spec.Error) {
		c.fail(e)
		answer, failure = nil, &egress.Failure{Sent: true, Error: e}
	})
	return c.host.network.Do(c.ctx, c.module.policy, c.key, &x.request)
}

// blockingRequest is Extism's http_request. A failure decides the call: Extism
// has no way to tell a guest.
func (c *call) blockingRequest(i *instance, metaAt, bodyAt uint64) uint64 {
	if c.module.parking {
		refuse("http_request: a guest that imports http_begin must not block its instance")
	}
	c.lastStatus, c.lastHeaders = 0, nil
	x, _ := c.request(i, c.block("http_request", metaAt), c.block("http_request", bodyAt))
	if x == nil {
		return 0
	}
	clock := i.ctx.clock
	var left time.Duration
	if clock != nil {
		left = clock.pause()
	}
	c.send(x)
	if clock != nil {
		clock.resume(left)
	}
	if x.failure != nil {
		c.fail(x.failure.Error)
		return 0
	}
	c.lastStatus = x.answer.Status
	c.lastHeaders = headersJSON(x.answer.Header)
	offset := c.put("http_request", x.answer.Body)
	c.end(x)
	return offset
}

// unknownOutcome reports whether the cloud may have done something that this
// call, which failed, cannot tell.
func (c *call) unknownOutcome() bool {
	unsettled := c.unsettled
	for _, x := range c.exchanges {
		unsettled = (unsettled || !x.settled()) && !x.undone()
	}
	return unsettled
}
