package fly

import (
	"fmt"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	simfly "github.com/exatlas/atlas/sim/fly"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestSpawn_MakesAnAppItsAddressesAndTheMachine(t *testing.T) {
	r := newRig(t, simfly.Options{})
	s := request()
	s.Ports = []spec.PortRequest{{Internal: 8000, Protocol: spec.ProtocolHTTP}}
	s.Env = map[string]string{"TOKEN": "canary-1234"}
	s.Entrypoint, s.Command = []string{"/bin/run"}, []string{"--fast"}
	r.env.IncludeRaw = true
	c := r.spawn(s)
	app := "atlas-m-" + requestID
	if !strings.HasPrefix(c.ID, app+"/") || c.Name != "my machine" || c.RequestID != requestID || c.Status != spec.StatusProvisioning || c.NativeStatus != "created" ||
		c.Image != "img:1" || c.Region != "ord" || c.GPUCount != 0 || c.Metadata["cpu_flavor"] != "shared-cpu-1x" || c.CostPerHour != nil || !strings.Contains(c.PublicIP, ":") {
		t.Errorf("%+v", c)
	}
	if len(c.Ports) != 1 || c.Ports[0] != (spec.Port{Internal: 8000, External: 443, Protocol: spec.ProtocolHTTP, URL: r.URL() + "/proxy/" + app + "/443"}) {
		t.Errorf("ports %+v", c.Ports)
	}
	if strings.Contains(string(c.Raw), "canary") || !strings.Contains(string(c.Raw), spec.Redacted) {
		t.Errorf("raw %s", c.Raw)
	}
	body := r.last("POST", "/machines")
	for path, want := range map[string]string{"TOKEN": "canary-1234"} {
		if got := at(t, body, "config", "env", path); got != want {
			t.Errorf("env: %v", got)
		}
	}
	if got := words(at(t, body, "config", "init"), at(t, body, "config", "services", 0, "autostart"), at(t, body, "config", "services", 0, "autostop"), at(t, body, "name"), at(t, body, "region")); got != "map[cmd:[--fast] entrypoint:[/bin/run]] false off "+app+" <nil>" {
		t.Errorf("body %s: %s", got, body)
	}
	got, err := get(r.env, &spec.IDRequest{ID: c.ID})
	if err != nil || got.Status != spec.StatusRunning || got.StartedAt != "2026-09-01T12:00:00Z" || fmt.Sprint(got.Actions) != "[stop restart terminate]" || got.ID != c.ID {
		t.Errorf("%+v %v", got, err)
	}
	listed, err := list(r.env, &spec.ListRequest{})
	if err != nil || len(listed.Items) != 1 || fmt.Sprint(listed.Items[0].Ports) != fmt.Sprint(c.Ports) || listed.Items[0].RequestID != requestID {
		t.Errorf("%+v %v", listed, err)
	}
	if _, err := terminate(r.env, &spec.IDRequest{ID: c.ID}); err != nil || r.apps() != 0 || len(r.Machines()) != 0 {
		t.Errorf("%v: %d apps, %d machines are left", err, r.apps(), len(r.Machines()))
	}
	if _, err := terminate(r.env, &spec.IDRequest{ID: c.ID}); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

// words prints values with a space between each two.
func words(values ...any) string { return strings.TrimSpace(fmt.Sprintln(values...)) }

func TestSpawn_OpensPortsByTheAddressesTheyNeed(t *testing.T) {
	http := func(n int) spec.PortRequest { return spec.PortRequest{Internal: n, Protocol: spec.ProtocolHTTP} }
	tcp := func(n int) spec.PortRequest { return spec.PortRequest{Internal: n, Protocol: spec.ProtocolTCP} }
	for _, row := range []struct {
		ports   []spec.PortRequest
		options string
		ips     string
		want    string
	}{
		{nil, "", "", ""},
		{[]spec.PortRequest{http(80)}, "", "v6 shared_v4", "80:443/http"},
		{[]spec.PortRequest{http(8000), http(8001)}, "", "v6 v4", "8000:443/http,8001:8001/http"},
		{[]spec.PortRequest{tcp(22), {Internal: 8000}}, "", "v6 v4", "8000:443/http,22:22/tcp"},
		{[]spec.PortRequest{tcp(22)}, "", "v6 v4", "22:22/tcp"},
		{[]spec.PortRequest{tcp(22)}, `{"ips":["v6"]}`, "v6", "22:22/tcp"},
		{[]spec.PortRequest{tcp(22)}, `{"ips":[]}`, "", "22:22/tcp"},
	} {
		r := newRig(t, simfly.Options{})
		s := request()
		s.Ports, s.Options = row.ports, spec.Raw(row.options)
		c := r.spawn(s)
		var ips, ports []string
		for _, one := range r.sent {
			if strings.HasSuffix(one.path, "/ip_assignments") {
				ips = append(ips, fmt.Sprint(at(t, one.body, "type")))
			}
		}
		for _, p := range c.Ports {
			ports = append(ports, fmt.Sprintf("%d:%d/%s", p.Internal, p.External, p.Protocol))
			if p.Protocol == spec.ProtocolTCP && (p.Host == "" || p.URL != fmt.Sprintf("tcp://%s:%d", p.Host, p.External)) {
				t.Errorf("%+v", p)
			}
		}
		if strings.Join(ips, " ") != row.ips || strings.Join(ports, ",") != row.want {
			t.Errorf("%+v: addresses %v, ports %v", row, ips, ports)
		}
	}
	for _, ports := range [][]spec.PortRequest{{http(8000), tcp(443)}, {http(8000), tcp(80)}, {http(1), http(2), tcp(2)}} {
		if _, err := servicesOf(ports); err == nil || err.Kind != spec.KindValidation {
			t.Errorf("%v: %v", ports, err)
		}
	}
}

func TestSpawn_TakesANamedAppOrMakesIt(t *testing.T) {
	r := newRig(t, simfly.Options{})
	s := request()
	s.Options = spec.Raw(`{"app":"mine"}`)
	s.Ports = []spec.PortRequest{{Internal: 80}}
	first := r.spawn(s)
	if !strings.HasPrefix(first.ID, "mine/") {
		t.Errorf("%s", first.ID)
	}
	r.sent = nil
	s.RequestID = "f123456789abcdef0123"
	second := r.spawn(s) // has the app, and its addresses, already
	if n := strings.Count(r.requests(), "POST"); n != 1 {
		t.Errorf("%d changes:\n%s", n, r.requests())
	}
	if second.PublicIP != first.PublicIP || second.PublicIP == "" {
		t.Errorf("%q, then %q", first.PublicIP, second.PublicIP)
	}
	for _, c := range []*spec.Compute{first, second} {
		if _, err := terminate(r.env, &spec.IDRequest{ID: c.ID}); err != nil {
			t.Error(err)
		}
	}
	if r.apps() != 1 || len(r.Machines()) != 0 {
		t.Errorf("%d apps, %d machines", r.apps(), len(r.Machines()))
	}
	r.key = "Bearer fo1_somebody_else"
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindForbidden {
		t.Errorf("an app of another organization: %v", err)
	}
	r.key = "Bearer fo1_key"
	r.env.Config = map[string]string{"app": "config-app", "org": "personal"}
	s.Options = nil
	if c := r.spawn(s); !strings.HasPrefix(c.ID, "config-app/") || strings.Contains(r.requests(), "tokens/current") {
		t.Errorf("%s\n%s", c.ID, r.requests())
	}
	s.Options = spec.Raw(`{"app":"No Good"}`)
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindValidation {
		t.Errorf("a bad name: %v", err)
	}
}

func TestSpawn_OfATokenForOneAppTakesThatApp(t *testing.T) {
	r := newRig(t, simfly.Options{Tokens: []simfly.DeployToken{{Key: "fm2_deploy", Of: "fm2_org", App: "mine"}}})
	r.key = "FlyV1 fm2_org"
	s := request()
	s.Options = spec.Raw(`{"app":"mine"}`)
	r.spawn(s)
	r.key = "FlyV1 fm2_deploy"
	s = request()
	s.RequestID = "f123456789abcdef0123"
	c := r.spawn(s)
	if !strings.HasPrefix(c.ID, "mine/") {
		t.Errorf("%s", c.ID)
	}
	listed, err := list(r.env, &spec.ListRequest{})
	if err != nil || len(listed.Items) != 2 {
		t.Errorf("%+v %v", listed, err)
	}
	found, err := find(r.env, &spec.FindRequest{RequestIDs: []string{s.RequestID, "0000"}})
	if err != nil || len(found.Items) != 1 || found.Items[0].ID != c.ID {
		t.Errorf("%+v %v", found, err)
	}
	s.Options = spec.Raw(`{"app":"other"}`)
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindForbidden {
		t.Errorf("another app: %v", err)
	}
	s.Options, s.VolumeGB = nil, 5
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindUnsupported {
		t.Errorf("a volume in it: %v", err)
	}
}

func TestSpawn_WaitsForANewAppToShow(t *testing.T) {
	r := newRig(t, simfly.Options{AppLag: 3})
	r.spawn(request())
	r = newRig(t, simfly.Options{AppLag: 50})
	_, err := spawn(r.env, request())
	if err == nil || err.Kind != spec.KindProvider || !strings.Contains(err.Message, "does not show") || len(r.Machines()) != 0 {
		t.Errorf("%v", err)
	}
}

// An app that has shown once may be unknown to the next of Fly's servers: then it is
// no machine that is not found, and the same spawn succeeds a moment later, in the app
// and with the address that it has made; clean_up takes both away where it does not.
func TestSpawn_PassesAMomentAfterItsAppHasNotShownEverywhere(t *testing.T) {
	for _, row := range []struct {
		lag   int
		fault simkit.Fault
	}{
		{0, simkit.Fault{Method: "POST", Path: "/v1/apps/*/machines", Effect: simkit.Status, Status: 404, Body: `{"error":"Could not find App"}`}},
		{0, simkit.Fault{Method: "POST", Path: "/v1/apps/*/ip_assignments", Effect: simkit.Status, Status: 404, Body: `{"error":"Could not find App"}`}},
		{0, simkit.Fault{Method: "POST", Path: "/v1/apps/*/volumes", Effect: simkit.Status, Status: 404, Body: `{"error":"Could not find App"}`}},
		{2 * looks, simkit.Fault{}},
	} {
		for _, passes := range []bool{true, false} {
			r := newRig(t, simfly.Options{AppLag: row.lag})
			if row.lag == 0 {
				row.fault.Count = 1
				r.fault(row.fault)
			}
			s := request()
			s.VolumeGB, s.Ports = 1, []spec.PortRequest{{Internal: 22, Protocol: spec.ProtocolTCP}}
			_, err := spawn(r.env, s)
			if err == nil || err.Kind != spec.KindProvider || !err.Retryable || err.RetryAfterMS != 1000 || err.Hint == "" || r.apps() != 1 {
				t.Fatalf("%d %s: %+v, %d apps", row.lag, row.fault.Path, err, r.apps())
			}
			if !passes {
				for range 2 * looks { // until it shows
					err = cleanUp(r.env, &spec.CleanUpRequest{RequestID: s.RequestID})
				}
				if err != nil || r.apps() != 0 || r.Bill().RateNowUSD != 0 {
					t.Errorf("%d %s: %v; %d apps are left, at %v an hour", row.lag, row.fault.Path, err, r.apps(), r.Bill().RateNowUSD)
				}
				continue
			}
			for range 2 {
				if _, err = spawn(r.env, s); err == nil {
					break
				}
			}
			if err != nil || r.apps() != 1 || len(r.Machines()) != 1 {
				t.Errorf("%d %s: %v, %d apps, %d machines", row.lag, row.fault.Path, err, r.apps(), len(r.Machines()))
			}
			if n := strings.Count(r.requests(), "POST /v1/apps/"+ownApp(s.RequestID)+"/ip_assignments"); n > 3 || n == 3 && row.fault.Path != "/v1/apps/*/ip_assignments" {
				t.Errorf("%d %s: addresses were asked for %d times:\n%s", row.lag, row.fault.Path, n, r.requests())
			}
		}
	}
}

func TestSpawn_LeavesNothingAfterARefusal(t *testing.T) {
	r := newRig(t, simfly.Options{Options: simkit.Options{Capacity: []simkit.Limit{{Count: 0}}}})
	for range 6 { // each of the forms that a shortage takes
		s := request()
		s.Ports = []spec.PortRequest{{Internal: 22, Protocol: spec.ProtocolTCP}}
		_, err := spawn(r.env, s)
		if err == nil || err.Kind != spec.KindCapacity || !err.Retryable || !strings.Contains(err.Message, "fly-request-id 01SIM") || r.apps() != 0 || r.Bill().RateNowUSD != 0 {
			t.Errorf("%v: %d apps, %v an hour", err, r.apps(), r.Bill().RateNowUSD)
		}
	}
	if len(r.Machines()) != 0 {
		t.Error("a machine is there")
	}
}

func TestSpawn_LeavesNothingWhereItFailsBeforeTheCreate(t *testing.T) {
	for _, f := range []simkit.Fault{
		{Method: "POST", Path: "/v1/apps/*/ip_assignments", Nth: 2, Effect: simkit.Status, Status: 500},
		{Method: "POST", Path: "/v1/apps/*/ip_assignments", Nth: 2, Effect: simkit.LostAnswer},
		{Method: "GET", Path: "/v1/platform/regions", Effect: simkit.Status, Status: 503},
		{Method: "POST", Path: "/v1/apps/*/volumes", Effect: simkit.LostAnswer},
	} {
		r := newRig(t, simfly.Options{Options: simkit.Options{Faults: []simkit.Fault{f}}})
		s := request()
		s.VolumeGB, s.Ports = 10, []spec.PortRequest{{Internal: 22, Protocol: spec.ProtocolTCP}}
		if _, err := spawn(r.env, s); err == nil || r.apps() != 0 || r.Bill().RateNowUSD != 0 {
			t.Errorf("%s %s: %v; %d apps, %v an hour", f.Method, f.Path, err, r.apps(), r.Bill().RateNowUSD)
		}
	}
}

func TestSpawn_KeepsTheAppOfAMachineThatMayBeThere(t *testing.T) {
	r := newRig(t, simfly.Options{Options: simkit.Options{Faults: []simkit.Fault{{Method: "POST", Path: "/v1/apps/*/machines", Effect: simkit.LostAnswer}}}})
	if _, err := spawn(r.env, request()); err == nil || r.apps() != 1 || len(r.Machines()) != 1 {
		t.Errorf("%v: %d apps, %d machines", err, r.apps(), len(r.Machines()))
	}
}

func TestSpawn_TellsOfAnAppThatItCouldNotTakeAway(t *testing.T) {
	r := newRig(t, simfly.Options{Options: simkit.Options{Faults: []simkit.Fault{
		{Method: "POST", Path: "/v1/apps/*/ip_assignments", Effect: simkit.Status, Status: 500},
		{Method: "DELETE", Path: "/v1/apps/*", Effect: simkit.Status, Status: 500},
	}}})
	s := request()
	s.Ports = []spec.PortRequest{{Internal: 80}}
	if _, err := spawn(r.env, s); err == nil || !strings.HasPrefix(err.Hint, "the app atlas-m-"+requestID+", which has no machine, could not be deleted") {
		t.Errorf("%+v", err)
	}
}

// Of a create that was sent twice on its way the second answer says that the name is
// taken: by the machine that was asked for, which must be found then, and whole.
func TestSpawn_KnowsItsOwnMachineByTheName(t *testing.T) {
	r := newRig(t, simfly.Options{})
	s := request()
	s.VolumeGB, s.Ports = 10, []spec.PortRequest{{Internal: 22, Protocol: spec.ProtocolTCP}}
	r.spawn(s)
	_, err := spawn(r.env, s)
	if err == nil || err.Kind != spec.KindConflict || !err.UnknownOutcome || err.Retryable || !strings.Contains(err.Hint, "twice") {
		t.Errorf("%+v", err)
	}
	if strings.Contains(r.requests(), "DELETE") || r.apps() != 1 || len(r.Machines()) != 1 {
		t.Errorf("what the machine uses is touched: %s", r.requests())
	}
	if found, err := find(r.env, &spec.FindRequest{RequestIDs: []string{requestID}}); err != nil || len(found.Items) != 1 {
		t.Errorf("%+v %v", found, err)
	}
	s.VolumeGB, s.Options = 0, spec.Raw(`{"app":"mine","name":"theirs"}`)
	r.spawn(s)
	s.RequestID = "another"
	if _, err := spawn(r.env, s); err == nil || err.UnknownOutcome {
		t.Errorf("a name of the caller's: %+v", err)
	}
}

func TestCleanUp_TakesAwayWhatACreateWithoutAMachineLeft(t *testing.T) {
	r := newRig(t, simfly.Options{Options: simkit.Options{Faults: []simkit.Fault{{Method: "POST", Path: "/v1/apps/*/machines", Effect: simkit.Reset, Nth: 1}}}})
	s := request()
	s.VolumeGB, s.Ports = 10, []spec.PortRequest{{Internal: 22, Protocol: spec.ProtocolTCP}}
	if _, err := spawn(r.env, s); err == nil || r.apps() != 1 || r.Bill().RateNowUSD == 0 {
		t.Fatalf("%v: %d apps, %v an hour", err, r.apps(), r.Bill().RateNowUSD)
	}
	for range 2 { // nothing there is a success, too
		if err := cleanUp(r.env, &spec.CleanUpRequest{RequestID: requestID}); err != nil || r.apps() != 0 || r.Bill().RateNowUSD != 0 {
			t.Errorf("%v: %d apps, %v an hour", err, r.apps(), r.Bill().RateNowUSD)
		}
	}
}

func TestCleanUp_LeavesAMachineAndWhatItUses(t *testing.T) {
	r := newRig(t, simfly.Options{})
	s := request()
	s.VolumeGB, s.Ports = 10, []spec.PortRequest{{Internal: 22, Protocol: spec.ProtocolTCP}}
	r.spawn(s)
	rate := r.Bill().RateNowUSD
	if err := cleanUp(r.env, &spec.CleanUpRequest{RequestID: requestID}); err != nil || r.apps() != 1 || len(r.Machines()) != 1 || r.Bill().RateNowUSD != rate {
		t.Errorf("%v: %d apps, %v an hour of %v", err, r.apps(), r.Bill().RateNowUSD, rate)
	}
	for _, id := range []string{"", "../x", "A"} {
		before := len(r.sent)
		if err := cleanUp(r.env, &spec.CleanUpRequest{RequestID: id}); err == nil || len(r.sent) != before {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestCleanUp_BelievesFlyAlone(t *testing.T) {
	for _, row := range []struct {
		done    bool
		answers []sdk.Response
	}{
		{true, []sdk.Response{says(404, `{"error":"app not found"}`)}},
		{true, []sdk.Response{says(403, `{"error":"unauthorized"}`)}}, // another organization's
		{false, []sdk.Response{says(404, `<html>`)}},
		{false, []sdk.Response{says(403, `<html>`)}},
		{false, []sdk.Response{says(200, `{"message":"we will be back soon"}`)}},
		{false, []sdk.Response{says(200, `[]`), says(200, `[]`), says(500, ``), says(200, `[]`)}},
	} {
		_, env := scripted(t, row.answers...)
		if err := cleanUp(env, &spec.CleanUpRequest{RequestID: requestID}); row.done != (err == nil) {
			t.Errorf("%+v: %v", row.answers, err)
		}
	}
}

func TestSpawn_TriesTheHintedRegionsInOrder(t *testing.T) {
	limits := []simkit.Limit{{Region: "ams", Count: 0}, {Region: "fra", Count: 0}}
	r := newRig(t, simfly.Options{Options: simkit.Options{Capacity: limits}})
	s := request()
	s.RegionHints = []string{"ams", "fra", "lhr", "ord"}
	if c := r.spawn(s); c.Region != "lhr" {
		t.Errorf("region %s", c.Region)
	}
	s.RequestID, s.RegionHints = "f123456789abcdef0123", []string{"ams", "fra"}
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindCapacity {
		t.Errorf("%v", err)
	}
	// After a 503 nobody knows whether there is a machine, so no other region is
	// tried, and the app stays for the machine to be found in.
	r = newRig(t, simfly.Options{ShortageStatus: 503, Options: simkit.Options{Capacity: limits}})
	s.RegionHints = []string{"ams", "lhr"}
	_, err := spawn(r.env, s)
	if err == nil || err.Kind != spec.KindCapacity || err.Status != 503 || len(r.Machines()) != 0 || r.apps() != 1 {
		t.Errorf("%v, %d machines, %d apps", err, len(r.Machines()), r.apps())
	}
}

func TestSpawn_MakesAVolumeThatGoesWithTheMachine(t *testing.T) {
	r := newRig(t, simfly.Options{Options: simkit.Options{Capacity: []simkit.Limit{{Region: "ams", Count: 0}}}})
	s := request()
	s.VolumeGB, s.VolumeMountPath, s.RegionHints = 10, "/data", []string{"ams", "fra"}
	c := r.spawn(s)
	body := r.last("POST", "/machines")
	if c.Region != "fra" || at(t, body, "config", "mounts", 0, "path") != "/data" || at(t, body, "region") != "fra" {
		t.Errorf("%s %s", c.Region, body)
	}
	if at(t, r.last("POST", "/volumes"), "compute", "cpus") != 1.0 {
		t.Error("the volume does not say what machine needs room beside it")
	}
	if _, err := terminate(r.env, &spec.IDRequest{ID: c.ID}); err != nil || r.apps() != 0 || r.Bill().RateNowUSD != 0 {
		t.Errorf("%v: %d apps, %v an hour", err, r.apps(), r.Bill().RateNowUSD)
	}
	s = request()
	s.VolumeGB = 1
	if c := r.spawn(s); c.Region != "ord" {
		t.Errorf("without a hint: %s", c.Region)
	}
}

func TestSpawn_MountsAVolumeOfANamedApp(t *testing.T) {
	r := newRig(t, simfly.Options{})
	s := request()
	s.Options = spec.Raw(`{"app":"mine"}`)
	r.spawn(s)
	p := &plan{app: "mine", volumeGB: 3}
	v, err := createVolume(r.env, p, "ams")
	if err != nil {
		t.Fatal(err)
	}
	s.RequestID, s.NetworkVolumeID = "f123456789abcdef0123", v.id
	if c := r.spawn(s); c.Region != "ams" {
		t.Errorf("region %s", c.Region)
	}
	s.RequestID, s.RegionHints = "e123456789abcdef0123", []string{"ord"}
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindValidation {
		t.Errorf("another region: %v", err)
	}
	rate := r.Bill().RateNowUSD
	s.RequestID, s.RegionHints, s.Ports = "d123456789abcdef0123", nil, []spec.PortRequest{{Internal: 22, Protocol: spec.ProtocolTCP}}
	for _, app := range []string{"mine", "new"} {
		s.Options, s.NetworkVolumeID = spec.Raw(`{"app":"`+app+`"}`), "vol_none"
		if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindValidation || !strings.Contains(err.Hint, "the app "+app+" has no volume") {
			t.Errorf("no volume of %s: %+v", app, err)
		}
	}
	if r.apps() != 1 || r.Bill().RateNowUSD != rate {
		t.Errorf("a volume that is not there left %d apps, and %v an hour, not %v", r.apps(), r.Bill().RateNowUSD, rate)
	}
}

func TestSpawn_MergesProviderOpts(t *testing.T) {
	r := newRig(t, simfly.Options{})
	s := request()
	s.CPU, s.Env = nil, map[string]string{"A": "1", "B": "2"}
	s.Options = spec.Raw(`{"region":"syd","skip_launch":true,"ips":[],"config":{"guest":{"cpu_kind":"performance","cpus":2,"memory_mb":4096},"restart":{"policy":"no"},"env":{"B":"3"},"metadata":{"team":"x","atlas_request_id":"forged"}}}`)
	c := r.spawn(s)
	body := r.last("POST", "/machines")
	if c.Region != "syd" || c.NativeStatus != "created" || c.RequestID != requestID || c.Metadata["team"] != "x" || c.Metadata["cpu_flavor"] != "performance-2x" || c.Metadata["memory_mb"] != "4096" {
		t.Errorf("%+v", c)
	}
	if got := words(at(t, body, "config", "env"), at(t, body, "config", "restart", "policy"), at(t, body, "app"), at(t, body, "ips"), at(t, body, "skip_launch")); got != "map[A:1 B:3] no <nil> <nil> true" {
		t.Errorf("%s in %s", got, body)
	}
	started, err := start(r.env, &spec.IDRequest{ID: c.ID})
	if err != nil || started.Status != spec.StatusRunning {
		t.Errorf("%+v %v", started, err)
	}
}

func TestSpawn_NeverRepeatsASecretInAnError(t *testing.T) {
	const canary = "canary-5k2j"
	for _, change := range []func(*spec.SpawnRequest){
		func(s *spec.SpawnRequest) { s.Env = map[string]string{"TOKEN": canary} },
		func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"config":{"env":{"TOKEN":"` + canary + `"}}}`) },
		func(s *spec.SpawnRequest) {
			s.Options = spec.Raw(`{"config":{"files":[{"guest_path":"/x","raw_value":"` + canary + `"}]}}`)
		},
	} {
		s := request()
		change(s)
		env := newRig(t, simfly.Options{Options: simkit.Options{Faults: []simkit.Fault{{Method: "POST", Path: "/v1/apps/*/machines", Effect: simkit.Status, Status: 422, Body: `{"error":"bad value ` + canary + `","echo":{"` + canary + `":"` + canary + `"}}`}}}}).env
		_, err := spawn(env, s)
		if err == nil || err.Kind != spec.KindValidation || strings.Contains(err.Error()+err.Hint+string(err.Raw), canary) || !strings.Contains(err.Message, spec.Redacted) {
			t.Errorf("%v %s", err, err.Raw)
		}
	}
}

func TestSpawn_RefusesBeforeAnyRequest(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*spec.SpawnRequest)
		kind   spec.Kind
		says   string
	}{
		"a gpu":            {func(s *spec.SpawnRequest) { s.GPU, s.GPUCount, s.CPU = "a10", 1, nil }, spec.KindUnsupported, "ended GPU machines on 2026-08-01"},
		"a gpu flavour":    {func(s *spec.SpawnRequest) { s.CPU.Flavor = "a100-80gb" }, spec.KindUnsupported, "2026-08-01"},
		"a gpu in options": {func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"config":{"guest":{"gpu_kind":"l40s"}}}`) }, spec.KindUnsupported, "2026-08-01"},
		"gpus in options":  {func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"config":{"guest":{"gpus":1}}}`) }, spec.KindUnsupported, "2026-08-01"},
		"a gpu size":       {func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"config":{"size":"l40s"}}`) }, spec.KindUnsupported, "2026-08-01"},
		"spot":             {func(s *spec.SpawnRequest) { s.Spot = true }, spec.KindUnsupported, "spot"},
		"an offer":         {func(s *spec.SpawnRequest) { s.OfferID = "1" }, spec.KindUnsupported, "offers"},
		"a tier":           {func(s *spec.SpawnRequest) { s.CloudType = spec.CloudSecure }, spec.KindUnsupported, "tiers"},
		"a ceiling":        {func(s *spec.SpawnRequest) { s.MaxPricePerHour = 1 }, spec.KindUnsupported, "prices"},
		"a template":       {func(s *spec.SpawnRequest) { s.TemplateID = "t" }, spec.KindUnsupported, "templates"},
		"an ssh key":       {func(s *spec.SpawnRequest) { s.SSHKey = "ssh-ed25519 x" }, spec.KindUnsupported, "SSH"},
		"no image":         {func(s *spec.SpawnRequest) { s.Image = "" }, spec.KindValidation, "image"},
		"no cpu":           {func(s *spec.SpawnRequest) { s.CPU = nil }, spec.KindValidation, "cpu"},
		"no name":          {func(s *spec.SpawnRequest) { s.Name = "" }, spec.KindValidation, "name"},
		"no request id":    {func(s *spec.SpawnRequest) { s.RequestID = "" }, spec.KindValidation, "request_id"},
		"options":          {func(s *spec.SpawnRequest) { s.Options = spec.Raw(`[]`) }, spec.KindValidation, "provider_opts"},
		"config":           {func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"config":[]}`) }, spec.KindValidation, "provider_opts.config"},
		"ips":              {func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"ips":["v5"]}`) }, spec.KindValidation, "ips"},
		"ips as a word":    {func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"ips":"v4"}`) }, spec.KindValidation, "ips"},
		"a flavour":        {func(s *spec.SpawnRequest) { s.CPU.Flavor = "cpu3c" }, spec.KindValidation, "cpu3c"},
		"three cpus":       {func(s *spec.SpawnRequest) { s.CPU.VCPUCount = 3 }, spec.KindValidation, "so many CPUs"},
		"two volumes":      {func(s *spec.SpawnRequest) { s.VolumeGB, s.NetworkVolumeID = 1, "vol_x" }, spec.KindValidation, "exclude"},
		"a volume's app":   {func(s *spec.SpawnRequest) { s.NetworkVolumeID = "vol_x" }, spec.KindValidation, "app"},
		"a volume in mine": {func(s *spec.SpawnRequest) { s.VolumeGB, s.Options = 1, spec.Raw(`{"app":"mine"}`) }, spec.KindUnsupported, "volume_gb"},
		"a port twice": {func(s *spec.SpawnRequest) {
			s.Ports = []spec.PortRequest{{Internal: 1}, {Internal: 443, Protocol: "tcp"}}
		}, spec.KindValidation, "443"},
		"flavour and count": {func(s *spec.SpawnRequest) { s.CPU.Flavor, s.CPU.VCPUCount = "shared-cpu-2x", 4 }, spec.KindValidation, "vcpu_count"},
	} {
		_, env := scripted(t)
		s := request()
		row.change(s)
		if _, err := spawn(env, s); err == nil || err.Kind != row.kind || !strings.Contains(err.Message, row.says) {
			t.Errorf("%s: %+v", name, err)
		}
	}
}

func TestSize_IsTheSmallestThatHasWhatIsAskedFor(t *testing.T) {
	for _, row := range []struct {
		cpu  spec.CPU
		want string
		mb   int
	}{
		{spec.CPU{}, "shared-cpu-1x", 256}, {spec.CPU{VCPUCount: 2}, "shared-cpu-2x", 512}, {spec.CPU{MemoryGB: 1}, "shared-cpu-1x", 1024}, {spec.CPU{MemoryGB: 1.1}, "shared-cpu-1x", 1280},
		{spec.CPU{MemoryGB: 3}, "shared-cpu-2x", 3072}, {spec.CPU{VCPUCount: 1, MemoryGB: 4}, "performance-1x", 4096}, {spec.CPU{VCPUCount: 16}, "performance-16x", 32768}, {spec.CPU{MemoryGB: 64}, "performance-8x", 65536},
		{spec.CPU{Flavor: "performance-2x"}, "performance-2x", 4096}, {spec.CPU{Flavor: "shared-cpu-4x", MemoryGB: 8}, "shared-cpu-4x", 8192}, {spec.CPU{Flavor: "performance", MemoryGB: 12}, "performance-2x", 12288},
	} {
		got, err := sizeOf(&row.cpu)
		if err != nil || got.preset() != row.want || got.memoryMB != row.mb {
			t.Errorf("%+v: %+v %v", row, got, err)
		}
	}
	for _, cpu := range []spec.CPU{{MemoryGB: 200}, {Flavor: "shared-cpu-16x"}, {Flavor: "shared-cpu-1x", MemoryGB: 4}, {Flavor: "-"}, {Flavor: "turbo"}, {VCPUCount: 32}} {
		if got, err := sizeOf(&cpu); err == nil || err.Kind != spec.KindValidation {
			t.Errorf("%+v: %+v %v", cpu, got, err)
		}
	}
}
