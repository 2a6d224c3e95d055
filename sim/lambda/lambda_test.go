package lambda

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/openapicheck"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// contract is the vendor's document, where it is at hand.
var contract = sync.OnceValues(func() (*openapicheck.Doc, error) {
	return openapicheck.Load(filepath.Join("..", "..", "..", "shared", "specs", "lambda", "openapi-1.8.3.json"))
})

func TestAnswers_AreHeldAgainstTheVendorsContract(t *testing.T) {
	doc, err := contract()
	if err != nil {
		t.Skipf("the vendor's OpenAPI document is not at hand, so simulated answers go unchecked here: %v", err)
	}
	if doc.Response("GET", "/api/v1/instances/x", 200, []byte(`{"data":{"id":1}}`)) == nil {
		t.Error("the contract accepts an instance that is none")
	}
}

// unheld tells which answers the document leaves out: 429, 5xx and the code of a
// taken name of an SSH key (fact sheet, section 3), regions (section 9), and paths
// that do not exist.
func unheld(path string, status int, text []byte) bool {
	taken := path == "/api/v1/ssh-keys" && strings.Contains(string(text), "global/duplicate")
	return status == 429 || status >= 500 || taken || path == "/api/v1/regions" || path == "/api/v1/nothing"
}

// cloud is a simulator and a client of it.
type cloud struct {
	testing.TB
	*simkit.Server
	client *http.Client
	auth   string
}

func start(t testing.TB, o Options) *cloud {
	t.Helper()
	o.ManualClock, o.Start = true, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	server, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{TB: t, Server: server, client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}, auth: "Bearer key-1"}
	t.Cleanup(func() {
		c.client.CloseIdleConnections()
		_ = server.Close()
		if n := server.Panics(); n != 0 {
			t.Errorf("%d requests ended in a defect of the simulator", n)
		}
	})
	return c
}

// ask makes one request, wants a status, holds the answer against the contract
// and decodes it.
func (c *cloud) ask(status int, method, path, body string) doc {
	c.Helper()
	request, err := http.NewRequest(method, c.URL()+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if c.auth != "" {
		request.Header.Set("Authorization", c.auth)
	}
	response, err := c.client.Do(request)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		c.Fatalf("%s %s answered %d %s (%v), want %d", method, path, response.StatusCode, text, err, status)
	}
	if response.Header.Get("Date") == "" {
		c.Errorf("%s %s: no date", method, path)
	}
	contract, missing := contract()
	if missing != nil && !os.IsNotExist(missing) {
		c.Fatal(missing)
	}
	if missing == nil && !unheld(path, status, text) {
		if err := contract.Response(method, path, status, text); err != nil {
			c.Errorf("%s %s answered %d: %v", method, path, status, err)
		}
	}
	var d doc
	if err := json.Unmarshal(text, &d.v); err != nil {
		c.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return d
}

// doc is a decoded answer.
type doc struct{ v any }

// at reads a value by a path such as "data.0.id", printed.
func (d doc) at(path string) string {
	v := d.v
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(x) {
				return "<nil>"
			}
			v = x[i]
		default:
			return "<nil>"
		}
	}
	return fmt.Sprint(v)
}

func (d doc) wants(t testing.TB, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := d.at(pairs[i]); got != pairs[i+1] {
			t.Errorf("%s is %s, want %s", pairs[i], got, pairs[i+1])
		}
	}
}

const launchBody = `{"region_name":"us-west-1","instance_type_name":"gpu_1x_a10","ssh_key_names":["sim"],"name":"m"}`

func (c *cloud) launch() string {
	c.Helper()
	return c.ask(200, "POST", "/api/v1/instance-operations/launch", launchBody).at("data.instance_ids.0")
}

func (c *cloud) launchRefused(status int, code, body string) {
	c.Helper()
	c.ask(status, "POST", "/api/v1/instance-operations/launch", body).wants(c, "error.code", code)
}

func ids(id string) string { return `{"instance_ids":["` + id + `"]}` }

func TestKeys_AreBearerOrTheUserOfBasic(t *testing.T) {
	c := start(t, Options{})
	id := c.launch()
	c.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte("key-1:"))
	c.ask(200, "GET", "/api/v1/instances", "").wants(t, "data.0.id", id)
	c.auth = "Bearer key-2"
	c.ask(200, "GET", "/api/v1/instances", "").wants(t, "data", "[]")
	c.ask(404, "GET", "/api/v1/instances/"+id, "").wants(t, "error.code", "global/object-does-not-exist")
	c.auth = ""
	c.ask(401, "GET", "/api/v1/instances", "").wants(t, "error.code", "global/invalid-api-key", "error.message", "No API key was provided.")
	c.auth = "Bearer invalid"
	c.ask(401, "GET", "/api/v1/instances", "").wants(t, "error.message", "API key was invalid, expired, or deleted.")
	c.auth = "Bearer forbidden"
	c.ask(403, "GET", "/api/v1/instances", "").wants(t, "error.code", "global/account-inactive")
}

func TestMachine_BootsAndIsBilledUntilItIsTerminated(t *testing.T) {
	c := start(t, Options{ProvisionMS: 60_000, TerminateMS: 5_000})
	id := c.launch()
	path := "/api/v1/instances/" + id
	c.ask(200, "GET", path, "").wants(t, "data.status", "booting", "data.ip", "<nil>", "data.jupyter_token", "<nil>", "data.actions.restart.reason_code", "vm-has-not-launched")
	c.Advance(30 * time.Second)
	c.ask(200, "GET", path, "").wants(t, "data.status", "booting", "data.private_ip", "10.0.2.100")
	c.Advance(30 * time.Second)
	c.ask(200, "GET", path, "").wants(t, "data.status", "active", "data.name", "m", "data.instance_type.price_cents_per_hour", "129", "data.actions.terminate.available", "true")
	c.ask(200, "POST", path, `{"name":"renamed"}`).wants(t, "data.name", "renamed")
	c.ask(200, "POST", "/api/v1/instance-operations/restart", ids(id)).wants(t, "data.restarted_instances.0.status", "booting")
	c.Advance(time.Hour - time.Minute)
	c.ask(200, "POST", "/api/v1/instance-operations/terminate", ids(id)).wants(t, "data.terminated_instances.0.status", "terminating")
	c.ask(500, "POST", "/api/v1/instance-operations/terminate", ids(id)).wants(t, "error.code", "global/unknown")
	c.ask(200, "GET", "/api/v1/instances", "").wants(t, "data.0.status", "terminating")
	c.Advance(5 * time.Second)
	c.ask(200, "GET", "/api/v1/instances", "").wants(t, "data", "[]")
	c.ask(404, "POST", "/api/v1/instance-operations/terminate", ids(id))
	if bill := c.Bill(); bill.TotalUSD < 1.2899 || bill.TotalUSD > 1.2901 || bill.RateNowUSD != 0 {
		t.Errorf("an hour cost %v, now %v", bill.TotalUSD, bill.RateNowUSD)
	}
}

func TestLaunch_RefusesInLambdasWords(t *testing.T) {
	c := start(t, Options{Options: simkit.Options{Capacity: []simkit.Limit{{GPU: "gpu_1x_a10", Region: "us-west-1", Count: 1}}}})
	with := func(member string) string { return strings.Replace(launchBody, "{", "{"+member+",", 1) }
	for body, code := range map[string]string{
		`{`:                                      "global/invalid-parameters",
		`{"region_name":"r"}`:                    "global/invalid-parameters",
		with(`"quantity":2`):                     "global/invalid-parameters",
		with(`"hostname":"No"`):                  "global/invalid-parameters",
		with(`"tags":[{"key":"A","value":"x"}]`): "global/invalid-parameters",
		with(`"tags":[{"key":"lambda-x","value":"x"}]`):                          "global/invalid-parameters",
		with(`"file_system_mounts":[{"mount_point":"/x","file_system_id":"y"}]`): "global/invalid-parameters",
		strings.Replace(launchBody, `["sim"]`, `[]`, 1):                          "global/invalid-parameters",
		strings.Replace(launchBody, `["sim"]`, `["sim","sim"]`, 1):               "global/invalid-parameters",
		strings.Replace(launchBody, "sim", "other", 1):                           "global/object-does-not-exist",
		strings.Replace(launchBody, "gpu_1x_a10", "gpu_9x_z", 1):                 "global/object-does-not-exist",
		strings.Replace(launchBody, "us-west-1", "mars-1", 1):                    "global/object-does-not-exist",
		with(`"image":{"family":"windows"}`):                                     "global/object-does-not-exist",
		with(`"firewall_rulesets":[{"id":"x"}]`):                                 "global/object-does-not-exist",
		with(`"file_system_names":["x"]`):                                        "global/object-does-not-exist",
		strings.Replace(launchBody, "gpu_1x_a10", "gpu_8x_a100_80gb_sxm4", 1):    "instance-operations/launch/insufficient-capacity",
	} {
		c.launchRefused(400, code, body)
	}
	c.launch()
	c.launchRefused(404, "global/object-does-not-exist", strings.Replace(launchBody, "sim", "other", 1)) // the document has both statuses
	c.launchRefused(400, "instance-operations/launch/insufficient-capacity", launchBody)
	zero := 0.0
	start(t, Options{Options: simkit.Options{Balance: &zero}}).launchRefused(400, "global/quota-exceeded", launchBody)
	if n := len(c.Machines()); n != 1 {
		t.Errorf("%d machines", n)
	}
}

func TestTypes_ShowCapacityUnlessTheListIsStale(t *testing.T) {
	for stale, want := range map[bool]string{false: "us-east-1", true: "us-west-1"} {
		c := start(t, Options{Options: simkit.Options{Capacity: []simkit.Limit{{Region: "us-west-1", Count: 7}}}, Stale: stale})
		list := c.ask(200, "GET", "/api/v1/instance-types", "")
		list.wants(t, "data.gpu_8x_h100_sxm5.regions_with_capacity_available.0.name", want, "data.gpu_1x_a10.regions_with_capacity_available.0.name", "us-west-1",
			"data.gpu_1x_gh200.instance_type.architecture", "arm64")
	}
	c := start(t, Options{})
	c.ask(200, "GET", "/api/v1/images", "").wants(t, "data.0.family", "lambda-stack-24-04")
	c.ask(200, "GET", "/api/v1/regions", "").wants(t, "data.0.name", "asia-northeast-1")
	c.ask(404, "GET", "/api/v1/nothing", "")
}

func TestLimits_AreOneASecondAndOneLaunchInTwelve(t *testing.T) {
	c := start(t, Options{Options: simkit.Options{RateLimits: true}})
	c.launch()
	c.ask(429, "GET", "/api/v1/instances", "")
	c.Advance(time.Second)
	c.ask(200, "GET", "/api/v1/instances", "")
	c.Advance(time.Second)
	c.ask(429, "POST", "/api/v1/instance-operations/launch", launchBody)
	c.Advance(10 * time.Second)
	c.launch()
	if n := len(c.Machines()); n != 2 {
		t.Errorf("%d machines", n)
	}
}

func TestSSHKeys_AreRegisteredOnceByName(t *testing.T) {
	c := start(t, Options{NoSSHKeys: true})
	c.ask(200, "GET", "/api/v1/ssh-keys", "").wants(t, "data", "[]")
	made := c.ask(200, "POST", "/api/v1/ssh-keys", `{"name":"a","public_key":"ssh-rsa AAAA x"}`)
	made.wants(t, "data.public_key", "ssh-rsa AAAA x", "data.private_key", "<nil>")
	c.ask(400, "POST", "/api/v1/ssh-keys", `{"name":"a","public_key":"ssh-rsa AAAB x"}`).wants(t, "error.code", "global/duplicate")
	if pair := c.ask(200, "POST", "/api/v1/ssh-keys", `{"name":"b"}`); pair.at("data.private_key") == "<nil>" {
		t.Error("no private key")
	}
	c.ask(200, "GET", "/api/v1/ssh-keys", "").wants(t, "data.1.private_key", "<nil>")
	c.ask(200, "DELETE", "/api/v1/ssh-keys/"+made.at("data.id"), "")
	c.ask(200, "GET", "/api/v1/ssh-keys", "").wants(t, "data.0.name", "b", "data.1", "<nil>")
}

func TestFilesystem_BelongsToItsRegionAndStaysInUseForAWhile(t *testing.T) {
	c := start(t, Options{HoldMS: 10_000})
	id := c.ask(200, "POST", "/api/v1/filesystems", `{"name":"data","region":"us-west-1"}`).at("data.id")
	c.ask(400, "POST", "/api/v1/filesystems", `{"name":"data","region":"us-west-1"}`).wants(t, "error.code", "global/duplicate")
	mounts := `{"file_system_mounts":[{"mount_point":"/data/x","file_system_id":"` + id + `"}],"file_system_names":["data"],`
	c.launchRefused(400, "instance-operations/launch/file-system-in-wrong-region", strings.Replace(strings.Replace(launchBody, "{", mounts, 1), "us-west-1", "us-east-1", 1))
	machine := c.ask(200, "POST", "/api/v1/instance-operations/launch", strings.Replace(launchBody, "{", mounts, 1)).at("data.instance_ids.0")
	c.ask(200, "GET", "/api/v1/instances/"+machine, "").wants(t, "data.file_system_names", "[data]", "data.file_system_mounts.0.mount_point", "/data/x")
	c.ask(200, "GET", "/api/v1/file-systems", "").wants(t, "data.0.is_in_use", "true")
	c.ask(200, "POST", "/api/v1/instance-operations/terminate", ids(machine))
	c.ask(400, "DELETE", "/api/v1/filesystems/"+id, "").wants(t, "error.code", "filesystems/filesystem-in-use")
	c.Advance(10 * time.Second)
	c.ask(200, "DELETE", "/api/v1/filesystems/"+id, "").wants(t, "data.deleted_ids.0", id)
	c.ask(404, "DELETE", "/api/v1/filesystems/"+id, "")
}

func TestFirewall_RulesetsOpenPortsAndPutReplacesEverybodysRules(t *testing.T) {
	c := start(t, Options{})
	rule := `[{"protocol":"tcp","port_range":[80,90],"source_network":"0.0.0.0/0","description":""}]`
	set := c.ask(200, "POST", "/api/v1/firewall-rulesets", `{"name":"web","region":"us-west-1","rules":`+rule+`}`).at("data.id")
	c.ask(400, "POST", "/api/v1/firewall-rulesets", `{"name":"web","region":"us-south-1","rules":[]}`)
	c.ask(400, "POST", "/api/v1/firewall-rulesets", `{"name":"x","region":"us-west-1","rules":[{"protocol":"tcp","source_network":"0.0.0.0/0","description":""}]}`)
	data := `"#!/bin/bash\ndocker run --detach --publish 80:80 --publish 9000:9000 --env 'A=it'\\''s' img && break"`
	body := strings.Replace(launchBody, "{", `{"firewall_rulesets":[{"id":"`+set+`"}],"user_data":`+data+`,`, 1)
	id := c.ask(200, "POST", "/api/v1/instance-operations/launch", body).at("data.instance_ids.0")
	if env := c.Machines()[0].Env["A"]; env != "it's" {
		t.Errorf("A is %q", env)
	}
	c.ask(200, "GET", "/api/v1/firewall-rulesets/"+set, "").wants(t, "data.instance_ids.0", id)
	c.ask(400, "DELETE", "/api/v1/firewall-rulesets/"+set, "").wants(t, "error.code", "firewall-rulesets/firewall-ruleset-in-use")
	for port, want := range map[string]int{"80": 200, "81": 404, "9000": 404} {
		c.proxied(want, id, port)
	}
	c.ask(200, "PUT", "/api/v1/firewall-rules", `{"data":[{"protocol":"tcp","port_range":[9000,9000],"source_network":"0.0.0.0/0","description":""}]}`)
	c.ask(200, "GET", "/api/v1/firewall-rules", "").wants(t, "data.0.port_range", "[9000 9000]", "data.1", "<nil>")
	c.proxied(200, id, "9000")
	c.ask(200, "PATCH", "/api/v1/firewall-rulesets/global", `{"rules":[]}`).wants(t, "data.id", "global", "data.rules", "[]")
	c.ask(200, "GET", "/api/v1/firewall-rulesets/global", "").wants(t, "data.rules", "[]")
	c.proxied(404, id, "9000")
	c.ask(200, "PATCH", "/api/v1/firewall-rulesets/"+set, `{"name":"none","rules":[]}`).wants(t, "data.name", "none")
	c.proxied(404, id, "80")
	c.ask(200, "POST", "/api/v1/instance-operations/terminate", ids(id))
	c.ask(200, "DELETE", "/api/v1/firewall-rulesets/"+set, "")
	c.ask(404, "GET", "/api/v1/firewall-rulesets/"+set, "")
}

func (c *cloud) proxied(want int, id, port string) {
	c.Helper()
	response, err := c.client.Get(c.URL() + "/proxy/" + id + "/" + port + "/")
	if err != nil {
		c.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != want {
		c.Errorf("port %s answers %d, want %d", port, response.StatusCode, want)
	}
}

func TestListingLag_HidesNewMachines(t *testing.T) {
	c := start(t, Options{Options: simkit.Options{ListLagMS: 5000, GetLagMS: 2000}})
	id := c.launch()
	c.ask(200, "GET", "/api/v1/instances", "").wants(t, "data", "[]")
	c.ask(404, "GET", "/api/v1/instances/"+id, "")
	c.Advance(5 * time.Second)
	c.ask(200, "GET", "/api/v1/instances", "").wants(t, "data.0.id", id)
}

func TestDo_AndBirthsChangeMachines(t *testing.T) {
	c := start(t, Options{Births: []Birth{{Nth: 2, Do: "fail"}, {Every: 3, Do: "preempt"}}})
	first, second, third := c.launch(), c.launch(), c.launch()
	c.ask(200, "GET", "/api/v1/instances/"+second, "").wants(t, "data.status", "unhealthy")
	c.ask(200, "GET", "/api/v1/instances/"+third, "").wants(t, "data.status", "preempted")
	if at := c.Machines(); len(at) != 2 || c.Bill().RateNowUSD != 2.58 {
		t.Errorf("%+v cost %v", at, c.Bill().RateNowUSD)
	}
	if err := c.Do(first, "vanish"); err != nil {
		t.Fatal(err)
	}
	c.ask(404, "GET", "/api/v1/instances/"+first, "")
	if c.Do(first, "fail") == nil || c.Do(second, "explode") == nil {
		t.Error("a machine that is gone, or an action that is none, was accepted")
	}
	if _, err := Start(Options{Births: []Birth{{Do: "explode"}}}); err == nil {
		t.Error("an unknown birth was accepted")
	}
	if err := c.Reset(); err != nil || len(c.Machines()) != 0 {
		t.Errorf("reset: %v", err)
	}
}

func TestReadContainer_ReadsShellAndArchivesAndSurvivesNonsense(t *testing.T) {
	c := readContainer("#cloud-config-archive\n" + `[{"content":"#!/bin/sh\ntrue\n"},{"content":"docker run --env 'A=b c' --env \\$x=1 --publish 1:1 img x"}]`)
	if c.image != "img" || c.env["A"] != "b c" || c.env["$x"] != "1" || len(c.ports) != 1 {
		t.Errorf("%+v", c)
	}
	for _, data := range []string{"", "docker run ", "docker run --env", "docker run --publish", "docker run 'x", "docker run \\", "#cloud-config-archive\n{", "docker run --detach --detach"} {
		readContainer(data)
	}
}
