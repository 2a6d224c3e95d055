package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host"
	"github.com/exatlas/atlas/host/egress"
)

// RecordOptions say where Record asks.
type RecordOptions struct {
	BaseURL  string // a simulator's address, or the operator's way to the cloud; empty: the manifest's own addresses
	Key      spec.Secret
	CacheDir string
	Before   func(caseName string) // called before each case; nil: nothing
}

// Record carries out a plan's cases one after another against a cloud and
// returns them with the exchanges and results. What it asks really happens: a
// plan ends by terminating what it has rented. Where one does not get so far, what
// its cases have rented until then is given back, and the error says so.
func Record(ctx context.Context, path string, plan *Recording, o RecordOptions) (*Recording, error) {
	tap := &recorder{client: egress.New(egress.Options{Attempts: 2}), key: o.Key, base: strings.TrimRight(o.BaseURL, "/")}
	h, err := host.New(host.Options{CacheDir: o.CacheDir, Network: tap})
	if err != nil {
		return nil, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = h.Close(closing)
	}()
	info, err := h.Load(ctx, path, "")
	if err != nil {
		return nil, err
	}
	manifest, err := h.Manifest(ctx, info.Name)
	if err != nil {
		return nil, err
	}
	if plan.Provider != info.Name {
		return nil, errors.New("the plan is for " + plan.Provider + ", the plugin is " + info.Name + ": correct the plan's provider")
	}
	if err := plan.linked(); err != nil { // before anything is rented
		return nil, err
	}
	if err := tap.aim(manifest); err != nil {
		return nil, err
	}
	r := &recording{host: h, tap: tap, provider: info.Name, options: o, ids: map[string]string{}}
	out := &Recording{Provider: plan.Provider}
	for _, c := range plan.Cases {
		if err := r.carryOut(ctx, &c); err != nil {
			return nil, r.giveBack(ctx, err)
		}
		out.Cases = append(out.Cases, c)
	}
	if len(r.rented) > 0 {
		return nil, r.giveBack(ctx, errors.New("the plan does not end by terminating what it has rented: add a case of terminate for each"))
	}
	return out, nil
}

// recording is a plan on its way.
type recording struct {
	host     *host.Host
	tap      *recorder
	provider string
	options  RecordOptions
	ids      map[string]string // by the name of the case that answered it
	rented   []string          // machines of cases that no later one has terminated
}

// carryOut does what a case says, and writes into it what came of that.
func (r *recording) carryOut(ctx context.Context, c *Case) error {
	if r.options.Before != nil {
		r.options.Before(c.Name)
	}
	c.Request = resolve(c.Request, r.ids)
	r.tap.begin()
	value, err := r.call(ctx, c.Operation, c.Request, c.IncludeRaw)
	c.Exchanges, c.Value = r.tap.end(), nil
	wanted := c.Error
	c.Error = ""
	if err != nil {
		c.Error = spec.AsError(err).Kind
	} else {
		c.Value = json.RawMessage(value)
	}
	var id, asked struct{ ID string }
	if json.Unmarshal(value, &id) == nil && id.ID != "" {
		r.ids[c.Name] = id.ID
	}
	switch {
	case err != nil:
	case c.Operation == spec.OpSpawn && id.ID != "":
		r.rented = append(r.rented, id.ID)
	case c.Operation == spec.OpTerminate && json.Unmarshal(c.Request, &asked) == nil:
		r.rented = slices.DeleteFunc(r.rented, func(one string) bool { return one == asked.ID })
	}
	if c.Error == wanted {
		return nil
	}
	unsure := ""
	if c.Operation == spec.OpSpawn && id.ID == "" {
		unsure = "\n  look at the cloud whether it has rented a machine all the same"
	}
	switch {
	case err == nil:
		return fmt.Errorf("case %q: expected the error kind %q, and it succeeded: %s", c.Name, wanted, value)
	case wanted == "":
		return fmt.Errorf("case %q: was to succeed: %w%s", c.Name, err, unsure)
	}
	return fmt.Errorf("case %q: expected the error kind %q, not %q: %w%s", c.Name, wanted, c.Error, err, unsure)
}

func (r *recording) call(ctx context.Context, operation string, request []byte, raw bool) (spec.Raw, error) {
	return r.host.Call(ctx, spec.Call{Provider: r.provider, Operation: operation, Request: spec.Raw(request), IncludeRaw: raw, Key: r.options.Key})
}

// giveBack terminates what a plan that failed, or was interrupted, has rented so far.
func (r *recording) giveBack(ctx context.Context, err error) error {
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, id := range r.rented {
		if _, failure := r.call(within, spec.OpTerminate, encode(map[string]string{"id": id}), false); failure != nil {
			err = fmt.Errorf("%w\n  the machine %s was rented and could not be given back, terminate it by hand: %w", err, id, failure)
		} else {
			err = fmt.Errorf("%w\n  the machine %s was rented, and is given back", err, id)
		}
	}
	return err
}

// resolve replaces "$NAME" by the identifier that the case NAME has answered.
func resolve(request json.RawMessage, ids map[string]string) json.RawMessage {
	text := string(request)
	for name, id := range ids {
		text = strings.ReplaceAll(text, string(encode("$"+name)), string(encode(id)))
	}
	return json.RawMessage(text)
}

// recorder is the way to the real cloud. It keeps what passes.
type recorder struct {
	client *egress.Client
	key    spec.Secret
	base   string
	once   sync.Once

	policy *egress.Policy
	places []place

	mu   sync.Mutex
	list []Exchange
}

// place maps an address of the manifest to the one that is asked.
type place struct{ public, real string }

// aim prepares the addresses.
func (r *recorder) aim(m *spec.Manifest) error {
	s := egress.PolicySpec{Provider: m.Name, Hosts: m.Hosts, Credential: m.Credential}
	if r.base != "" {
		s.Operator = []string{r.base}
		for _, u := range m.URLs {
			public, _, _ := strings.Cut(strings.TrimRight(u.URL, "/"), "{")
			if strings.TrimPrefix(public, "https://") == "" || !strings.Contains(strings.TrimPrefix(public, "https://"), "/") && public != strings.TrimRight(u.URL, "/") {
				continue // the placeholder is in the host: an address of a machine, where the plugin asks nothing
			}
			path, _, _ := strings.Cut(u.OverridePath, "{")
			r.places = append(r.places, place{strings.TrimRight(public, "/"), r.base + strings.TrimRight(path, "/")})
		}
		sort.SliceStable(r.places, func(i, j int) bool { return len(r.places[i].real) > len(r.places[j].real) })
	}
	var err error
	r.policy, err = r.client.Policy(s)
	return err
}

func (r *recorder) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = nil
}

func (r *recorder) end() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list
}

// Policy, Check, Do and Close are host.Network.
func (r *recorder) Policy(s egress.PolicySpec) (*egress.Policy, error) { return r.client.Policy(s) }
func (r *recorder) Check(p *egress.Policy, url string) error           { return r.client.Check(p, url) }
func (r *recorder) Close()                                             { r.once.Do(r.client.Close) }

func (r *recorder) Do(ctx context.Context, _ *egress.Policy, key spec.Secret, q *egress.Request) (*egress.Response, *egress.Failure) {
	asked := Asked{Method: q.Method, URL: q.URL, Body: Body{string(q.Body)}}
	there := *q
	for _, p := range r.places {
		if rest, ok := strings.CutPrefix(q.URL, p.public); ok {
			there.URL = p.real + rest
			break
		}
	}
	answer, failure := r.client.Do(ctx, r.policy, key, &there)
	if failure != nil {
		return nil, failure
	}
	body := string(answer.Body)
	for _, p := range r.places { // addresses in the answer become the manifest's
		body = strings.ReplaceAll(body, p.real+"/", p.public+"/")
	}
	answer.Body = []byte(body)
	kept := map[string]string{}
	for _, h := range answer.Header {
		switch h.Name {
		case "server", "connection", "content-length", "transfer-encoding", "content-encoding", "set-cookie", "keep-alive":
		default:
			kept[h.Name] = h.Value
		}
	}
	r.mu.Lock()
	r.list = append(r.list, Exchange{Request: asked, Answer: Answer{Status: answer.Status, Headers: kept, Body: Body{body}}})
	r.mu.Unlock()
	return answer, nil
}
