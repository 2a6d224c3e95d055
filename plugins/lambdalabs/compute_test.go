package lambdalabs

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/sim/lambda"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestTerminate_IsIdempotent(t *testing.T) {
	c := start(t, lambda.Options{TerminateMS: 10_000})
	id := &spec.IDRequest{ID: c.spawn(a10()).ID}
	gone, err := c.p.Terminate(c.env, id)
	if err != nil || gone == nil || gone.Status != spec.StatusTerminated || gone.NativeStatus != "terminating" {
		t.Fatalf("%+v %v", gone, err)
	}
	if again, err := c.p.Terminate(c.env, id); err != nil || again == nil || again.Status != spec.StatusTerminated {
		t.Errorf("while it is terminating: %+v %v", again, err)
	}
	if found, err := c.p.Find(c.env, &spec.FindRequest{RequestIDs: []string{a10().RequestID}}); err != nil || len(found.Items) != 0 {
		t.Errorf("a machine on its way out is found: %+v %v", found, err)
	}
	c.Advance(10 * time.Second)
	if none, err := c.p.Terminate(c.env, id); err != nil || none == nil || none.Status != spec.StatusTerminated || none.NativeStatus != "" {
		t.Errorf("when it is gone: %+v %v", none, err)
	}
	if _, err := c.p.Get(c.env, id); err == nil || err.Kind != spec.KindNotFound {
		t.Errorf("get: %v", err)
	}
	if all, err := c.p.List(c.env, &spec.ListRequest{}); err != nil || len(all.Items) != 0 {
		t.Errorf("list: %+v %v", all, err)
	}
}

func TestTerminate_TellsAFailureThatLeftTheMachineUp(t *testing.T) {
	c := start(t, lambda.Options{})
	id := c.spawn(a10()).ID
	if _, err := c.AddFault(simkit.Fault{Path: "/api/v1/instance-operations/terminate", Nth: 1, Effect: simkit.Status, Status: 500}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.p.Terminate(c.env, &spec.IDRequest{ID: id}); err == nil || err.Kind != spec.KindProvider || !err.Retryable {
		t.Errorf("%v", err)
	}
	if _, err := c.AddFault(simkit.Fault{Path: "/api/v1/instance-operations/terminate", Nth: 1, Effect: simkit.Status, Status: 500, AfterEffect: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.p.Terminate(c.env, &spec.IDRequest{ID: id}); err != nil {
		t.Errorf("it took effect, and %v", err)
	}
}

func TestTerminate_IsDoneOnlyWhereLambdaNamesTheMachine(t *testing.T) {
	const up, going = `200 {"data":{"id":"m","status":"active"}}`, `200 {"data":{"id":"m","status":"terminating"}}`
	const unknown = `404 {"error":{"code":"global/object-does-not-exist","message":"?"}}`
	for _, body := range []string{`{}`, `{"message":"down for maintenance"}`, `{"data":{}}`, `{"data":{"terminated_instances":[]}}`,
		`{"data":{"terminated_instances":[{"id":"another","status":"terminating"}]}}`, `<html>maintenance</html>`} {
		for look, done := range map[string]bool{up: false, going: true, unknown: true, "200 " + body: false} {
			env, _ := scripted(t, "POST /instance-operations/terminate", "200 "+body, "GET /instances/m", look)
			c, err := terminate(env, &spec.IDRequest{ID: "m"})
			if done != (err == nil) || done && (c == nil || c.Status != spec.StatusTerminated) {
				t.Errorf("%s, then %s: %+v %v", body, look, c, err)
			}
			if !done && err != nil && (err.Kind != spec.KindProvider || !err.Retryable || !strings.Contains(err.Message, "confirm")) {
				t.Errorf("%s, then %s: %+v", body, look, err)
			}
		}
	}
	env, sent := scripted(t, "POST /instance-operations/terminate", `200 {"data":{"terminated_instances":[{"id":"m","status":"terminating"}]}}`)
	if c, err := terminate(env, &spec.IDRequest{ID: "m"}); err != nil || c == nil || c.NativeStatus != "terminating" || len(sent.sent) != 1 {
		t.Errorf("%+v %v after %d requests", c, err, len(sent.sent))
	}
}

// An API that has ended says so on whatever is asked, the machines that run on included.
func TestTerminate_TakesNoRetiredAPIForAMachineThatIsGone(t *testing.T) {
	env, _ := scripted(t, "POST /instance-operations/terminate", `410 {"error":{"code":"global/retired","message":"v1 is gone"}}`, "GET /instances/m", `410 gone`)
	if c, err := terminate(env, &spec.IDRequest{ID: "m"}); err == nil || err.Kind != spec.KindProvider || !strings.Contains(err.Hint, "newer plugin") {
		t.Errorf("%+v %+v", c, err)
	}
}

func TestStatus_MapsEveryWord(t *testing.T) {
	c := start(t, lambda.Options{ProvisionMS: 1000})
	id := c.spawn(a10()).ID
	for _, one := range []struct {
		do     string
		native string
		want   spec.Status
	}{{"stuck", "booting", spec.StatusProvisioning}, {"run", "active", spec.StatusRunning}, {"fail", "unhealthy", spec.StatusFailed},
		{"recover", "active", spec.StatusRunning}, {"preempt", "preempted", spec.StatusTerminated}} {
		if err := c.Server.Do(id, one.do); err != nil {
			t.Fatal(err)
		}
		if m := c.get(id); m.NativeStatus != one.native || m.Status != one.want {
			t.Errorf("%s: %s is %s, want %s", one.do, m.NativeStatus, m.Status, one.want)
		}
	}
	for native, want := range map[string]spec.Status{"terminated": spec.StatusTerminated, "terminating": spec.StatusTerminated, "hibernating": spec.StatusProvisioning, "": spec.StatusProvisioning} {
		if got := status(native); got != want {
			t.Errorf("%q is %s, want %s", native, got, want)
		}
	}
}

func TestRaw_HidesJupyter(t *testing.T) {
	c := start(t, lambda.Options{})
	c.env.IncludeRaw = true
	id := c.spawn(a10()).ID
	all, err := c.p.List(c.env, &spec.ListRequest{})
	if err != nil || len(all.Items) != 1 {
		t.Fatalf("%+v %v", all, err)
	}
	for _, raw := range []spec.Raw{all.Items[0].Raw, c.get(id).Raw} {
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		if v["jupyter_token"] != spec.Redacted || v["jupyter_url"] != spec.Redacted || strings.Contains(string(raw), "?token=") || v["id"] != id {
			t.Errorf("raw %s", raw)
		}
	}
}

func TestToCompute_ReadsOddAnswers(t *testing.T) {
	env := sdk.Env{}
	for text, want := range map[string]bool{
		`{"id":"a"}`: true,
		`{"id":"a","status":null,"ip":null,"region":null,"instance_type":null,"actions":null,"tags":null,"ssh_key_names":null}`: true,
		`{"id":"a","status":7,"region":"us-west-1","instance_type":[],"actions":"x","tags":{},"new":{"x":[1]}}`:                 true,
		`{"id":""}`: false, `{}`: false, `[]`: false, `{"id":"a"`: false, ``: false, `null`: false,
	} {
		if c, ok := toCompute(env, text); ok != want || ok && (c.ID != "a" || c.Ports == nil) {
			t.Errorf("%s: %+v %v", text, c, ok)
		}
	}
	c, _ := toCompute(env, `{"id":"a","status":"active","ip":"1.2.3.4","region":{"name":"r"},"instance_type":{"name":"gpu_8x_h100_sxm5gdr","price_cents_per_hour":3592,"specs":{}},
	 "tags":[{"key":"atlas-ports","value":"80/http 0/tcp x 9/udp 7/tcp"},{"key":"atlas-created-at","value":"yesterday"},null,{"key":"k","value":"v"}],
	 "actions":{"restart":{"available":true},"terminate":{"available":false}}}`)
	if c.GPUNative != "gpu_1x_h100_sxm5" || c.GPUCount != 8 || *c.CostPerHour != 35.92 || c.CreatedAt != "" || c.Metadata["k"] != "v" || len(c.Ports) != 2 ||
		c.Ports[0].URL != "http://1.2.3.4:80" || c.Ports[1].URL != "tcp://1.2.3.4:7" || len(c.Actions) != 1 || c.Actions[0] != spec.ActionRestart {
		t.Errorf("%+v", c)
	}
}

func TestList_RefusesWhatIsNoWholeList(t *testing.T) {
	for body, want := range map[string]int{`{"data":[]}`: 0, `{"data":[null,{"id":"a"}]}`: 1, `{"data":null}`: -1, `{}`: -1, `{"data":[{"id":"a"},{}]}`: -1, `{"data":{}}`: -1, `<html>`: -1, ``: -1} {
		env, _ := scripted(t, "GET /instances", "200 "+body)
		all, err := list(env, &spec.ListRequest{})
		if want < 0 {
			if err == nil || err.Kind != spec.KindProvider {
				t.Errorf("%s: %+v %v", body, all, err)
			}
		} else if err != nil || len(all.Items) != want {
			t.Errorf("%s: %+v %v", body, all, err)
		}
	}
}

func TestFailure_TellsKindsByCodeAndStatus(t *testing.T) {
	for _, one := range []struct {
		method, path, answer string
		kind                 spec.Kind
		retryable            bool
	}{
		{"GET", "/instances/x", `404 {"error":{"code":"global/object-does-not-exist","message":"Instance was not found."}}`, spec.KindNotFound, false},
		{"GET", "/instances/x", `404 {"error":{"code":"global/not-found","message":"gone"}}`, spec.KindNotFound, false},
		{"GET", "/instances/x", `404 <html>nothing here</html>`, spec.KindProvider, false},
		{"GET", "/instances/x", `410 {"error":{"code":"global/retired","message":"v1 is gone"}}`, spec.KindProvider, false},
		{"GET", "/instances/x", `410 gone`, spec.KindProvider, false},
		{"GET", "/instances/x", `403 error code: 1010`, spec.KindForbidden, false},
		{"GET", "/instances/x", `403 {"error":{"code":"global/forbidden","message":"no"}}`, spec.KindForbidden, false},
		{"GET", "/instances/x", `401 {"error":{"code":"global/invalid-api-key","message":"no"}}`, spec.KindUnauthorized, false},
		{"GET", "/instances/x", `429 slow down`, spec.KindRateLimited, true},
		{"GET", "/instances/x", `500 {"error":{"code":"global/unknown","message":"An unknown error occurred."}}`, spec.KindProvider, true},
		{"GET", "/instances/x", `503 `, spec.KindProvider, true},
		{"GET", "/instances/x", `504 upstream timed out`, spec.KindTimeout, true},
		{"GET", "/instances/x", `400 {"error":{"code":"provider/internal-unavailable","message":"Provider unavailable","suggestion":"Try again shortly"}}`, spec.KindProvider, true},
		{"GET", "/instances/x", `400 {"error":{"code":"global/something-new","message":"?"}}`, spec.KindValidation, false},
		{"GET", "/instances/x", `409 {"error":{"code":"global/internal-error","message":"?"}}`, spec.KindConflict, false},
		{"POST", "/launch", `404 {"error":{"code":"global/object-does-not-exist","message":"SSH key"}}`, spec.KindValidation, false},
		{"POST", "/launch", `400 {"error":{"code":"global/invalid-parameters","message":"Requested too many instances."}}`, spec.KindValidation, false},
		{"POST", "/launch", `400 {"error":{"code":"global/quota-exceeded","message":"Quota exceeded."}}`, spec.KindFunds, false},
		{"POST", "/launch", `400 {"error":{"code":"instance-operations/launch/insufficient-capacity","message":"?"}}`, spec.KindCapacity, true},
		{"POST", "/launch", `400 {"error":{"code":"provider/launch/insufficient-capacity","message":"?"}}`, spec.KindCapacity, true},
		{"POST", "/launch", `400 {"error":{"code":"instance-operations/launch/file-system-in-wrong-region","message":"?"}}`, spec.KindValidation, false},
		{"POST", "/launch", `403 {"error":{"code":"global/account-inactive","message":"?"}}`, spec.KindForbidden, false},
		{"POST", "/launch", `403 {"error":{"code":"global/invalid-address","message":"?"}}`, spec.KindFunds, false},
		{"POST", "/keys", `400 {"error":{"code":"global/duplicate","message":"?"}}`, spec.KindConflict, false},
		{"POST", "/sets", `400 {"error":{"code":"firewall-rulesets/firewall-ruleset-in-use","message":"?"}}`, spec.KindConflict, false},
	} {
		path := one.path
		if path == "/launch" {
			path = launchPath
		} else {
			path = "/api/v1" + path
		}
		env, _ := scripted(t, one.method+" "+strings.TrimPrefix(path, "/api/v1"), one.answer)
		_, err := ask(env, call{method: one.method, path: path})
		if err == nil || err.Kind != one.kind || err.Retryable != one.retryable || err.Message == "" {
			t.Errorf("%s: %+v, want %s", one.answer, err, one.kind)
		}
	}
}

// A launch that something behind Lambda refused may have gone through.
func TestFailure_LeavesALaunchOpenThatTheProviderBehindRefused(t *testing.T) {
	body := `400 {"error":{"code":"provider/internal-unavailable","message":"Provider unavailable"}}`
	env, _ := scripted(t, "POST /instance-operations/launch", body, "POST /ssh-keys", body)
	if _, err := ask(env, call{method: "POST", path: launchPath}); !err.UnknownOutcome {
		t.Error("the outcome of the launch counts as known")
	}
	if _, err := ask(env, call{method: "POST", path: "/api/v1/ssh-keys"}); err.UnknownOutcome {
		t.Error("the outcome of an SSH key matters")
	}
}

const (
	oneType = `200 {"data":{"gpu_1x_a10":{"instance_type":{"name":"gpu_1x_a10","price_cents_per_hour":129,"specs":{"gpus":1}},"regions_with_capacity_available":[{"name":"us-west-1"}]}}}`
	noSets  = `200 {"data":[]}`
)

func TestSpawn_TakesTheRulesetAndKeyThatAnotherSpawnMadeMeanwhile(t *testing.T) {
	s := a10()
	s.Ports, s.SSHKey = []spec.PortRequest{{Internal: 80}}, "ssh-rsa AAAAB3Nz x"
	env, sent := scripted(t, "GET /instance-types", oneType, "GET /ssh-keys", noSets, "POST /ssh-keys", `400 {"error":{"code":"global/duplicate","message":"?"}}`,
		"GET /ssh-keys", `200 {"data":[{"name":"theirs","public_key":"ssh-rsa AAAAB3Nz y"}]}`, "GET /images", noSets,
		"GET /firewall-rulesets", noSets, "POST /firewall-rulesets", `409 {"error":{"code":"global/internal-error","message":"conflict"}}`,
		"GET /firewall-rulesets", `200 {"data":[{"id":"other","name":"atlas-80","region":{"name":"us-east-1"}},{"id":"set","name":"atlas-80","region":{"name":"us-west-1"}}]}`,
		"POST /instance-operations/launch", `200 {"data":{"instance_ids":["m"]}}`)
	m, err := spawn(env, s)
	if err != nil || m.ID != "m" || m.CreatedAt != "" {
		t.Fatalf("%+v %v", m, err)
	}
	body := string(sent.sent[len(sent.sent)-1].Body)
	for _, want := range []string{`"ssh_key_names":["theirs"]`, `"firewall_rulesets":[{"id":"set"}]`, `"image":{"family":"lambda-stack-24-04"}`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	for _, r := range sent.sent {
		if launch := strings.HasSuffix(r.URL, launchPath); r.Method == "POST" && r.Aside == launch {
			t.Errorf("%s: aside is %v", r.URL, r.Aside)
		}
	}
}

func TestSpawn_AnswerWithoutOneIdentifierIsUnreadable(t *testing.T) {
	for _, body := range []string{`{"data":{"instance_ids":[]}}`, `{"data":{}}`, `{}`, `{"data":{"instance_ids":["a","b"]}}`, `<html>`} {
		s := a10()
		s.SSHKey = "named"
		env, _ := scripted(t, "GET /instance-types", oneType, "GET /images", noSets, "POST /instance-operations/launch", "200 "+body)
		if m, err := spawn(env, s); err == nil || err.Kind != spec.KindProvider {
			t.Errorf("%s: %+v %v", body, m, err)
		}
	}
}
