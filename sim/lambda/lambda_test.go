package lambda

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// contract is the vendor's document.
var contract = simtest.NewContract("lambda", "openapi-1.8.3.json", nil)

func TestAnswers_AreHeldAgainstTheVendorsContract(t *testing.T) {
	contract.Refuses(t, "GET", "/api/v1/instances/x", 200, `{"data":{"id":1}}`)
}

// unheld tells which answers the document leaves out: 429, 5xx and the code of a
// taken name of an SSH key (fact sheet, section 3), regions (section 9), and paths
// that do not exist.
func unheld(path string, status int, text []byte) bool {
	taken := path == "/api/v1/ssh-keys" && strings.Contains(string(text), "global/duplicate")
	return status == 429 || status >= 500 || taken || path == "/api/v1/regions" || path == "/api/v1/nothing"
}

// cloud is a simulator and a client of it, whose keys say their scheme.
type cloud struct{ *simtest.Sim }

func start(t testing.TB, o Options) *cloud {
	t.Helper()
	o.ManualClock, o.Start = true, time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	server, err := Start(o)
	c := &cloud{simtest.New(t, server, err)}
	c.Scheme, c.Key = "", "Bearer key-1"
	return c
}

// ask makes one request, wants a status, holds the answer against the contract
// and decodes it.
func (c *cloud) ask(status int, method, path, body string) simtest.Doc {
	c.Helper()
	response, text := c.Get(method, path, body)
	if response.StatusCode != status {
		c.Fatalf("%s %s answered %d %s, want %d", method, path, response.StatusCode, text, status)
	}
	if response.Header.Get("Date") == "" {
		c.Errorf("%s %s: no date", method, path)
	}
	if !unheld(path, status, text) {
		contract.Held(c, method, path, status, text)
	}
	return simtest.Read(c, text)
}

const launchBody = `{"region_name":"us-west-1","instance_type_name":"gpu_1x_a10","ssh_key_names":["sim"],"name":"m"}`

func (c *cloud) launch() string {
	c.Helper()
	return c.ask(200, "POST", "/api/v1/instance-operations/launch", launchBody).Text("data.instance_ids.0")
}

func (c *cloud) launchRefused(status int, code, body string) {
	c.Helper()
	c.ask(status, "POST", "/api/v1/instance-operations/launch", body).Wants(c, "error.code", code)
}

func ids(id string) string { return `{"instance_ids":["` + id + `"]}` }

func TestKeys_AreBearerOrTheUserOfBasic(t *testing.T) {
	c := start(t, Options{})
	id := c.launch()
	c.Key = "Basic " + base64.StdEncoding.EncodeToString([]byte("key-1:"))
	c.ask(200, "GET", "/api/v1/instances", "").Wants(t, "data.0.id", id)
	c.Key = "Bearer key-2"
	c.ask(200, "GET", "/api/v1/instances", "").Wants(t, "data", "[]")
	c.ask(404, "GET", "/api/v1/instances/"+id, "").Wants(t, "error.code", "global/object-does-not-exist")
	c.Key = ""
	c.ask(401, "GET", "/api/v1/instances", "").Wants(t, "error.code", "global/invalid-api-key", "error.message", "No API key was provided.")
	c.Key = "Bearer invalid"
	c.ask(401, "GET", "/api/v1/instances", "").Wants(t, "error.message", "API key was invalid, expired, or deleted.")
	c.Key = "Bearer forbidden"
	c.ask(403, "GET", "/api/v1/instances", "").Wants(t, "error.code", "global/account-inactive")
}

func TestMachine_BootsAndIsBilledUntilItIsTerminated(t *testing.T) {
	c := start(t, Options{ProvisionMS: 60_000, TerminateMS: 5_000})
	id := c.launch()
	path := "/api/v1/instances/" + id
	c.ask(200, "GET", path, "").Wants(t, "data.status", "booting", "data.ip", "<nil>", "data.jupyter_token", "<nil>", "data.actions.restart.reason_code", "vm-has-not-launched")
	c.Advance(30 * time.Second)
	c.ask(200, "GET", path, "").Wants(t, "data.status", "booting", "data.private_ip", "10.0.2.100")
	c.Advance(30 * time.Second)
	c.ask(200, "GET", path, "").Wants(t, "data.status", "active", "data.name", "m", "data.instance_type.price_cents_per_hour", "129", "data.actions.terminate.available", "true")
	c.ask(200, "POST", path, `{"name":"renamed"}`).Wants(t, "data.name", "renamed")
	c.ask(200, "POST", "/api/v1/instance-operations/restart", ids(id)).Wants(t, "data.restarted_instances.0.status", "booting")
	c.Advance(time.Hour - time.Minute)
	c.ask(200, "POST", "/api/v1/instance-operations/terminate", ids(id)).Wants(t, "data.terminated_instances.0.status", "terminating")
	c.ask(500, "POST", "/api/v1/instance-operations/terminate", ids(id)).Wants(t, "error.code", "global/unknown")
	c.ask(200, "GET", "/api/v1/instances", "").Wants(t, "data.0.status", "terminating")
	c.Advance(5 * time.Second)
	c.ask(200, "GET", "/api/v1/instances", "").Wants(t, "data", "[]")
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
		list.Wants(t, "data.gpu_8x_h100_sxm5.regions_with_capacity_available.0.name", want, "data.gpu_1x_a10.regions_with_capacity_available.0.name", "us-west-1",
			"data.gpu_1x_gh200.instance_type.architecture", "arm64")
	}
	c := start(t, Options{})
	c.ask(200, "GET", "/api/v1/images", "").Wants(t, "data.0.family", "lambda-stack-24-04")
	c.ask(200, "GET", "/api/v1/regions", "").Wants(t, "data.0.name", "asia-northeast-1")
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
	c.ask(200, "GET", "/api/v1/ssh-keys", "").Wants(t, "data", "[]")
	made := c.ask(200, "POST", "/api/v1/ssh-keys", `{"name":"a","public_key":"ssh-rsa AAAA x"}`)
	made.Wants(t, "data.public_key", "ssh-rsa AAAA x", "data.private_key", "<nil>")
	c.ask(400, "POST", "/api/v1/ssh-keys", `{"name":"a","public_key":"ssh-rsa AAAB x"}`).Wants(t, "error.code", "global/duplicate")
	if pair := c.ask(200, "POST", "/api/v1/ssh-keys", `{"name":"b"}`); pair.Text("data.private_key") == "" {
		t.Error("no private key")
	}
	c.ask(200, "GET", "/api/v1/ssh-keys", "").Wants(t, "data.1.private_key", "<nil>")
	c.ask(200, "DELETE", "/api/v1/ssh-keys/"+made.Text("data.id"), "")
	c.ask(200, "GET", "/api/v1/ssh-keys", "").Wants(t, "data.0.name", "b", "data.1", "<nil>")
}

func TestFilesystem_BelongsToItsRegionAndStaysInUseForAWhile(t *testing.T) {
	c := start(t, Options{HoldMS: 10_000})
	id := c.ask(200, "POST", "/api/v1/filesystems", `{"name":"data","region":"us-west-1"}`).Text("data.id")
	c.ask(400, "POST", "/api/v1/filesystems", `{"name":"data","region":"us-west-1"}`).Wants(t, "error.code", "global/duplicate")
	mounts := `{"file_system_mounts":[{"mount_point":"/data/x","file_system_id":"` + id + `"}],"file_system_names":["data"],`
	c.launchRefused(400, "instance-operations/launch/file-system-in-wrong-region", strings.Replace(strings.Replace(launchBody, "{", mounts, 1), "us-west-1", "us-east-1", 1))
	machine := c.ask(200, "POST", "/api/v1/instance-operations/launch", strings.Replace(launchBody, "{", mounts, 1)).Text("data.instance_ids.0")
	c.ask(200, "GET", "/api/v1/instances/"+machine, "").Wants(t, "data.file_system_names", "[data]", "data.file_system_mounts.0.mount_point", "/data/x")
	c.ask(200, "GET", "/api/v1/file-systems", "").Wants(t, "data.0.is_in_use", "true")
	c.ask(200, "POST", "/api/v1/instance-operations/terminate", ids(machine))
	c.ask(400, "DELETE", "/api/v1/filesystems/"+id, "").Wants(t, "error.code", "filesystems/filesystem-in-use")
	c.Advance(10 * time.Second)
	c.ask(200, "DELETE", "/api/v1/filesystems/"+id, "").Wants(t, "data.deleted_ids.0", id)
	c.ask(404, "DELETE", "/api/v1/filesystems/"+id, "")
}

func TestFirewall_RulesetsOpenPortsAndPutReplacesEverybodysRules(t *testing.T) {
	c := start(t, Options{})
	rule := `[{"protocol":"tcp","port_range":[80,90],"source_network":"0.0.0.0/0","description":""}]`
	set := c.ask(200, "POST", "/api/v1/firewall-rulesets", `{"name":"web","region":"us-west-1","rules":`+rule+`}`).Text("data.id")
	c.ask(400, "POST", "/api/v1/firewall-rulesets", `{"name":"web","region":"us-south-1","rules":[]}`)
	c.ask(400, "POST", "/api/v1/firewall-rulesets", `{"name":"x","region":"us-west-1","rules":[{"protocol":"tcp","source_network":"0.0.0.0/0","description":""}]}`)
	data := `"#!/bin/bash\ndocker run --detach --publish 80:80 --publish 9000:9000 --env 'A=it'\\''s' img && break"`
	body := strings.Replace(launchBody, "{", `{"firewall_rulesets":[{"id":"`+set+`"}],"user_data":`+data+`,`, 1)
	id := c.ask(200, "POST", "/api/v1/instance-operations/launch", body).Text("data.instance_ids.0")
	if env := c.Machines()[0].Env["A"]; env != "it's" {
		t.Errorf("A is %q", env)
	}
	c.ask(200, "GET", "/api/v1/firewall-rulesets/"+set, "").Wants(t, "data.instance_ids.0", id)
	c.ask(400, "DELETE", "/api/v1/firewall-rulesets/"+set, "").Wants(t, "error.code", "firewall-rulesets/firewall-ruleset-in-use")
	for port, want := range map[string]int{"80": 200, "81": 404, "9000": 404} {
		c.proxied(want, id, port)
	}
	c.ask(200, "PUT", "/api/v1/firewall-rules", `{"data":[{"protocol":"tcp","port_range":[9000,9000],"source_network":"0.0.0.0/0","description":""}]}`)
	c.ask(200, "GET", "/api/v1/firewall-rules", "").Wants(t, "data.0.port_range", "[9000 9000]", "data.1", "<nil>")
	c.proxied(200, id, "9000")
	c.ask(200, "PATCH", "/api/v1/firewall-rulesets/global", `{"rules":[]}`).Wants(t, "data.id", "global", "data.rules", "[]")
	c.ask(200, "GET", "/api/v1/firewall-rulesets/global", "").Wants(t, "data.rules", "[]")
	c.proxied(404, id, "9000")
	c.ask(200, "PATCH", "/api/v1/firewall-rulesets/"+set, `{"name":"none","rules":[]}`).Wants(t, "data.name", "none")
	c.proxied(404, id, "80")
	c.ask(200, "POST", "/api/v1/instance-operations/terminate", ids(id))
	c.ask(200, "DELETE", "/api/v1/firewall-rulesets/"+set, "")
	c.ask(404, "GET", "/api/v1/firewall-rulesets/"+set, "")
}

func (c *cloud) proxied(want int, id, port string) {
	c.Helper()
	response, err := c.Client.Get(c.URL() + "/proxy/" + id + "/" + port + "/")
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
	c.ask(200, "GET", "/api/v1/instances", "").Wants(t, "data", "[]")
	c.ask(404, "GET", "/api/v1/instances/"+id, "")
	c.Advance(5 * time.Second)
	c.ask(200, "GET", "/api/v1/instances", "").Wants(t, "data.0.id", id)
}

func TestDo_AndBirthsChangeMachines(t *testing.T) {
	c := start(t, Options{Births: []Birth{{Nth: 2, Do: "fail"}, {Every: 3, Do: "preempt"}}})
	first, second, third := c.launch(), c.launch(), c.launch()
	c.ask(200, "GET", "/api/v1/instances/"+second, "").Wants(t, "data.status", "unhealthy")
	c.ask(200, "GET", "/api/v1/instances/"+third, "").Wants(t, "data.status", "preempted")
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
