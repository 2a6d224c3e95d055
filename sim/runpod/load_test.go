package runpod

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// direct calls the cloud without a socket.
func direct(t testing.TB, c *Cloud, method, path, body string) (int, []byte) {
	t.Helper()
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.SetMethod(method)
	ctx.Request.SetRequestURI(path)
	ctx.Request.Header.Set("Authorization", "Bearer key-1")
	ctx.Request.SetBodyString(body)
	c.Serve(&ctx)
	return ctx.Response.StatusCode(), ctx.Response.Body()
}

func TestPods_TenThousandAreMadePagedAndDeletedWithoutQuadraticWork(t *testing.T) {
	c := start(t, manual())
	rp := c.Cloud().(*Cloud)
	began := time.Now()
	for range 10_000 {
		if status, text := direct(t, rp, "POST", "/v2/pods", podBody); status != 201 {
			t.Fatalf("%d %s", status, text)
		}
	}
	made := time.Since(began)
	for _, m := range c.Machines() {
		if status, _ := direct(t, rp, "DELETE", "/v2/pods/"+m.ID, ""); status != 204 {
			t.Fatal(status)
		}
	}
	all := time.Since(began)
	t.Logf("10,000 creates in %s, with deletes %s", made.Round(time.Millisecond), all.Round(time.Millisecond))
	if len(c.Machines()) != 0 || all > 10*time.Second {
		t.Errorf("%d left after %s", len(c.Machines()), all)
	}
}

func BenchmarkGetPod(b *testing.B) {
	server, err := Start(Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	c := server.Cloud().(*Cloud)
	direct(b, c, "POST", "/v2/pods", podBody)
	path := "/v2/pods/" + server.Machines()[0].ID
	b.Run("handler", func(b *testing.B) {
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod("GET")
		ctx.Request.SetRequestURI(path)
		ctx.Request.Header.Set("Authorization", "Bearer key-1")
		b.ReportAllocs()
		for b.Loop() {
			ctx.Response.Reset()
			c.Serve(&ctx)
		}
	})
	b.Run("loopback", func(b *testing.B) {
		client := &fasthttp.HostClient{Addr: server.URL()[len("http://"):]}
		defer client.CloseIdleConnections()
		request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		request.SetRequestURI(server.URL() + path)
		request.Header.Set("Authorization", "Bearer key-1")
		b.ReportAllocs()
		for b.Loop() {
			if err := client.Do(request, response); err != nil || response.StatusCode() != 200 {
				b.Fatal(err, response.StatusCode())
			}
		}
	})
}

func TestSeed_GivesTheSameIdentifiers(t *testing.T) {
	ids := func(seed uint64) string {
		c := start(t, Options{Options: simkit.Options{Seed: seed, ManualClock: true}})
		return fmt.Sprint(c.pod(), c.pod())
	}
	if ids(7) != ids(7) || ids(7) == ids(8) {
		t.Error("identifiers do not follow from the seed")
	}
}

func TestStart_RefusesAnAddressThatIsNotLoopback(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "nonsense"} {
		if s, err := Start(Options{Options: simkit.Options{Listen: address}}); err == nil {
			_ = s.Close()
			t.Errorf("%q was accepted", address)
		}
	}
}

func TestLoad_ReadersAndWritersAtOnce(t *testing.T) {
	c := start(t, Options{BootMS: 1})
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 20 {
				_, text, err := c.Send("POST", "/v2/pods", podBody)
				if err != nil {
					t.Error(err)
					return
				}
				id := string(text[7:21])
				_, _, _ = c.Send("GET", "/v2/pods", "")
				_, _, _ = c.Send("POST", "/v2/pods/"+id+"/action", `{"action":"stop"}`)
				_, _, _ = c.Send("GET", "/_sim/state", "")
				if r, _, err := c.Send("DELETE", "/v2/pods/"+id, ""); err != nil || r.StatusCode != 204 {
					t.Errorf("delete %s: %v", id, err)
				}
			}
		}()
	}
	wg.Wait()
	if n := len(c.Machines()); n != 0 {
		t.Errorf("%d pods are left", n)
	}
}
