package fly

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

func TestMachine_MovesThroughItsStatesByVirtualTime(t *testing.T) {
	o := manual()
	o.CreateMS, o.BootMS, o.StopMS, o.DestroyMS = 1000, 2000, 5000, 1000
	c := start(t, o)
	c.app("one")
	created := c.ask(200, "POST", "/v1/apps/one/machines", machineBody)
	created.Wants(t, "state", "created", "region", "ord", "config.image", "img:1", "config.env.A", "b", "config.services.0.autostop", "false", "host_status", "ok",
		"created_at", "2026-09-01T12:00:00Z", "events.0.type", "launch", "config.guest.memory_mb", "256")
	path := "/v1/apps/one/machines/" + created.Text("id")
	c.Advance(time.Second)
	c.ask(200, "GET", path, "").Wants(t, "state", "starting")
	c.Advance(2 * time.Second)
	c.ask(200, "GET", path, "").Wants(t, "state", "started", "events.0.status", "started", "events.0.timestamp", fmt.Sprint(float64(time.Date(2026, 9, 1, 12, 0, 3, 0, time.UTC).UnixMilli())))
	c.ask(200, "POST", path+"/stop", "{}").Wants(t, "ok", "true")
	c.ask(200, "GET", path, "").Wants(t, "state", "stopping")
	c.ask(412, "POST", path+"/start", "").Wants(t, "error", "failed_precondition: unable to start machine from current state: 'stopping'")
	c.Advance(5 * time.Second)
	c.ask(200, "POST", path+"/start", "").Wants(t, "previous_state", "stopped", "migrated", "false")
	c.Advance(2 * time.Second)
	c.ask(412, "DELETE", path, "")
	c.ask(200, "POST", path+"/restart", "")
	c.Advance(2 * time.Second)
	c.ask(200, "POST", path+"/suspend", "")
	c.ask(200, "GET", path, "").Wants(t, "state", "suspended")
	c.ask(200, "DELETE", path+"?force=true", "").Wants(t, "ok", "true")
	c.ask(200, "GET", path, "").Wants(t, "state", "destroying")
	c.Advance(time.Second)
	c.ask(200, "GET", path, "").Wants(t, "state", "destroyed")
	c.ask(200, "GET", "/v1/apps/one/machines", "").Wants(t, "0", "<nil>")
	c.ask(200, "GET", "/v1/apps/one/machines?include_deleted=true", "").Wants(t, "0.state", "destroyed")
	if n := len(c.Machines()); n != 0 {
		t.Errorf("%d machines are left", n)
	}
}

func TestCreate_RefusesWhatFlyRefuses(t *testing.T) {
	c := start(t, manual())
	c.app("one")
	body := func(config string) string { return `{"config":{"image":"i",` + config + `}}` }
	for _, row := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"no config", `{}`, 400, "config"},
		{"no image", `{"config":{}}`, 400, "config.image is required"},
		{"a gpu", body(`"guest":{"gpu_kind":"a10","gpus":1}`), 400, "GPU machines are no longer supported"},
		{"a former preset", body(`"size":"l40s"`), 400, "GPU machines are no longer supported"},
		{"size and guest", body(`"size":"shared-cpu-1x","guest":{"cpus":1}`), 400, "mutually exclusive"},
		{"an unknown preset", body(`"size":"shared-cpu-3x"`), 422, "config.size"},
		{"three cpus", body(`"guest":{"cpu_kind":"shared","cpus":3}`), 422, "cpus for shared"},
		{"too little memory", body(`"guest":{"cpu_kind":"performance","cpus":1,"memory_mb":1024}`), 422, "minimum required 2048"},
		{"too much memory", body(`"guest":{"cpu_kind":"shared","cpus":1,"memory_mb":4096}`), 422, "cannot exceed 2048"},
		{"odd memory", body(`"guest":{"cpu_kind":"shared","cpus":1,"memory_mb":300}`), 422, "256 MiB increment"},
		{"a volume that is none", body(`"mounts":[{"volume":"vol_x","path":"/d"}]`), 422, "vol_x not found"},
		{"autostart as a word", body(`"services":[{"protocol":"tcp","internal_port":80,"autostart":"no"}]`), 400, "autostart"},
		{"a list for env", body(`"env":["A=b"]`), 400, "env"},
		{"an unknown region", `{"region":"xyz","config":{"image":"i"}}`, 422, "region xyz not found"},
		{"no JSON", `{`, 400, "invalid JSON"},
	} {
		if d := c.ask(row.status, "POST", "/v1/apps/one/machines", row.body); !strings.Contains(d.Text("error"), row.says) {
			t.Errorf("%s: it says %q, want %q in it", row.name, d.Text("error"), row.says)
		}
	}
	c.ask(200, "POST", "/v1/apps/one/machines", `{"name":"n","config":{"image":"i","size":"performance-2x"}}`).Wants(t, "config.guest.memory_mb", "4096", "config.size", "<nil>")
	id := c.Machines()[0].ID
	if d := c.ask(409, "POST", "/v1/apps/one/machines", `{"name":"n","config":{"image":"i"}}`); !strings.Contains(d.Text("error"), "already_exists") || !strings.Contains(d.Text("error"), id[len("one/"):]) {
		t.Errorf("a name taken: %s", d.Text("error"))
	}
	if n := len(c.Machines()); n != 1 {
		t.Errorf("%d machines after refusals", n)
	}
}

func TestCapacity_IsRefusedInManyForms(t *testing.T) {
	o := manual()
	o.Capacity = []simkit.Limit{{GPU: "shared-cpu-1x", Region: "ord", Count: 1}}
	c := start(t, o)
	c.app("one")
	path := c.machine("one")
	seen := map[string]bool{}
	for _, s := range shortages() {
		d := c.ask(s.status, "POST", "/v1/apps/one/machines", machineBody)
		d.Wants(t, "error", s.text)
		seen[fmt.Sprint(s.status)] = true
	}
	if len(seen) < 4 {
		t.Errorf("only %d statuses", len(seen))
	}
	c.ask(200, "POST", "/v1/apps/one/machines", strings.Replace(machineBody, `{"config"`, `{"region":"ams","config"`, 1)).Wants(t, "region", "ams")
	c.ask(200, "POST", path+"/stop", "{}")
	c.ask(200, "POST", "/v1/apps/one/machines", machineBody) // takes the room of the stopped one
	c.ask(409, "POST", path+"/start", "").Wants(t, "error", "aborted: insufficient memory available to fulfill request")
	o.ShortageStatus = 503
	o.Capacity = []simkit.Limit{{Count: 0}}
	c = start(t, o)
	c.app("one")
	c.ask(503, "POST", "/v1/apps/one/machines", machineBody).Wants(t, "status", "insufficient_capacity")
}

func TestLease_KeepsOthersFromChangingAMachine(t *testing.T) {
	c := start(t, manual())
	c.app("one")
	path := c.machine("one")
	taken := c.ask(201, "POST", path+"/lease", `{"ttl":13,"description":"me"}`)
	taken.Wants(t, "status", "success", "data.expires_at", fmt.Sprint(float64(time.Date(2026, 9, 1, 12, 0, 13, 0, time.UTC).Unix())))
	nonce := taken.Text("data.nonce")
	for _, change := range []string{"POST /stop", "POST /suspend", "POST /start", "POST /restart", "POST /lease", "DELETE /lease", "DELETE ?force=true"} {
		method, below, _ := strings.Cut(change, " ")
		if d := c.ask(409, method, path+below, ""); !strings.Contains(d.Text("error"), "lease currently held") {
			t.Errorf("%s: %s", change, d.Text("error"))
		}
	}
	c.Advance(10 * time.Second)
	c.ask(201, "POST", path+"/lease", `{"ttl":13}`, "fly-machine-lease-nonce", nonce).Wants(t, "data.nonce", nonce)
	c.Advance(10 * time.Second)
	c.ask(200, "GET", path+"/lease", "").Wants(t, "data.description", "me")
	c.ask(200, "POST", path+"/stop", "{}", "fly-machine-lease-nonce", nonce)
	c.ask(200, "DELETE", path+"/lease", "", "fly-machine-lease-nonce", nonce)
	c.ask(404, "GET", path+"/lease", "").Wants(t, "error", "lease not found")
	if err := c.Do(c.Machines()[0].ID, "lease"); err != nil {
		t.Fatal(err)
	}
	c.ask(409, "POST", path+"/start", "")
	c.Advance(13 * time.Second)
	c.ask(200, "POST", path+"/start", "")
	c.ask(404, "DELETE", path+"/lease", "")
	o := manual()
	o.FlatLease = true
	flat := start(t, o)
	flat.app("one")
	if flat.ask(201, "POST", flat.machine("one")+"/lease", `{}`).Text("nonce") == "" {
		t.Error("no flat lease")
	}
}

func TestWait_EndsWithTheStateOrWith408(t *testing.T) {
	o := Options{BootMS: 30, StopMS: 40}
	c := start(t, o)
	c.app("one")
	path := c.machine("one")
	c.ask(200, "GET", path+"/wait?state=started&timeout=60", "").Wants(t, "ok", "true", "state", "started")
	version := c.ask(200, "GET", path, "").Text("instance_id")
	c.ask(400, "GET", path+"/wait?state=stopped", "").Wants(t, "error", "instance_id required when waiting for stopped machine")
	c.ask(400, "GET", path+"/wait?state=dancing", "")
	c.ask(200, "POST", path+"/stop", "{}")
	c.ask(200, "GET", path+"/wait?state=stopped&timeout=60&version="+version, "").Wants(t, "state", "stopped", "version", version)
	began := time.Now()
	c.ask(408, "GET", path+"/wait?state=started&timeout=1", "").Wants(t, "error", "machine failed to reach desired state, started, currently stopped")
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("it gave up after %s", took)
	}
	c.ask(200, "GET", path+"/wait?state=settled", "").Wants(t, "state", "stopped")
}

func TestUnreachableHost_HidesTheConfig(t *testing.T) {
	c := start(t, manual())
	c.app("one")
	path := c.machine("one")
	if err := c.Do(c.Machines()[0].ID, "unreachable"); err != nil {
		t.Fatal(err)
	}
	c.ask(200, "GET", path, "").Wants(t, "config", "<nil>", "host_status", "unreachable", "incomplete_config.metadata.a", "1")
}

func TestBill_CountsMachinesVolumesAndAddresses(t *testing.T) {
	c := start(t, manual())
	c.app("one")
	path := c.machine("one")
	c.ask(200, "POST", "/v1/apps/one/ip_assignments", `{"type":"v4"}`)
	c.ask(200, "POST", "/v1/apps/one/volumes", `{"name":"d","region":"ord","size_gb":10}`)
	c.Advance(time.Hour)
	want := 0.002 + ipv4Price + 10*volumePrice
	if got := c.Bill().TotalUSD; got < want-1e-9 || got > want+1e-9 {
		t.Errorf("%v, want %v", got, want)
	}
	c.ask(200, "POST", path+"/stop", "{}")
	c.ask(422, "DELETE", "/v1/apps/one", "")
	c.ask(202, "DELETE", "/v1/apps/one?force=true", "")
	if rate := c.Bill().RateNowUSD; rate != 0 || len(c.Machines()) != 0 {
		t.Errorf("%v an hour and %d machines after the app is gone", rate, len(c.Machines()))
	}
}
