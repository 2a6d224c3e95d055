package runpod

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestFault_LosesTheAnswerAfterTheEffect(t *testing.T) {
	for _, reset := range []bool{false, true} {
		c := start(t, manual())
		c.Fault(simkit.Fault{Method: "POST", Path: "/v2/pods", Nth: 1, Effect: simkit.LostAnswer, ResetConn: reset})
		if _, text, err := c.Send("POST", "/v2/pods", podBody); err == nil {
			t.Fatalf("an answer came: %s", text)
		}
		if n := len(c.Machines()); n != 1 {
			t.Errorf("%d pods, want the one whose answer was lost", n)
		}
		c.pod()
	}
}

func TestFault_ResetHasNoEffect(t *testing.T) {
	c := start(t, manual())
	c.Fault(simkit.Fault{Method: "POST", Path: "/v2/pods", Nth: 1, Effect: simkit.Reset})
	if _, _, err := c.Send("POST", "/v2/pods", podBody); err == nil {
		t.Fatal("an answer came")
	}
	if n := len(c.Machines()); n != 0 {
		t.Errorf("%d pods were made", n)
	}
}

func TestFault_AnswersAStatusBeforeOrAfterTheEffect(t *testing.T) {
	c := start(t, manual())
	wait := 7
	c.Fault(simkit.Fault{Method: "POST", Nth: 1, Effect: simkit.Status, Status: 503})
	c.Fault(simkit.Fault{Method: "POST", Nth: 1, Effect: simkit.Status, Status: 500, AfterEffect: true})
	c.Fault(simkit.Fault{Method: "POST", Nth: 1, Effect: simkit.Status, Status: 429, RetryAfter: &wait, Headers: map[string]string{"X-A": "b"}})
	c.ask(503, "POST", "/v2/pods", podBody).Wants(t, "title", "Service Unavailable")
	if n := len(c.Machines()); n != 0 {
		t.Errorf("%d pods after the 503", n)
	}
	c.ask(500, "POST", "/v2/pods", podBody)
	if n := len(c.Machines()); n != 1 {
		t.Errorf("%d pods after the 500, want the one that exists all the same", n)
	}
	r, _, err := c.Send("POST", "/v2/pods", podBody)
	if err != nil || r.StatusCode != 429 || r.Header.Get("Retry-After") != "7" || r.Header.Get("X-A") != "b" {
		t.Errorf("%v %+v", err, r)
	}
}

func TestFault_CutsTheBody(t *testing.T) {
	c := start(t, manual())
	c.Fault(simkit.Fault{Method: "POST", Nth: 1, Effect: simkit.Cut, Bytes: 20})
	r, text, err := c.Send("POST", "/v2/pods", podBody)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(text) != 20 || r.StatusCode != 201 {
		t.Errorf("%v after %d bytes of %v", err, len(text), r)
	}
	if len(c.Machines()) != 1 {
		t.Error("the request did not take effect")
	}
}

func TestFault_DripsTheBodyWhole(t *testing.T) {
	c := start(t, manual())
	path := "/v2/pods/" + c.pod()
	_, whole, _ := c.Send("GET", path, "")
	c.Fault(simkit.Fault{Method: "GET", Nth: 1, Effect: simkit.Drip, Bytes: 100, DelayMS: 1})
	if _, text, err := c.Send("GET", path, ""); err != nil || !bytes.Equal(text, whole) {
		t.Errorf("%v, or another body: %s", err, text)
	}
}

func TestFault_SlowsTheAnswer(t *testing.T) {
	c := start(t, manual())
	c.Fault(simkit.Fault{Method: "GET", Nth: 1, Effect: simkit.Slow, DelayMS: 40})
	began := time.Now()
	c.ask(200, "GET", "/v2/pods", "")
	if took := time.Since(began); took < 40*time.Millisecond {
		t.Errorf("it came after %s", took)
	}
}

func TestListingLag_HidesNewPods(t *testing.T) {
	o := manual()
	o.ListLagMS, o.GetLagMS = 5000, 2000
	c := start(t, o)
	id := c.pod()
	c.ask(200, "GET", "/v2/pods", "").Wants(t, "pods", "[]")
	c.ask(404, "GET", "/v2/pods/"+id, "")
	c.Advance(2 * time.Second)
	c.ask(200, "GET", "/v2/pods/"+id, "")
	c.ask(200, "GET", "/v2/pods", "").Wants(t, "pods", "[]")
	c.Advance(3 * time.Second)
	c.ask(200, "GET", "/v2/pods", "").Wants(t, "pods.0.id", id)
}

func TestList_PagesWithoutGapOrRepetition(t *testing.T) {
	c := start(t, manual())
	var want []string
	for range 25 {
		want = append(want, c.pod())
	}
	c.ask(204, "DELETE", "/v2/pods/"+want[12], "")
	var got []string
	path, pages := "/v2/pods?limit=10", 0
	for path != "" {
		d := c.ask(200, "GET", path, "")
		for i := range d.Count("pods") {
			got = append(got, d.Text(fmt.Sprintf("pods.%d.id", i)))
		}
		path = ""
		if d.At("pagination.hasNextPage") == true {
			path = "/v2/pods?limit=10&cursor=" + d.Text("pagination.nextCursor")
			c.pod() // pods made meanwhile come at the end
		}
		pages++
	}
	want = append(want[:12], want[13:]...)
	if pages != 3 || strings.Join(got[:24], " ") != strings.Join(want, " ") || len(got) != 26 {
		t.Errorf("%d pages with %d pods: %v, want %v", pages, len(got), got, want)
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "cursor=%25%25", "cursor=" + "cG9kczpvdGhlcjox"} {
		c.ask(422, "GET", "/v2/pods?"+query, "")
	}
	o := manual()
	o.Unpaged = true
	old := start(t, o)
	old.pod()
	old.ask(200, "GET", "/v2/pods?limit=1", "").Wants(t, "pagination", "<nil>")
}

func TestCapacity_IsOneGPUForOnePod(t *testing.T) {
	o := manual()
	o.Capacity = []simkit.Limit{{GPU: "NVIDIA GeForce RTX 4090", Cloud: "SECURE", Count: 2}}
	c := start(t, o)
	first := c.pod()
	c.pod()
	c.ask(400, "POST", "/v2/pods", podBody).Wants(t, "detail", noInstances)
	community := strings.Replace(podBody, `"name"`, `"cloud":"COMMUNITY","name"`, 1)
	c.ask(201, "POST", "/v2/pods", community).Wants(t, "cost", "0.31")
	c.ask(200, "GET", "/v2/catalog/gpus/"+esc("NVIDIA GeForce RTX 4090")+"?include=AVAILABILITY&product=POD", "").Wants(t, "availability", "NONE")
	c.ask(204, "DELETE", "/v2/pods/"+first, "")
	stopped := c.pod()
	c.ask(200, "POST", "/v2/pods/"+stopped+"/action", `{"action":"stop"}`)
	c.pod() // takes the room of the stopped one
	c.ask(400, "POST", "/v2/pods/"+stopped+"/action", `{"action":"start"}`)
}

func TestBill_IsExactToTheSecond(t *testing.T) {
	o := manual()
	o.VolumePrice = 0.0036
	c := start(t, o)
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %.9f, want %.9f", what, got, want)
		}
	}
	id := c.ask(201, "POST", "/v2/pods", strings.Replace(podBody, `"name"`, `"mounts":{"persistent":{"size":10,"path":"/w"}},"name"`, 1)).Text("id")
	c.Advance(1234 * time.Second)
	near("running", c.Bill().TotalUSD, 1234*(0.44+0.036)/3600)
	c.ask(200, "POST", "/v2/pods/"+id+"/action", `{"action":"stop"}`)
	c.Advance(1000 * time.Second)
	near("stopped", c.Bill().TotalUSD, 1234*(0.44+0.036)/3600+1000*0.072/3600)
	c.ask(204, "DELETE", "/v2/pods/"+id, "")
	c.Advance(time.Hour)
	total := 1234*(0.44+0.036)/3600 + 1000*0.072/3600
	near("deleted", c.Bill().TotalUSD, total)
	page := c.ask(200, "GET", "/v2/billing/pods?bucketSize=hour&lastN=3", "")
	near("billing page", page.Num("metadata.totals.totalAmount"), total)
	near("its GPU part", page.Num("metadata.totals.gpuAmount"), 1234*0.44/3600)
	page.Wants(t, "records.0.podId", id, "records.0.startTime", "2026-06-01T12:00:00Z", "metadata.uniquePodCount", "1", "metadata.query.podId", "<nil>")
	for _, path := range []string{"/v2/billing", "/v2/billing/serverless", "/v2/billing/network-volumes", "/v2/billing/endpoints", "/v2/billing/clusters"} {
		c.ask(200, "GET", path, "")
	}
	c.ask(422, "GET", "/v2/billing/pods?bucketSize=minute", "")
}

func TestBalance_RefusesWhatItCannotPayForAnHour(t *testing.T) {
	balance := 1.0
	o := manual()
	o.Balance = &balance
	c := start(t, o)
	c.pod()
	c.ask(201, "POST", "/v2/pods", podBody)
	c.Advance(time.Hour)
	c.ask(402, "POST", "/v2/pods", podBody)
}

func TestRateLimits_StandInTheHeadersOfEveryAnswer(t *testing.T) {
	o := manual()
	o.RateLimits = true
	c := start(t, o)
	r, _, err := c.Send("GET", "/v2/pods", "")
	if err != nil || r.Header.Get("RateLimit") != `"minute";r=59;t=60, "hour";r=2999;t=3600, "day";r=49999;t=86400` ||
		r.Header.Get("RateLimit-Policy") != `"minute";q=60;w=60, "hour";q=3000;w=3600, "day";q=50000;w=86400` {
		t.Errorf("%v %v", err, r.Header)
	}
	for range 59 {
		c.ask(200, "GET", "/v2/pods", "")
	}
	c.Advance(48 * time.Second)
	c.ask(429, "GET", "/v2/pods", "").Wants(t, "detail", "rate limit exceeded for the minute window")
	r, _, _ = c.Send("GET", "/v2/pods", "")
	if r.Header.Get("Retry-After") != "12" {
		t.Errorf("Retry-After %q", r.Header.Get("Retry-After"))
	}
	c.Advance(12 * time.Second)
	c.ask(200, "GET", "/v2/pods", "")
}

func TestAccounts_SeeTheirOwnPodsOnly(t *testing.T) {
	c := start(t, manual())
	id := c.pod()
	c.Key = "key-2"
	c.ask(404, "GET", "/v2/pods/"+id, "")
	c.ask(404, "DELETE", "/v2/pods/"+id, "")
	c.ask(200, "GET", "/v2/pods", "").Wants(t, "pods", "[]")
	c.Key = "forbidden-1"
	c.ask(403, "GET", "/v2/pods", "").Wants(t, "title", "Forbidden", "detail", "access denied")
	c.Key = "readonly-1"
	c.ask(200, "GET", "/v2/pods", "")
	c.ask(403, "POST", "/v2/pods", podBody)
	c.Key = ""
	c.ask(401, "GET", "/v2/pods", "").Wants(t, "detail", "missing bearer token")
	o := manual()
	o.Anonymous = "key-9"
	anonymous := start(t, o)
	anonymous.Key = ""
	anonymous.pod()
}

func TestRoute_TellsTheMethodsOfAPath(t *testing.T) {
	c := start(t, manual())
	r, _, err := c.Send("PUT", "/v2/pods", "{}")
	if err != nil || r.StatusCode != 405 || r.Header.Get("Allow") != "GET, POST" {
		t.Errorf("%v %v", err, r)
	}
	c.ask(404, "GET", "/v2/nothing", "")
	c.ask(404, "GET", "/v2/nothing/b/c/d/e/f", "")
}

func TestEdge_RefusesStockAgents(t *testing.T) {
	o := manual()
	o.EdgeCheck = true
	c := start(t, o)
	r, text, err := c.Send("GET", "/v2/pods", "")
	if err != nil || r.StatusCode != 403 || string(text) != "error code: 1010" {
		t.Errorf("%v %v %s", err, r, text)
	}
	if r, _, err = c.Send("GET", "/v2/pods", "", "User-Agent", "atlas/1"); err != nil || r.StatusCode != 200 {
		t.Errorf("a named agent: %v %v", err, r)
	}
}

func TestBirths_BefallPodsAsTheyAreMade(t *testing.T) {
	o := manual()
	o.Births = []Birth{{Every: 2, Do: "fail"}}
	c := start(t, o)
	first, second := c.pod(), c.pod()
	c.ask(200, "GET", "/v2/pods/"+first, "").Wants(t, "status", "RUNNING")
	c.ask(200, "GET", "/v2/pods/"+second, "").Wants(t, "status", "ERROR")
	if _, err := Start(Options{Births: []Birth{{Do: "dance"}}}); err == nil {
		t.Error("an unknown birth was accepted")
	}
}

func TestControl_ShowsAndChangesEverything(t *testing.T) {
	c := start(t, manual())
	id := c.pod()
	post := func(path, body string) simtest.Doc {
		t.Helper()
		return c.ask(200, "POST", "/_sim/"+path, body)
	}
	post("clock", `{"advance_ms":3600000}`).Wants(t, "now", "2026-06-01T13:00:00Z")
	c.ask(200, "GET", "/_sim/bill", "").Wants(t, "total_usd", "0.44", "items.0.id", id, "items.0.seconds", "3600")
	post("faults", `{"method":"GET","effect":"status","status":500,"count":1}`).Wants(t, "id", "1")
	c.ask(500, "GET", "/v2/pods", "")
	c.ask(200, "DELETE", "/_sim/faults/1", "").Wants(t, "faults", "[]")
	post("capacity", `{"gpu":"NVIDIA GeForce RTX 4090","count":0}`)
	c.ask(400, "POST", "/v2/pods", podBody)
	post("machines/"+id, `{"do":"fail"}`)
	state := c.ask(200, "GET", "/_sim/state", "")
	state.Wants(t, "machines.0.status", "ERROR", "requests", "3", "requests_by_route.POST /v2/pods", "2", "capacity.0.count", "0")
	post("accounts", `{"key":"key-1","balance_usd":0.1}`)
	post("capacity", `{"gpu":"NVIDIA GeForce RTX 4090","count":-1}`)
	c.ask(402, "POST", "/v2/pods", podBody)
	if _, text, _ := c.Send("GET", "/_sim/state", ""); bytes.Contains(text, []byte("key-1")) {
		t.Error("the control plane shows a key")
	}
	post("reset", ``)
	c.ask(200, "GET", "/_sim/state", "").Wants(t, "machines", "[]", "bill.total_usd", "0", "requests", "0")
	for path, body := range map[string]string{"faults": `{"effect":"explode"}`, "clock": `{"bogus":1}`, "machines/none": `{"do":"fail"}`} {
		c.ask(400, "POST", "/_sim/"+path, body)
	}
	for _, body := range []string{`{"advance_ms":-1}`, `{"advance_ms":9223372036854775}`, `{"factor":-1}`, `{"factor":1e12}`} {
		c.ask(400, "POST", "/_sim/clock", body).Wants(t, "error", "time runs forward, 100 years at most: advance_ms is 0 to 3155760000000, and factor 0 to 1000000")
	}
	c.ask(400, "POST", "/_sim/accounts", `{"key":"k","nam":"n"}`).Wants(t, "error", "body.nam: unknown field; the fields here are: balance_usd, key")
	c.ask(404, "POST", "/_sim/nothing", "{}")
	c.ask(404, "GET", "/_sim/nothing", "")
}

func TestClose_LeavesNoGoroutineEvenWhileRequestsWait(t *testing.T) {
	c := start(t, manual())
	c.Fault(simkit.Fault{Path: "/v2/pods", Effect: simkit.Slow, DelayMS: 60_000})
	id := c.pod2()
	var wg sync.WaitGroup
	paths := []string{"/v2/pods", "/v2/pods/" + id + "/logs"}
	for _, path := range paths {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, _, _ = c.Send("GET", path, "")
		}()
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		_, _, _ = c.Send("POST", "/jobs/v2/never/runsync", `{"input":{}}`)
	}()
	for c.Requests() < 4 {
		time.Sleep(time.Millisecond)
	}
	began := time.Now()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Close took %s", took)
	}
	wg.Wait() // goleak looks for the rest when all tests are done
}

// pod2 makes a pod past a fault on /v2/pods.
func (c *cloud) pod2() string {
	c.Helper()
	c.Faults.Clear(0)
	id := c.pod()
	c.Fault(simkit.Fault{Path: "/v2/pods", Effect: simkit.Slow, DelayMS: 60_000})
	return id
}

func TestCreate_OfAThousandAtOnceCountsExactly(t *testing.T) {
	o := manual()
	o.Capacity = []simkit.Limit{{GPU: "NVIDIA GeForce RTX 4090", Count: 700}}
	c := start(t, o)
	var mu sync.Mutex
	ids, refused := map[string]bool{}, 0
	var wg sync.WaitGroup
	for range 40 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 25 {
				r, text, err := c.Send("POST", "/v2/pods", podBody)
				if err != nil {
					t.Error(err)
					return
				}
				var pod struct{ ID string }
				_ = json.Unmarshal(text, &pod)
				mu.Lock()
				if r.StatusCode == 201 {
					ids[pod.ID] = true
				} else {
					refused++
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if len(ids) != 700 || refused != 300 || len(c.Machines()) != 700 {
		t.Errorf("%d made, %d refused, %d there; want 700, 300, 700", len(ids), refused, len(c.Machines()))
	}
}
