package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/runpod"
	"github.com/exatlas/atlas/plugins/sdk"
)

// plainGo is what a Go program would do without Atlas: a pooled fasthttp client,
// and the normalization compiled natively. It is given the very code of the
// plugin, which is faster than decoding into structs would be.
type plainGo struct {
	cloud    *cloud
	provider *sdk.Provider
	client   *fasthttp.Client
}

func newPlainGo(c *cloud) *plainGo {
	return &plainGo{cloud: c, provider: runpod.Provider(), client: &fasthttp.Client{NoDefaultUserAgentHeader: true}}
}

// Do sends one request of the provider.
func (p *plainGo) Do(r sdk.Request) (sdk.Response, *spec.Error) {
	request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(answer)
	request.Header.SetMethod(r.Method)
	request.SetRequestURI(r.URL)
	request.Header.Set("Authorization", "Bearer "+key)
	for _, h := range r.Header {
		request.Header.Set(h.Name, h.Value)
	}
	request.SetBodyRaw(r.Body)
	if err := p.client.DoTimeout(request, answer, 30*time.Second); err != nil {
		return sdk.Response{}, spec.NewError(spec.KindTransport, err.Error())
	}
	return sdk.Response{Status: answer.StatusCode(), Body: string(answer.Body())}, nil
}

// get is one compute.get, as JSON.
func (p *plainGo) get() ([]byte, error) {
	env := sdk.Env{HTTP: p, URLs: sdk.URLs{{Name: "api", URL: p.cloud.url}, {Name: "proxy", URL: p.cloud.url + "/proxy/{id}/{port}"}}}
	compute, failure := p.provider.Get(env, &spec.IDRequest{ID: p.cloud.pod})
	if failure != nil {
		return nil, failure
	}
	return json.Marshal(compute)
}

// timed returns the nanoseconds a call of n calls.
func timed(n int, call func() ([]byte, error)) (float64, error) {
	started := time.Now()
	for range n {
		out, err := call()
		if err != nil {
			return 0, err
		}
		if len(out) < 100 {
			return 0, fmt.Errorf("a call answered %q", out)
		}
	}
	return float64(time.Since(started).Nanoseconds()) / float64(n), nil
}
