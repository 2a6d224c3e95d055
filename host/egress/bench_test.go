package egress

import (
	"bytes"
	"context"
	"net"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/valyala/fasthttp"
)

// pods is an answer of the size of one machine's.
var pods = bytes.Repeat([]byte(`{"id":"abcdefgh","status":"RUNNING"},`), 33)[:1200]

func benchServer(b *testing.B) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.Response.Header.Set("Content-Type", "application/json")
		ctx.SetBody(pods)
	}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	b.Cleanup(func() {
		_ = server.Shutdown()
		<-done
	})
	return "http://" + listener.Addr().String()
}

func BenchmarkGet_BareFasthttp(b *testing.B) {
	url := benchServer(b) + "/v2/pods/abc"
	client := &fasthttp.Client{}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	for b.Loop() {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		req.SetRequestURI(url)
		req.Header.Set("Authorization", "Bearer "+canary)
		if err := client.Do(req, resp); err != nil || len(resp.Body()) != len(pods) {
			b.Fatal(err)
		}
		fasthttp.ReleaseRequest(req)
		fasthttp.ReleaseResponse(resp)
	}
}

func BenchmarkGet(b *testing.B) {
	url := benchServer(b)
	c := newClient(b)
	p := mustPolicy(b, c, PolicySpec{Operator: []string{url}, Credential: &spec.Credential{Scheme: "Bearer"}})
	req := get(url + "/v2/pods/abc")
	key := secret()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	ctx, cancel2 := context.WithTimeout(ctx, 1<<40)
	defer cancel2()
	b.ReportAllocs()
	for b.Loop() {
		got, failure := c.Do(ctx, p, key, req)
		if failure != nil || len(got.Body) != len(pods) {
			b.Fatal(failure)
		}
	}
}
