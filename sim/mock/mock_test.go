package mock

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

type cloud struct{ *simtest.Sim }

func start(t testing.TB, o Options) *cloud {
	t.Helper()
	o.ManualClock = true
	o.Start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	server, err := Start(o)
	return &cloud{simtest.New(t, server, err)}
}

// ask makes a request, wants a status, and checks values of the answer: path,
// value, path, value.
func (c *cloud) ask(status int, method, path, body string, wants ...string) simtest.Doc {
	c.Helper()
	response, text := c.Get(method, path, body)
	if response.StatusCode != status {
		c.Fatalf("%s %s answered %d %s, want %d", method, path, response.StatusCode, text, status)
	}
	answer := simtest.Read(c, text)
	answer.Wants(c, wants...)
	return answer
}

const body = `{"name":"m","request_id":"r-1","gpu":{"id":"mock-h100","count":2},"regions":["mock-2"],"image":"i:1","ports":[{"port":8000,"protocol":"http"}],"env":{"ATLAS_PRESHARED_KEY":"k"}}`

func TestMachine_LivesAsTheWireFormatSays(t *testing.T) {
	c := start(t, Options{Prices: map[string]float64{"mock-h100": 1.8}})
	at := c.ask(201, "POST", "/v1/machines", body, "status", "running", "name", "m", "request_id", "r-1", "gpu.count", "2", "tier", "secure", "region", "mock-2", "price", "3.6",
		"ip", "203.0.113.1", "ports.0.external", "8000", "ports.0.url", "<nil>", "ssh.user", "root", "env.ATLAS_PRESHARED_KEY", "k", "actions", "[stop terminate]",
		"created_at", "2026-06-01T12:00:00Z", "started_at", "2026-06-01T12:00:00Z", "spot", "false")
	id := at.Text("id")
	if len(id) != len("mock-")+11 {
		t.Errorf("id %q", id)
	}
	path := "/v1/machines/" + id
	c.Advance(1000 * time.Second)
	c.ask(200, "POST", path+"/stop", "", "status", "stopped", "actions", "[start terminate]")
	c.ask(409, "POST", path+"/stop", "", "code", "conflict", "detail", "machine is stopped")
	c.Advance(time.Hour)
	if usd := c.Bill().TotalUSD; usd < 0.9999 || usd > 1.0001 {
		t.Errorf("1000 s at 3.6 an hour cost %v", usd)
	}
	c.ask(200, "POST", path+"/start", "", "status", "running")
	c.ask(200, "DELETE", path, "", "status", "terminated", "actions", "[]")
	c.ask(200, "DELETE", path, "", "status", "terminated")
	c.ask(200, "GET", path, "", "status", "terminated")
	c.ask(409, "POST", path+"/start", "")
	c.ask(404, "GET", "/v1/machines/none", "", "code", "not_found")
	if len(c.Machines()) != 0 {
		t.Error("a terminated machine counts as there")
	}
}

func TestMachine_ProvisionsByVirtualTime(t *testing.T) {
	c := start(t, Options{ProvisionMS: 3000, Births: []Birth{{Nth: 2, Do: "fail"}}})
	id := c.ask(201, "POST", "/v1/machines", body, "status", "provisioning", "ip", "<nil>", "started_at", "<nil>").Text("id")
	second := c.ask(201, "POST", "/v1/machines", body).Text("id")
	c.ask(502, "GET", "/proxy/"+id+"/8000/", "")
	c.Advance(3 * time.Second)
	c.ask(200, "GET", "/v1/machines/"+id, "", "status", "running", "started_at", "2026-06-01T12:00:03Z")
	c.ask(200, "GET", "/v1/machines/"+second, "", "status", "failed", "actions", "[terminate]")
	c.ask(401, "GET", "/proxy/"+id+"/8000/", "")
	if err := c.Do(id, "vanish"); err != nil {
		t.Fatal(err)
	}
	c.ask(404, "GET", "/v1/machines/"+id, "")
}

func TestCreate_RefusesWhatTheWireFormatForbids(t *testing.T) {
	c := start(t, Options{Options: simkit.Options{Capacity: []simkit.Limit{{GPU: "mock-h100", Count: 2}}}, GPUs: []string{"mock-h100"}})
	for _, bad := range []string{`{`, `{}`, `{"name":"m"}`, `{"name":"m","gpu":{"id":"g"},"cpu":{}}`, `{"name":"m","gpu":{"id":"g"},"bogus":1}`,
		`{"name":"m","gpu":{"id":"g"},"ports":[{"port":0}]}`, `{"name":"m","gpu":{"id":"g"},"tier":"any"}`,
		`{"name":"m","gpu":{"id":"mock-rtx-4090"}}`} {
		c.ask(422, "POST", "/v1/machines", bad, "code", "invalid")
	}
	c.ask(201, "POST", "/v1/machines", body)
	c.ask(400, "POST", "/v1/machines", body, "code", "no_capacity")
	c.ask(200, "GET", "/v1/gpus?count=1&tier=secure", "", "gpus.0.stock", "none", "gpus.0.canonical", "h100", "gpus.1", "<nil>")
	c.ask(201, "POST", "/v1/machines", `{"name":"c","gpu":null,"cpu":{"flavor":"mock-cpu","vcpu":4}}`, "gpu", "<nil>", "cpu.flavor", "mock-cpu")
}

func TestGPUs_AreAllOfTheCatalogueUnlessToldOtherwise(t *testing.T) {
	c := start(t, Options{})
	if n := c.ask(200, "GET", "/v1/gpus?tier=secure", "", "gpus.0.id", "mock-h100").Count("gpus"); n < 50 {
		t.Errorf("%d GPUs", n)
	}
	c.ask(201, "POST", "/v1/machines", `{"name":"m","gpu":{"id":"mock-rtx-4090"}}`, "gpu.id", "mock-rtx-4090")
	c.ask(422, "POST", "/v1/machines", `{"name":"m","gpu":{"id":"mock-h1000"}}`, "code", "invalid")
	if _, err := Start(Options{GPUs: []string{"mock-h1000"}}); err == nil || !strings.Contains(err.Error(), "mock-h1000") {
		t.Errorf("a GPU that is none: %v", err)
	}
}

func TestPreempt_StopsAMachineThatIsUp(t *testing.T) {
	c := start(t, Options{Prices: map[string]float64{"mock-h100": 3.6}})
	path := "/v1/machines/" + c.ask(201, "POST", "/v1/machines", body).Text("id")
	id := strings.TrimPrefix(path, "/v1/machines/")
	for range 2 {
		if err := c.Do(id, "preempt"); err != nil {
			t.Fatal(err)
		}
		c.ask(200, "GET", path, "", "status", "stopped")
	}
	c.ask(200, "DELETE", path, "")
	if err := c.Do(id, "preempt"); err != nil {
		t.Fatal(err)
	}
	c.ask(200, "GET", path, "", "status", "terminated")
}

func TestList_FiltersAndPages(t *testing.T) {
	c := start(t, Options{PageSize: 2})
	for i := range 5 {
		c.ask(201, "POST", "/v1/machines", strings.NewReplacer(`"m"`, fmt.Sprintf(`"m%d"`, i), "r-1", fmt.Sprintf("r-%d", i)).Replace(body))
	}
	next := c.ask(200, "GET", "/v1/machines", "", "machines.0.name", "m0", "machines.1.name", "m1", "machines.2", "<nil>").Text("next")
	next = c.ask(200, "GET", "/v1/machines?cursor="+next, "", "machines.0.name", "m2").Text("next")
	c.ask(200, "GET", "/v1/machines?cursor="+next, "", "machines.0.name", "m4", "next", "<nil>")
	c.ask(200, "GET", "/v1/machines?name=m3&request_id=r-1", "", "machines.0.name", "m1", "machines.1.name", "m3", "machines.2", "<nil>")
	c.ask(200, "GET", "/v1/machines?name=m3&status=stopped", "", "machines", "[]")
	c.ask(200, "GET", "/v1/machines?gpu=other", "", "machines", "[]")
	c.ask(422, "GET", "/v1/machines?cursor=x", "")
}

func TestLogs_AreReadOnWithoutLossOrRepetition(t *testing.T) {
	c := start(t, Options{ProvisionMS: 1000})
	path := "/v1/machines/" + c.ask(201, "POST", "/v1/machines", body).Text("id")
	next := c.ask(200, "GET", path+"/logs", "", "lines.0.text", "machine starts", "lines.0.seq", "1", "lines.0.source", "system", "lines.1", "<nil>").Text("next")
	c.ask(200, "GET", path+"/logs?after="+next, "", "lines", "[]", "next", next)
	c.Advance(time.Second)
	c.ask(200, "GET", path+"/logs?after="+next+"&wait_ms=5000", "", "lines.0.text", "ready", "lines.0.seq", "2", "next", "2")
	c.ask(200, "GET", path+"/logs?source=container", "", "lines.0.text", "ready", "lines.1", "<nil>")
	c.ask(200, "GET", path+"/logs?tail=1", "", "lines.0.text", "ready")
	c.ask(200, "GET", path+"/logs?since=2026-06-01T12:00:01Z", "", "lines.0.text", "ready", "lines.1", "<nil>")
	c.ask(200, "POST", path+"/stop", "")
	c.ask(200, "GET", path+"/logs?after=2", "", "lines.0.text", "machine is stopped")
	c.ask(422, "GET", path+"/logs?tail=-1", "")
}

func TestJob_EchoesUnlessToldOtherwise(t *testing.T) {
	c := start(t, Options{})
	at := c.ask(201, "POST", "/v1/endpoints/e/jobs", `{"input":{"a":1}}`, "status", "completed", "output.echo.a", "1", "error", "<nil>", "delay_ms", "0", "execution_ms", "0", "worker", "w-1", "endpoint", "e")
	path := "/v1/endpoints/e/jobs/" + at.Text("id")
	c.ask(200, "GET", path, "", "output.echo.a", "1")
	c.ask(200, "GET", path+"/stream", "", "status", "completed", "chunks.0.echo.a", "1", "chunks.1", "<nil>")
	c.ask(200, "GET", path+"/stream", "", "status", "completed", "chunks", "[]")
	c.ask(409, "POST", path+"/cancel", "", "code", "conflict")

	slow := "/v1/endpoints/e/jobs/" + c.ask(201, "POST", "/v1/endpoints/e/jobs", `{"input":{"sleep_ms":4000,"chunks":2}}`, "status", "running", "output", "<nil>").Text("id")
	c.Advance(2 * time.Second)
	c.ask(200, "GET", slow+"/stream", "", "status", "running", "chunks.0.index", "0", "chunks.1", "<nil>")
	c.ask(200, "POST", slow+"/cancel", "", "status", "cancelled")
	c.ask(201, "POST", "/v1/endpoints/e/jobs", `{"input":{"fail":"no"},"wait_ms":1000}`, "status", "failed", "error", "no")
	c.ask(201, "POST", "/v1/endpoints/e/jobs", `{"input":{"chunks":3}}`, "output.2.index", "2")
	c.ask(404, "GET", "/v1/endpoints/e/jobs/none", "")
	c.ask(404, "POST", "/v1/endpoints/missing/jobs", `{"input":1}`)
	c.ask(422, "POST", "/v1/endpoints/e/jobs", `{}`)
}
