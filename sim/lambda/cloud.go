package lambda

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/sim/simkit"
)

// Options are the settings of a simulated Lambda. The delays are virtual time.
type Options struct {
	simkit.Options
	ProvisionMS int64   `json:"provision_ms,omitempty"`       // booting lasts this long; the address comes halfway
	TerminateMS int64   `json:"terminate_ms,omitempty"`       // terminating lasts this long, then the machine is gone
	Births      []Birth `json:"births,omitempty"`             // what happens to new machines by themselves
	Stale       bool    `json:"stale_capacity,omitempty"`     // the list shows capacity that is gone
	NoSSHKeys   bool    `json:"no_ssh_keys,omitempty"`        // accounts start without the key "sim"
	HoldMS      int64   `json:"filesystem_hold_ms,omitempty"` // a filesystem stays in use this long after its machine
	EchoRefused bool    `json:"echo_refused,omitempty"`       // a refused launch repeats its body in the message
}

// Birth does something to machines as they are made: to the Nth, or to each
// Every-th. Do is an action of Cloud.Do.
type Birth struct {
	Nth   int    `json:"nth,omitempty"`
	Every int    `json:"every,omitempty"`
	Do    string `json:"do"`
}

// Cloud is a simulated Lambda.
type Cloud struct {
	*simkit.Kit
	o        Options
	shapes   shapes
	types    []machineType
	images   []image
	parsers  fastjson.ParserPool
	launches *simkit.Limiter // of launches alone

	mu       sync.RWMutex
	seq      int64
	births   int
	machines map[string]*machine
	tenants  map[*simkit.Account]*tenant
}

// tenant is what one account owns, in order of creation.
type tenant struct {
	account     *simkit.Account
	machines    []*machine
	keys        []sshKey
	filesystems []*filesystem
	rulesets    []*ruleset
	global      []rule
}

// Windows is the published rate limit but that of launches.
func Windows() []simkit.Window { return []simkit.Window{{Name: "second", Quota: 1, Seconds: 1}} }

// Start serves a simulated Lambda on a loopback socket.
func Start(o Options) (*simkit.Server, error) {
	if err := simkit.CheckSettings("lambda_labs", o); err != nil {
		return nil, err
	}
	for _, b := range o.Births {
		if err := checkAction(b.Do); err != nil {
			return nil, err
		}
	}
	kit, err := simkit.New(o.Options, Windows())
	if err != nil {
		return nil, err
	}
	c := &Cloud{Kit: kit, o: o, shapes: newShapes(), types: machineTypes(), images: images()}
	c.Reset()
	return simkit.Start(kit, c)
}

// Reset forgets everything.
func (c *Cloud) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq, c.births = 0, 0
	c.machines, c.tenants = map[string]*machine{}, map[*simkit.Account]*tenant{}
	c.launches = simkit.NewLimiter(nil)
	if c.o.RateLimits {
		c.launches = simkit.NewLimiter([]simkit.Window{{Name: "launch", Quota: 1, Seconds: 12}})
	}
}

// tenant returns what an account owns. The caller holds the write lock.
func (c *Cloud) tenant(a *simkit.Account) *tenant {
	t := c.tenants[a]
	if t == nil {
		t = &tenant{account: a, global: defaultRules()}
		if !c.o.NoSSHKeys {
			t.keys = []sshKey{{id: c.IDs.New(32, hex), name: "sim", public: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFhQz0Uf0mQdO5dE2n3XcU1r3pG3b8yqk8Vb0QmZ2d1L sim"}}
		}
		c.tenants[a] = t
	}
	return t
}

const hex = "0123456789abcdef"

// Serve answers one request.
func (c *Cloud) Serve(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	setDate(&ctx.Response.Header, c.Clock.Now())
	if rest, ok := strings.CutPrefix(path, "/proxy/"); ok {
		c.serveProxy(ctx, rest)
		return
	}
	rest, ok := strings.CutPrefix(path, "/api/v1/")
	if !ok {
		ctx.SetStatusCode(404)
		ctx.Response.Header.SetContentType("text/html; charset=utf-8")
		ctx.SetBodyString("<!doctype html><title>404 Not Found</title>")
		return
	}
	key := credential(ctx.Request.Header.Peek("Authorization"))
	account := c.Accounts.Find(key)
	if account == nil {
		message := "API key was invalid, expired, or deleted."
		if len(key) == 0 {
			message = "No API key was provided."
		}
		refuse(ctx, 401, "global/invalid-api-key", message, "Check your API key or create a new one, then try again.")
		return
	}
	if !c.within(account, rest) {
		// The body of Lambda's 429 is not known, and it sends no Retry-After.
		refuse(ctx, 429, "global/too-many-requests", "Too many requests.", "Slow down.")
		return
	}
	if account.Forbidden || account.ReadOnly && !ctx.IsGet() {
		refuse(ctx, 403, "global/account-inactive", "Your account is inactive.",
			"Make sure you have verified your email address and have a valid payment method. Contact Support if problems continue.")
		return
	}
	c.route(ctx, account, strings.Split(rest, "/"))
}

// setDate tells the virtual time, as what is in front of Lambda tells the real
// one. fasthttp keeps Date to itself, with a goroutine that never ends, but takes
// one that it reads.
func setDate(h *fasthttp.ResponseHeader, now time.Time) {
	head := "HTTP/1.1 200 OK\r\nDate: " + now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") + "\r\nContent-Length: 0\r\n\r\n"
	_ = h.Read(bufio.NewReaderSize(strings.NewReader(head), 128)) // what is written here can be read
}

// within counts a request against the limits.
func (c *Cloud) within(a *simkit.Account, rest string) bool {
	now := c.Clock.Now()
	if !c.Limiter.Take(a.Name, now).OK {
		return false
	}
	return rest != "instance-operations/launch" || c.launches.Take(a.Name, now).OK
}

// credential is the key of an Authorization header: a bearer token, or the user
// of basic authentication.
func credential(header []byte) []byte {
	if token := simkit.Bearer(header); token != nil {
		return token
	}
	const scheme = "basic "
	if len(header) <= len(scheme) || !bytes.EqualFold(header[:len(scheme)], []byte(scheme)) {
		return nil
	}
	plain, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(header[len(scheme):])))
	if err != nil {
		return nil
	}
	user, _, _ := bytes.Cut(plain, []byte(":"))
	return user
}

// handler answers one request. id is what follows the resource in the path.
type handler func(ctx *fasthttp.RequestCtx, a *simkit.Account, id string)

func (c *Cloud) route(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	id := ""
	if len(parts) == 2 {
		id = parts[1]
	}
	with := map[bool]string{false: "", true: "/{id}"}[len(parts) == 2]
	key := string(ctx.Method()) + " " + parts[0] + with
	if parts[0] == "instance-operations" || len(parts) == 2 && parts[0] == "firewall-rulesets" && id == "global" {
		key = string(ctx.Method()) + " " + strings.Join(parts, "/")
	}
	answer := map[string]handler{
		"GET instances":                      c.listMachines,
		"GET instances/{id}":                 c.getMachine,
		"POST instances/{id}":                c.renameMachine,
		"POST instance-operations/launch":    c.launch,
		"POST instance-operations/restart":   c.restart,
		"POST instance-operations/terminate": c.terminate,
		"GET instance-types":                 c.listTypes,
		"GET images":                         c.listImages,
		"GET regions":                        c.listRegions,
		"GET ssh-keys":                       c.listKeys,
		"POST ssh-keys":                      c.addKey,
		"DELETE ssh-keys/{id}":               c.deleteKey,
		"GET file-systems":                   c.listFilesystems,
		"GET filesystems":                    c.listFilesystems,
		"POST filesystems":                   c.addFilesystem,
		"DELETE filesystems/{id}":            c.deleteFilesystem,
		"GET firewall-rules":                 c.listRules,
		"PUT firewall-rules":                 c.putRules,
		"GET firewall-rulesets":              c.listRulesets,
		"POST firewall-rulesets":             c.addRuleset,
		"GET firewall-rulesets/global":       c.getGlobal,
		"PATCH firewall-rulesets/global":     c.patchGlobal,
		"GET firewall-rulesets/{id}":         c.getRuleset,
		"PATCH firewall-rulesets/{id}":       c.patchRuleset,
		"DELETE firewall-rulesets/{id}":      c.deleteRuleset,
	}[key]
	if answer == nil || len(parts) > 2 {
		notFound(ctx, "The requested resource was not found.")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(c.Clock.Now())
	answer(ctx, a, id)
}
