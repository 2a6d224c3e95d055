package fly

import (
	"fmt"
	"testing"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

func TestApps_HaveGlobalNames(t *testing.T) {
	c := start(t, manual())
	c.app("one")
	c.ask(200, "GET", "/v1/apps/one", "").Wants(t, "name", "one", "organization.slug", c.org(), "status", "pending")
	c.ask(422, "POST", "/v1/apps", `{"name":"one","org_slug":"personal"}`).Wants(t, "error", "Validation failed: Name has already been taken")
	c.ask(422, "POST", "/v1/apps", `{"name":"No_Good","org_slug":"personal"}`)
	c.ask(404, "POST", "/v1/apps", `{"name":"two","org_slug":"somebody"}`)
	c.ask(404, "GET", "/v1/apps/free", "")
	c.ask(200, "GET", "/v1/apps?org_slug="+c.org(), "").Wants(t, "total_apps", "1", "apps.0.name", "one")
	c.Key = "Bearer fo1_other"
	c.ask(403, "GET", "/v1/apps/one", "")
	c.ask(403, "POST", "/v1/apps/one/machines", machineBody)
	c.ask(422, "POST", "/v1/apps", `{"name":"one","org_slug":"personal"}`)
	c.Key = "Bearer fo1_key"
	c.ask(202, "DELETE", "/v1/apps/one", "")
	c.ask(404, "GET", "/v1/apps/one", "")
}

func TestApps_MayTakeAMomentToShow(t *testing.T) {
	o := manual()
	o.AppLag = 2
	c := start(t, o)
	c.app("one")
	c.ask(404, "GET", "/v1/apps/one", "")
	c.ask(404, "POST", "/v1/apps/one/machines", machineBody)
	c.ask(200, "GET", "/v1/apps/one", "")
}

func TestTokens_AreMacaroonsOrOAuthAndSomeAreOfOneApp(t *testing.T) {
	o := manual()
	o.Tokens = []DeployToken{{Key: "fm2_deploy", Of: "fm2_org", App: "one"}}
	c := start(t, o)
	c.Key = "FlyV1 fm2_org"
	c.app("one")
	c.app("two")
	org := c.org()
	for _, key := range []string{"Bearer fm2_org", "Bearer FlyV1 fm2_org"} { // the Machines API takes both
		c.Key = key
		if got := c.org(); got != org {
			t.Errorf("%s: %s, want %s", key, got, org)
		}
	}
	c.Key = "FlyV1 fm2_deploy"
	c.ask(200, "GET", "/v1/tokens/current", "").Wants(t, "tokens.0.apps", "[one]", "tokens.0.org_slug", org)
	c.machine("one")
	c.ask(403, "GET", "/v1/apps/two", "")
	c.ask(403, "GET", "/v1/apps?org_slug="+org, "")
	c.ask(403, "GET", "/v1/orgs/"+org+"/machines", "")
	c.ask(403, "POST", "/v1/apps", `{"name":"three","org_slug":"`+org+`"}`)
	for _, key := range []string{"", "FlyV1 fo1_user", "Basic x", "Bearer invalid-1", "FlyV1 fm2_invalid"} {
		c.Key = key
		c.ask(401, "GET", "/v1/tokens/current", "").Wants(t, "error", "Authenticate: token validation error")
	}
	c.Key = "Bearer readonly-1"
	c.ask(200, "GET", "/v1/platform/regions", "").Wants(t, "nearest", "ord")
	c.ask(403, "POST", "/v1/apps", `{"name":"three","org_slug":"personal"}`)
	c.Key = "Bearer forbidden-1"
	c.ask(403, "GET", "/v1/tokens/current", "")
}

func TestOrgListing_LagsPagesAndLeavesServicesOut(t *testing.T) {
	o := manual()
	o.ListLagMS, o.OrgPage, o.EmptyPages = 5000, 2, true
	c := start(t, o)
	c.app("one")
	for range 5 {
		c.machine("one")
	}
	path := "/v1/orgs/" + esc(c.org()) + "/machines"
	c.ask(200, "GET", path, "").Wants(t, "machines", "[]", "next_cursor", "<nil>")
	c.ask(200, "GET", "/v1/apps/one/machines", "").Wants(t, "4.state", "started")
	c.Advance(5 * time.Second)
	pages, got := 0, map[string]bool{}
	for next := path; next != ""; pages++ {
		d := c.ask(200, "GET", next, "")
		list, _ := d.At("machines").([]any)
		for i := range list {
			got[d.Text(fmt.Sprintf("machines.%d.id", i))] = true
			d.Wants(t, fmt.Sprintf("machines.%d.app_name", i), "one", fmt.Sprintf("machines.%d.config.services", i), "<nil>", fmt.Sprintf("machines.%d.config.metadata.a", i), "1")
		}
		next = ""
		if cursor := d.Text("next_cursor"); cursor != "" {
			next = path + "?cursor=" + cursor
		}
	}
	if len(got) != 5 || pages < 4 {
		t.Errorf("%d machines on %d pages", len(got), pages)
	}
	c.ask(400, "GET", path+"?cursor=nonsense", "")
	o.ErrorRegions = []string{"ord"}
	dark := start(t, o)
	dark.app("one")
	dark.machine("one")
	dark.Advance(time.Minute)
	dark.ask(200, "GET", "/v1/orgs/personal/machines", "").Wants(t, "error_regions", "[ord]", "machines", "[]")
}

func TestListing_FiltersByMetadataRegionAndState(t *testing.T) {
	c := start(t, manual())
	c.app("one")
	path := c.machine("one")
	for query, want := range map[string]int{"metadata.a=1": 1, "metadata.a=2": 0, "metadata.a=1&metadata.b=1": 0, "region=ord": 1, "region=ams": 0, "state=started,stopped": 1, "state=stopped": 0} {
		d := c.ask(200, "GET", "/v1/apps/one/machines?"+query, "")
		if list, _ := d.V.([]any); len(list) != want {
			t.Errorf("%s: %d machines, want %d", query, len(list), want)
		}
	}
	c.ask(404, "GET", path+"x", "")
}

func TestVolumes_BindAMachineToTheirRegion(t *testing.T) {
	c := start(t, manual())
	c.app("one")
	v := c.ask(200, "POST", "/v1/apps/one/volumes", `{"name":"d","region":"ams","size_gb":10,"compute":{"cpu_kind":"shared","cpus":1,"memory_mb":256}}`)
	v.Wants(t, "region", "ams", "state", "created", "size_gb", "10")
	mount := func(region string) string {
		return `{"region":"` + region + `","config":{"image":"i","mounts":[{"volume":"` + v.Text("id") + `","path":"/d"}]}}`
	}
	c.ask(422, "POST", "/v1/apps/one/machines", mount("ord"))
	id := c.ask(200, "POST", "/v1/apps/one/machines", mount("ams")).Text("id")
	c.ask(412, "POST", "/v1/apps/one/machines", mount("ams"))
	c.ask(200, "GET", "/v1/apps/one/volumes/"+v.Text("id"), "").Wants(t, "attached_machine_id", id)
	c.ask(412, "DELETE", "/v1/apps/one/volumes/"+v.Text("id"), "")
	c.ask(200, "DELETE", "/v1/apps/one/machines/"+id+"?force=true", "")
	c.ask(200, "DELETE", "/v1/apps/one/volumes/"+v.Text("id"), "").Wants(t, "state", "pending_destroy")
	c.ask(200, "GET", "/v1/apps/one/volumes?summary=true", "").Wants(t, "0", "<nil>")
}

func TestProxy_NeedsAnAddressAndAMachineThatRuns(t *testing.T) {
	o := manual()
	o.BootMS = 1000
	c := start(t, o)
	c.app("one")
	c.machine("one")
	c.ask(404, "GET", "/proxy/one/443/x", "")
	c.ask(200, "POST", "/v1/apps/one/ip_assignments", `{"type":"shared_v4"}`).Wants(t, "shared", "true")
	c.ask(502, "GET", "/proxy/one/443/x", "")
	c.Advance(time.Second)
	c.ask(200, "GET", "/proxy/one/443/x", "").Wants(t, "ok", "true", "path", "/x")
	c.ask(404, "GET", "/proxy/one/8000/x", "")
	ip := c.ask(200, "POST", "/v1/apps/one/ip_assignments", `{"type":"v6"}`).Text("ip")
	c.ask(422, "POST", "/v1/apps/one/ip_assignments", `{"type":"v5"}`)
	c.ask(200, "GET", "/v1/apps/one/ip_assignments", "").Wants(t, "ips.1.ip", ip)
	c.ask(204, "DELETE", "/v1/apps/one/ip_assignments/"+esc(ip), "")
}

func TestRateLimits_AreOfEachActionAndMachine(t *testing.T) {
	o := manual()
	o.RateLimits = true
	c := start(t, o)
	c.app("one")
	path := c.machine("one")
	for range 10 {
		c.ask(200, "GET", path, "")
	}
	r, _, err := c.Send("GET", path, "")
	if err != nil || r.StatusCode != 429 || r.Header.Get("Retry-After") != "" {
		t.Errorf("%v %+v", err, r)
	}
	for range 3 {
		c.ask(200, "POST", path+"/stop", "{}")
	}
	c.ask(429, "POST", path+"/stop", "{}")
	c.Advance(3 * time.Second)
	c.ask(200, "POST", path+"/stop", "{}")
}

func TestFault_LosesTheAnswerAfterTheEffect(t *testing.T) {
	c := start(t, manual())
	c.app("one")
	c.Fault(simkit.Fault{Method: "POST", Path: "/v1/apps/*/machines", Nth: 1, Effect: simkit.LostAnswer})
	if _, text, err := c.Send("POST", "/v1/apps/one/machines", machineBody); err == nil {
		t.Fatalf("an answer came: %s", text)
	}
	if n := len(c.Machines()); n != 1 {
		t.Errorf("%d machines", n)
	}
	c.Fault(simkit.Fault{Method: "GET", Nth: 1, Effect: simkit.Status, Status: 503})
	c.ask(503, "GET", "/v1/tokens/current", "")
}

func TestDo_RefusesWhatItDoesNotKnow(t *testing.T) {
	c := start(t, manual())
	if c.Do("none", "fail") == nil || c.Do("none", "dance") == nil {
		t.Error("it was accepted")
	}
	if _, err := Start(Options{Births: []Birth{{Do: "dance"}}}); err == nil {
		t.Error("an unknown birth was accepted")
	}
	o := manual()
	o.Births = []Birth{{Nth: 2, Do: "fail"}}
	born := start(t, o)
	born.app("one")
	born.ask(200, "GET", born.machine("one"), "").Wants(t, "state", "started")
	born.ask(200, "GET", born.machine("one"), "").Wants(t, "state", "failed")
	born.ask(404, "GET", "/v1/nothing", "")
	born.ask(404, "GET", "/v1/apps/one/nothing", "")
	born.ask(405, "PUT", "/v1/apps/one", "")
}
