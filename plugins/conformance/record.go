package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
// plan ends by terminating what it has rented.
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
		return nil, errors.New("the plan is for " + plan.Provider + ", the plugin is " + info.Name)
	}
	if err := tap.aim(manifest); err != nil {
		return nil, err
	}
	out := &Recording{Provider: plan.Provider}
	ids := map[string]string{}
	for _, c := range plan.Cases {
		if o.Before != nil {
			o.Before(c.Name)
		}
		c.Request = resolve(c.Request, ids)
		tap.begin()
		value, err := h.Call(ctx, spec.Call{Provider: info.Name, Operation: c.Operation, Request: spec.Raw(c.Request), IncludeRaw: c.IncludeRaw, Key: o.Key})
		c.Exchanges, c.Value = tap.end(), nil
		wanted := c.Error
		c.Error = ""
		if err != nil {
			c.Error = spec.AsError(err).Kind
		} else {
			c.Value = json.RawMessage(value)
		}
		if c.Error != wanted {
			return nil, fmt.Errorf("case %q: expected the error kind %q, got %q: %v %s", c.Name, wanted, c.Error, err, value)
		}
		var id struct{ ID string }
		if json.Unmarshal(value, &id) == nil && id.ID != "" {
			ids[c.Name] = id.ID
		}
		out.Cases = append(out.Cases, c)
	}
	return out, nil
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
