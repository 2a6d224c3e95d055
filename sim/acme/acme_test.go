package acme

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// cloud is a simulated Acme and somebody who has a key.
type cloud struct{ *simtest.Sim }

func start(t testing.TB, o Options) *cloud {
	t.Helper()
	o.ManualClock = true
	o.Start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	server, err := Start(o)
	c := &cloud{simtest.New(t, server, err)}
	c.Key = "key-1"
	return c
}

// ask makes a request, wants a status and fragments of the answer, and returns
// the answer and its header.
func (c *cloud) ask(status int, method, path, body string, wants ...string) (map[string]any, http.Header) {
	c.Helper()
	response, text := c.Get(method, path, body)
	if response.StatusCode != status {
		c.Fatalf("%s %s answered %d %s, want %d", method, path, response.StatusCode, text, status)
	}
	for _, want := range wants {
		if !strings.Contains(string(text), want) {
			c.Errorf("%s %s: no %s in %s", method, path, want, text)
		}
	}
	object, _ := simtest.Read(c, text).V.(map[string]any)
	return object, response.Header
}

const order = `{"name":"m","size":"a100-2","zones":["south","north"],"image":"i:1","ports":[{"port":8000,"kind":"http"},{"port":22,"kind":"tcp"}],` +
	`"variables":{"ATLAS_PRESHARED_KEY":"k"},"labels":{"atlas-request":"r-1"},"disk_gb":20}`

func (c *cloud) order(body string) string {
	c.Helper()
	object, _ := c.ask(201, "POST", "/v1/machines", body)
	return object["id"].(string)
}

func TestMachine_LivesAsTheWireFormatSays(t *testing.T) {
	c := start(t, Options{BuildMS: 3000})
	made, _ := c.ask(201, "POST", "/v1/machines", order, `"state":"building"`, `"address":null`, `"ports":[{"port":8000,"kind":"http"},{"port":22,"kind":"tcp"}]`,
		`"ssh":null`, `"zone":"south"`, `"gpu":"a100","gpus":2`, `"hourly_usd":3.6`, `"labels":{"atlas-request":"r-1"}`, `"started":null`)
	id := made["id"].(string)
	if len(id) != 14 || !strings.HasPrefix(id, "m-") {
		t.Errorf("id %q", id)
	}
	path := "/v1/machines/" + id
	c.Advance(3 * time.Second)
	up, _ := c.ask(200, "GET", path, "", `"state":"on"`, `"address":"198.51.100.7"`, `"url":"`+c.URL()+`/proxy/`+id+`/8000/"`, `"user":"root"`,
		`"created":"2026-11-24T12:00:00Z","started":"2026-11-24T12:00:03Z"`)
	if up["ssh"].(map[string]any)["port"] != up["ports"].([]any)[1].(map[string]any)["external"] {
		t.Errorf("ssh is not the port 22 in %v", up)
	}
	c.ask(401, "GET", "/proxy/"+id+"/8000/", "")
	c.ask(409, "POST", path+"/power", `{"state":"on"}`, `"wrong_state"`)
	c.ask(200, "POST", path+"/power", `{"state":"off"}`, `"state":"off"`)
	c.Advance(time.Hour)
	if bill := c.Bill(); bill.RateNowUSD != 0 || bill.TotalUSD > 0.01 {
		t.Errorf("a machine that is off costs: %+v", bill)
	}
	c.ask(200, "POST", path+"/power", `{"state":"on"}`, `"state":"building"`)
	c.ask(204, "DELETE", path, "")
	for _, method := range []string{"GET", "DELETE"} {
		c.ask(404, method, path, "", `"no_such_machine"`)
	}
	if len(c.Machines()) != 0 {
		t.Error("a deleted machine is there")
	}
}

func TestCreate_RefusesWhatTheWireFormatForbids(t *testing.T) {
	credit := 4.0
	c := start(t, Options{Options: simkit.Options{Balance: &credit, Capacity: []simkit.Limit{{GPU: "a100", Region: "north", Count: 1}, {GPU: "a100", Region: "south", Count: 2}}}})
	for _, body := range []string{`{`, `[]`, `{"name":"m"}`, `{"name":"","size":"a100-1"}`, `{"name":"m","size":"a100-3"}`, `{"name":"m","size":"a100-01"}`, `{"name":"m","size":"a100-1","bogus":1}`,
		`{"name":"m","size":"a100-1","zones":["west"]}`, `{"name":"m","size":"a100-1","ports":[{"port":0,"kind":"http"}]}`, `{"name":"m","size":"a100-1","labels":{"a":1}}`} {
		c.ask(422, "POST", "/v1/machines", body, `"invalid"`)
	}
	c.ask(409, "POST", "/v1/machines", `{"name":"m","size":"a100-2","max_hourly_usd":3.5,"zones":["south"]}`, `"too_expensive"`)
	c.ask(402, "POST", "/v1/machines", `{"name":"m","size":"h100-8"}`, `"no_credit"`)
	c.ask(409, "POST", "/v1/machines", `{"name":"m","size":"a100-2"}`, `"sold_out"`)
	c.ask(201, "POST", "/v1/machines", order, `"zone":"south"`)
	c.ask(200, "GET", "/v1/sizes", "", `{"id":"a100-1","gpu":"a100","name":"A100 80 GB","gpus":1,"gpu_memory_gb":80,"hourly_usd":1.8,"zones":["north"],"stock":1}`,
		`"id":"a100-2","gpu":"a100","name":"A100 80 GB","gpus":2,"gpu_memory_gb":80,"hourly_usd":3.6,"zones":[],"stock":0}`)
}

func TestKeys_OpenAccountsThatDoNotSeeEachOther(t *testing.T) {
	c := start(t, Options{Options: simkit.Options{Windows: []simkit.Window{{Name: "minute", Quota: 4, Seconds: 60}}}})
	id := c.order(order)
	c.Key = "key-2"
	c.ask(404, "GET", "/v1/machines/"+id, "")
	c.ask(200, "GET", "/v1/machines", "", `"machines":[]`)
	c.ask(404, "DELETE", "/v1/machines/"+id, "")
	c.ask(404, "POST", "/v1/machines/"+id+"/power", `{"state":"off"}`)
	if _, header := c.ask(429, "GET", "/v1/machines", "", `"too_many_requests"`); header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After is %q", header.Get("Retry-After"))
	}
	for key, status := range map[string]int{"": 401, "invalid-1": 401, "forbidden-1": 403} {
		c.Key = key
		c.ask(status, "GET", "/v1/machines", "")
	}
	c.Key = "readonly-1"
	c.ask(200, "GET", "/v1/machines", "")
	c.ask(403, "POST", "/v1/machines", order, `"not_allowed"`)
}

func TestList_PagesAndForgets(t *testing.T) {
	c := start(t, Options{PerPage: 2, Options: simkit.Options{ListLagMS: 1000}})
	for i := range 5 {
		c.order(strings.Replace(order, `"m"`, fmt.Sprintf(`"m%d"`, i), 1))
	}
	c.ask(200, "GET", "/v1/machines", "", `{"machines":[],"next_page":null}`)
	c.Advance(time.Second)
	var names []string
	for page := "p0"; page != ""; {
		object, _ := c.ask(200, "GET", "/v1/machines?page="+page, "")
		for _, m := range object["machines"].([]any) {
			names = append(names, m.(map[string]any)["name"].(string))
		}
		page, _ = object["next_page"].(string)
	}
	if fmt.Sprint(names) != "[m0 m1 m2 m3 m4]" {
		t.Errorf("the pages hold %v", names)
	}
	c.ask(422, "GET", "/v1/machines?page=x", "", `"invalid"`)
	c.ask(422, "GET", "/v1/machines?per_page=0", "")
	if err := c.Reset(); err != nil || len(c.Machines()) != 0 {
		t.Errorf("machines are left after a reset: %v", err)
	}
}

func TestDo_ChangesMachinesFromOutside(t *testing.T) {
	c := start(t, Options{BuildMS: 1000})
	id := c.order(order)
	for _, step := range []struct{ do, state string }{{"stuck", "building"}, {"run", "on"}, {"fail", "broken"}} {
		if err := c.Do(id, step.do); err != nil {
			t.Fatal(err)
		}
		c.ask(200, "GET", "/v1/machines/"+id, "", `"state":"`+step.state+`"`)
	}
	c.ask(409, "POST", "/v1/machines/"+id+"/power", `{"state":"off"}`)
	if c.Bill().RateNowUSD != 3.6 {
		t.Error("a broken machine costs nothing")
	}
	if err := c.Do(id, "vanish"); err != nil || c.Do(id, "vanish") == nil {
		t.Errorf("vanish: %v", err)
	}
	c.ask(404, "GET", "/v1/machines/"+id, "")
	if _, err := c.AddFault(simkit.Fault{Path: "/v1/sizes", Effect: simkit.Status, Status: 503}); err != nil {
		t.Fatal(err)
	}
	c.ask(503, "GET", "/v1/sizes", "", `"internal"`)
}
