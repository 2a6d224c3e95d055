package fly

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	simfly "github.com/exatlas/atlas/sim/fly"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestFind_SeesAMachineThatTheListingDoesNotShowYet(t *testing.T) {
	r := newRig(t, simfly.Options{Options: simkit.Options{ListLagMS: 60_000}})
	c := r.spawn(request())
	r.sent = nil
	found, err := find(r.env, &spec.FindRequest{RequestIDs: []string{requestID}, Names: []string{"atlas-" + requestID}})
	if err != nil || len(found.Items) != 1 || found.Items[0].ID != c.ID || len(r.sent) != 1 {
		t.Errorf("%+v %v\n%s", found, err, r.requests())
	}
	found, err = find(r.env, &spec.FindRequest{RequestIDs: []string{"f000"}, Names: []string{"my machine"}})
	if err != nil || len(found.Items) != 0 {
		t.Errorf("by name, before the listing shows it: %+v %v", found, err)
	}
	r.Advance(time.Minute)
	found, err = find(r.env, &spec.FindRequest{RequestIDs: []string{"f000"}, Names: []string{"my machine"}})
	if err != nil || len(found.Items) != 1 || found.Items[0].RequestID != requestID {
		t.Errorf("by name: %+v %v", found, err)
	}
	found, err = find(r.env, &spec.FindRequest{RequestIDs: []string{requestID}, Names: []string{"my machine"}})
	if err != nil || len(found.Items) != 1 {
		t.Errorf("by both, it is told once: %+v %v", found, err)
	}
	if _, err := find(r.env, &spec.FindRequest{}); err == nil || err.Kind != spec.KindValidation {
		t.Errorf("nothing to find: %v", err)
	}
	if _, err := terminate(r.env, &spec.IDRequest{ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	found, err = find(r.env, &spec.FindRequest{RequestIDs: []string{requestID}})
	if err != nil || len(found.Items) != 0 {
		t.Errorf("a machine that is gone: %+v %v", found, err)
	}
}

func TestFind_LooksForManyRequestIDsInTheListingAlone(t *testing.T) {
	r := newRig(t, simfly.Options{})
	r.spawn(request())
	many := []string{requestID}
	for i := range 40 {
		many = append(many, fmt.Sprintf("f%019d", i))
	}
	r.sent = nil
	found, err := find(r.env, &spec.FindRequest{RequestIDs: many})
	if err != nil || len(found.Items) != 1 || len(r.sent) != 2 {
		t.Errorf("%+v %v\n%s", found, err, r.requests())
	}
}

func TestList_ReadsEveryPageAndNoRegionLess(t *testing.T) {
	r := newRig(t, simfly.Options{OrgPage: 2, EmptyPages: true})
	for i := range 5 {
		s := request()
		s.RequestID = fmt.Sprintf("a%019d", i)
		r.spawn(s)
	}
	listed, err := list(r.env, &spec.ListRequest{})
	if err != nil || len(listed.Items) != 5 {
		t.Errorf("%d %v", len(listed.Items), err)
	}
	r = newRig(t, simfly.Options{ErrorRegions: []string{"ams", "syd"}})
	_, err = list(r.env, &spec.ListRequest{})
	if err == nil || err.Kind != spec.KindProvider || !err.Retryable || !strings.Contains(err.Message, "ams, syd") {
		t.Errorf("regions that are missing: %v", err)
	}
	for name, page := range map[string]string{"no list": `{}`, "text": `no`, "a machine without an app": `{"machines":[{"id":"m"}]}`, "a machine without an id": `{"machines":[{"app_name":"a"}]}`, "cut": `{"machines":[`} {
		_, env := scripted(t, says(200, page))
		env.Config = map[string]string{"org": "o"}
		if _, err := list(env, &spec.ListRequest{}); err == nil || err.Kind != spec.KindProvider {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, env := scripted(t, says(200, `{"machines":null,"next_cursor":"x"}`), says(200, `{"machines":[null,{"id":7,"app_name":"a","config":null,"state":"started","new":{}}],"next_cursor":""}`))
	env.Config = map[string]string{"org": "o/../p"}
	listed, err = list(env, &spec.ListRequest{})
	if err != nil || len(listed.Items) != 1 || listed.Items[0].ID != "a/7" || !strings.HasSuffix(s.asked[1].URL, "/v1/orgs/o%2F..%2Fp/machines?cursor=x") {
		t.Errorf("%+v %v", listed, err)
	}
	_, env = scripted(t, says(200, `{"machines":[],"next_cursor":"x"}`), says(200, `{"machines":[],"next_cursor":"x"}`))
	env.Config = map[string]string{"org": "o"}
	if _, err := list(env, &spec.ListRequest{}); err == nil || !strings.Contains(err.Message, "does not end") {
		t.Errorf("the same cursor again: %v", err)
	}
	s, env = scripted(t, says(200, `{"machines":[],"next_cursor":"x"}`), says(200, `{"machines":[],"next_cursor":"y"}`), says(200, `{"machines":[],"next_cursor":"x"}`))
	env.Config = map[string]string{"org": "o"}
	if _, err := list(env, &spec.ListRequest{}); err == nil || !strings.Contains(err.Message, "does not end") || len(s.asked) != 3 {
		t.Errorf("cursors in a circle: %d pages, %v", len(s.asked), err)
	}
}

func TestScope_IsTheTokensOwn(t *testing.T) {
	for body, want := range map[string]string{
		`{"tokens":[{"org_slug":"a","apps":[]},{"org_slug":"b","apps":null},{"org_slug":"a"}]}`: "[a b] []",
		`{"tokens":[{"org_slug":"a","apps":["x","y"]},{"org_slug":"a","apps":["x"]}]}`:          "[] [x y]",
		`{"tokens":[{"user":"me"}]}`: "[personal] []",
		`{"tokens":[]}`:              "[personal] []",
	} {
		_, env := scripted(t, says(200, body))
		s, err := scopeOf(env)
		if got := fmt.Sprint(s.orgs, s.apps); err != nil || got != want {
			t.Errorf("%s: %s %v", body, got, err)
		}
	}
	for _, body := range []string{`{}`, ``, `[]`, `{"tokens":`} {
		_, env := scripted(t, says(200, body))
		if _, err := scopeOf(env); err == nil || err.Kind != spec.KindProvider {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestStop_TakesALeaseWaitsAndGivesItBack(t *testing.T) {
	r := newRig(t, simfly.Options{Options: simkit.Options{ClockFactor: 200}, StopMS: 100_000})
	c := r.spawn(request())
	r.sent = nil
	stopped, err := stop(r.env, &spec.IDRequest{ID: c.ID})
	if err != nil || stopped.Status != spec.StatusStopped || fmt.Sprint(stopped.Actions) != "[start terminate]" {
		t.Errorf("%+v %v", stopped, err)
	}
	waits := 0
	for _, one := range r.sent {
		if strings.Contains(one.path, "/wait?state=stopped&timeout=20&version=01") {
			waits++
		}
		if strings.HasSuffix(one.path, "/stop") && (one.nonce == "" || one.body != "{}") {
			t.Errorf("%+v", one)
		}
	}
	if waits != 5 || !strings.Contains(r.requests(), "DELETE /v1/apps") {
		t.Errorf("%d rounds\n%s", waits, r.requests())
	}
	r.sent = nil
	if again, err := stop(r.env, &spec.IDRequest{ID: c.ID}); err != nil || again.Status != spec.StatusStopped || len(r.sent) != 1 {
		t.Errorf("a second time: %+v %v\n%s", again, err, r.requests())
	}
	started, err := start(r.env, &spec.IDRequest{ID: c.ID})
	if err != nil || started.Status != spec.StatusRunning {
		t.Errorf("%+v %v", started, err)
	}
	if err := r.Server.Do(c.ID, "lease"); err != nil {
		t.Fatal(err)
	}
	for name, act := range map[string]func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error){"stop": stop, "start": start, "terminate": terminate} {
		r.sent = nil
		if _, err := act(r.env, &spec.IDRequest{ID: c.ID}); err == nil || err.Kind != spec.KindConflict || !strings.Contains(err.Hint, "lease") {
			t.Errorf("%s while another tool has the lease: %v", name, err)
		}
	}
}

func TestStart_SaysWhenItsHostIsFull(t *testing.T) {
	r := newRig(t, simfly.Options{})
	c := r.spawn(request())
	if _, err := stop(r.env, &spec.IDRequest{ID: c.ID}); err != nil {
		t.Fatal(err)
	}
	r.Capacity.Set(simkit.Limit{Count: 0})
	_, err := start(r.env, &spec.IDRequest{ID: c.ID})
	if err == nil || err.Kind != spec.KindCapacity || !strings.Contains(err.Hint, "host") {
		t.Errorf("%v", err)
	}
	last := r.sent[len(r.sent)-1]
	if last.method != "DELETE" || !strings.HasSuffix(last.path, "/lease") {
		t.Errorf("the lease stays: %+v", last)
	}
}

func TestTerminate_KeepsAnAppThatSomebodyElseUses(t *testing.T) {
	r := newRig(t, simfly.Options{})
	c := r.spawn(request())
	app, _, _ := strings.Cut(c.ID, "/")
	s := request()
	s.RequestID, s.Options = "f123456789abcdef0123", spec.Raw(`{"app":"`+app+`"}`)
	other := r.spawn(s)
	if _, err := terminate(r.env, &spec.IDRequest{ID: c.ID}); err != nil || r.apps() != 1 || len(r.Machines()) != 1 || r.Machines()[0].ID != other.ID {
		t.Errorf("%v: %v", err, r.Machines())
	}
	if _, err := terminate(r.env, &spec.IDRequest{ID: other.ID}); err != nil || r.apps() != 0 {
		t.Errorf("%v: %d apps", err, r.apps())
	}
}

func TestTerminate_FailsWhileTheAppIsStillThere(t *testing.T) {
	r := newRig(t, simfly.Options{})
	c := r.spawn(request())
	app, _, _ := strings.Cut(c.ID, "/")
	r.fault(simkit.Fault{Method: "DELETE", Path: "/v1/apps/" + app, Nth: 1, Effect: simkit.Status, Status: 500})
	if _, err := terminate(r.env, &spec.IDRequest{ID: c.ID}); err == nil || err.Kind != spec.KindProvider || !strings.Contains(err.Message, app) || len(r.Machines()) != 0 {
		t.Errorf("%v", err)
	}
	if _, err := terminate(r.env, &spec.IDRequest{ID: c.ID}); err != nil || r.apps() != 0 {
		t.Errorf("%v: %d apps", err, r.apps())
	}
}

func TestTerminate_IsDoneOnlyWhereFlySaysSo(t *testing.T) {
	for body, done := range map[string]bool{`{"ok":true}`: true, ``: true, " \n": true, ` {"id":"m","ok":true,"version":{"ok":false}} `: true, `{"ok":true`: false, `{"ok":true} of the hotel`: false,
		`{"ok":false}`: false, `{}`: false, `{"ok":"yes"}`: false, `[true]`: false,
		`<html><body>We are down for maintenance</body></html>`: false} {
		s, env := scripted(t, says(200, body))
		_, err := terminate(env, &spec.IDRequest{ID: "mine/m"})
		if done != (err == nil) {
			t.Errorf("%q: %v", body, err)
		}
		if !done && (err.Kind != spec.KindProvider || !err.Retryable || !strings.Contains(err.Message, "confirm") || len(s.asked) != 1) {
			t.Errorf("%q: %+v after %d requests", body, err, len(s.asked))
		}
	}
}

func TestTerminate_DoesNotTakeAPageForTheEndOfAnApp(t *testing.T) {
	app := ownApp(requestID)
	for _, page := range []string{`<html>maintenance</html>`, `{% maintenance %}`, `{"ok":`} {
		_, env := scripted(t, says(200, `{"ok":true}`), says(200, `[{"id":"vol_1","state":"created"}]`), says(200, page))
		if _, err := terminate(env, &spec.IDRequest{ID: app + "/m"}); err == nil || err.Kind != spec.KindProvider {
			t.Errorf("%s of a volume: %v", page, err)
		}
		_, env = scripted(t, says(200, `{"ok":true}`), says(200, `[]`), says(200, page), says(200, `[]`))
		if _, err := terminate(env, &spec.IDRequest{ID: app + "/m"}); err == nil || err.Kind != spec.KindProvider || !strings.Contains(err.Message, app) {
			t.Errorf("%s of an app: %v", page, err)
		}
	}
}

func TestGet_ReadsAMachineWhoseHostDoesNotAnswer(t *testing.T) {
	r := newRig(t, simfly.Options{})
	c := r.spawn(request())
	if err := r.Server.Do(c.ID, "unreachable"); err != nil {
		t.Fatal(err)
	}
	got, err := get(r.env, &spec.IDRequest{ID: c.ID})
	if err != nil || got.RequestID != requestID || got.Metadata["host_status"] != "unreachable" || got.Image != "img:1" || got.Status != spec.StatusRunning {
		t.Errorf("%+v %v", got, err)
	}
}

func TestGet_NeedsAnAppAndAMachine(t *testing.T) {
	for _, id := range []string{"", "m", "a/", "/m", "a/b/c"} {
		_, env := scripted(t)
		for name, act := range map[string]func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error){"get": get, "stop": stop, "start": start, "terminate": terminate} {
			if _, err := act(env, &spec.IDRequest{ID: id}); err == nil || err.Kind != spec.KindValidation {
				t.Errorf("%s %q: %v", name, id, err)
			}
		}
	}
	s, env := scripted(t, says(200, `{"id":"m"}`))
	env.Config = map[string]string{"app": "mine"}
	c, err := get(env, &spec.IDRequest{ID: "m"})
	if err != nil || c.ID != "mine/m" || c.Status != spec.StatusProvisioning || c.Ports == nil || s.asked[0].URL != "https://api.machines.dev/v1/apps/mine/machines/m" {
		t.Errorf("%+v %v", c, err)
	}
}

func TestConvert_ReadsEveryStateAndOddTypes(t *testing.T) {
	for native, want := range map[string]spec.Status{"created": "provisioning", "creating": "provisioning", "starting": "provisioning", "restarting": "provisioning", "updating": "provisioning",
		"replacing": "provisioning", "stopping": "provisioning", "suspending": "provisioning", "started": "running", "stopped": "stopped", "suspended": "stopped", "failed": "failed",
		"launch_failed": "failed", "destroying": "terminated", "destroyed": "terminated", "replaced": "terminated", "migrated": "terminated", "dancing": "provisioning", "": "provisioning"} {
		c, ok := toCompute(sdk.Env{}, "a", `{"id":"m","state":"`+native+`"}`)
		if !ok || c.Status != want || c.NativeStatus != native {
			t.Errorf("%s: %+v", native, c)
		}
	}
	c, ok := toCompute(sdk.Env{}, "a", `{"id":"m","state":"started","config":{"image":"i","guest":{"cpus":"2","cpu_kind":"shared","memory_mb":512.0},"metadata":{"n":5,"atlas_name":"x"},`+
		`"services":[{"protocol":"tcp","internal_port":"8000","autostop":"suspend","ports":[{"port":80,"handlers":["http"]},{"port":443,"handlers":["tls","http"]}]},`+
		`{"protocol":"udp","internal_port":53,"ports":[{"port":53}]},{"protocol":"tcp","internal_port":22,"autostop":false,"ports":[{"port":2222}]},{"protocol":"tcp","internal_port":9,"ports":null}]},`+
		`"events":[{"status":"started","timestamp":1699408350300},{"status":"started","timestamp":"bad"}],"created_at":"2023-11-08T01:52:30Z"}`)
	if !ok || fmt.Sprint(c.Ports) != "[{8000 443 http  https://a.fly.dev false} {22 2222 tcp a.fly.dev tcp://a.fly.dev:2222 false}]" || c.StartedAt != "2023-11-08T01:52:30.3Z" ||
		c.Metadata["n"] != "5" || c.Name != "x" || c.Metadata["cpu_flavor"] != "shared-cpu-2x" {
		t.Errorf("%+v", c)
	}
	if c, _ := toCompute(sdk.Env{}, "a", `{"id":"m","state":"created","config":{"schedule":"daily"}}`); c.Status != spec.StatusStopped {
		t.Errorf("a machine that rests until its schedule: %s", c.Status)
	}
	for _, text := range []string{``, `[]`, `{}`, `{"id":null}`, `{"id":"m"`, `{"id":"m"} x`} {
		if _, ok := toCompute(sdk.Env{}, "a", text); ok {
			t.Errorf("%q passes for a machine", text)
		}
	}
}

func TestListGPUTypes_IsEmpty(t *testing.T) {
	_, env := scripted(t)
	if all, err := listGPUTypes(env, &spec.GPUTypesRequest{}); err != nil || all.Items == nil || len(all.Items) != 0 {
		t.Errorf("%+v %v", all, err)
	}
}
