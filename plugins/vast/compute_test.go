package vast

import (
	"fmt"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/sim/simkit"
	simvast "github.com/exatlas/atlas/sim/vast"
)

func TestList_ReadsEveryPage(t *testing.T) {
	r := newRig(t, simvast.Options{Hosts: 160})
	want := map[string]bool{}
	for i := range 60 {
		s := request()
		s.RequestID = fmt.Sprintf("%020x", i)
		s.Name = "atlas-" + s.RequestID
		offer := r.offers(&spec.OffersRequest{GPUs: []string{"RTX 4090"}, Limit: 1})[0]
		s.OfferID = offer.ID
		want[r.spawn(s).ID] = true
	}
	r.sent = nil
	all, err := list(r.env, &spec.ListRequest{})
	if err != nil || len(all.Items) != 60 || len(r.sent) != 3 {
		t.Fatalf("%v after\n%s", err, r.requests())
	}
	for i := range all.Items {
		delete(want, all.Items[i].ID)
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", want)
	}
	r.sent = nil
	id := fmt.Sprintf("%020x", 7)
	found, err := find(r.env, &spec.FindRequest{RequestIDs: []string{id}, Names: []string{"atlas-" + id}})
	if err != nil || len(found.Items) != 1 || found.Items[0].RequestID != id || len(r.sent) != 1 || !strings.Contains(r.sent[0].path, "label") {
		t.Errorf("%+v %v after\n%s", found, err, r.requests())
	}
	r.sent = nil
	if found, err = find(r.env, &spec.FindRequest{RequestIDs: []string{id, "other"}}); err != nil || len(found.Items) != 1 || len(r.sent) != 3 {
		t.Errorf("%+v %v after\n%s", found, err, r.requests())
	}
	r.sent = nil
	r.fault(simkit.Fault{Path: "/api/v1/instances/", Nth: 1, Effect: simkit.Status, Status: 400, Body: `{"error":"invalid_request","msg":"label is not a valid search key"}`})
	if found, err = find(r.env, &spec.FindRequest{RequestIDs: []string{id}, Names: []string{"atlas-" + id}}); err != nil || len(found.Items) != 1 || len(r.sent) != 4 {
		t.Errorf("a filter that is refused: %+v %v after\n%s", found, err, r.requests())
	}
	if _, err = find(r.env, &spec.FindRequest{}); err == nil || err.Kind != spec.KindValidation {
		t.Error(err)
	}
}

func TestList_NeverTakesAnUnreadableAnswerForAnEmptyOne(t *testing.T) {
	for _, body := range []string{``, `{}`, `{"instances":null}`, `{"instances":{}}`, `{"success":true}`, `{"instances":[{"label":"x"}]}`, `{"instances":["x"]}`, `{"instances":[{"id":1}]`, `<html>`} {
		env, _ := scripted(t, say(200, body))
		if _, err := list(env, &spec.ListRequest{}); err == nil || err.Kind != spec.KindProvider {
			t.Errorf("%s: %v", body, err)
		}
	}
	env, _ := scripted(t, say(200, `{"instances":[null],"next_token":"a"}`), say(200, `{"instances":[],"next_token":"a"}`))
	if _, err := list(env, &spec.ListRequest{}); err == nil || err.Kind != spec.KindProvider || !err.Retryable {
		t.Errorf("a listing that does not end: %v", err)
	}
	env, _ = scripted(t, say(200, `{"instances":[],"next_token":"a"}`), say(200, `{"instances":[],"next_token":"b"}`), say(200, `{"instances":[],"next_token":"a"}`))
	if _, err := list(env, &spec.ListRequest{}); err == nil || !strings.Contains(err.Message, "does not end") {
		t.Errorf("a listing that leads in a circle: %v", err)
	}
	env, _ = scripted(t, say(410, `{"success":false,"error":"deprecated_endpoint","msg":"/api/v1/instances/ is deprecated."}`))
	if _, err := list(env, &spec.ListRequest{}); err == nil || err.Kind != spec.KindProvider || !strings.Contains(err.Hint, "newer plugin") {
		t.Errorf("a listing that is retired: %+v", err)
	}
}

func TestGet_TellsWhatIsGone(t *testing.T) {
	r := newRig(t, simvast.Options{})
	if _, err := get(r.env, &spec.IDRequest{ID: "5"}); err == nil || err.Kind != spec.KindNotFound {
		t.Errorf("null: %v", err)
	}
	env, _ := scripted(t, say(404, `{"success":false,"error":"no_such_instance","msg":"no"}`), say(200, `{}`), say(404, `<html>`), say(200, `{"instances":[]}`))
	for _, want := range []spec.Kind{spec.KindNotFound, spec.KindProvider, spec.KindProvider, spec.KindProvider} {
		if _, err := get(env, &spec.IDRequest{ID: "5"}); err == nil || err.Kind != want {
			t.Errorf("want %s: %v", want, err)
		}
	}
	for _, id := range []string{"", "x", "1/2", "-1", strings.Repeat("1", 40)} {
		for name, act := range map[string]func() *spec.Error{
			"get":       func() *spec.Error { _, err := get(env, &spec.IDRequest{ID: id}); return err },
			"stop":      func() *spec.Error { _, err := stop(env, &spec.IDRequest{ID: id}); return err },
			"start":     func() *spec.Error { _, err := start(env, &spec.IDRequest{ID: id}); return err },
			"terminate": func() *spec.Error { _, err := terminate(env, &spec.IDRequest{ID: id}); return err },
			"logs":      func() *spec.Error { _, err := getLogs(env, &spec.LogsRequest{ID: id}); return err },
		} {
			if err := act(); err == nil || err.Kind != spec.KindValidation {
				t.Errorf("%s of %q: %v", name, id, err)
			}
		}
	}
}

func TestStopStartTerminate_DoWhatTheySay(t *testing.T) {
	r := newRig(t, simvast.Options{})
	c := r.spawn(request())
	id := &spec.IDRequest{ID: c.ID}
	if _, err := stop(r.env, id); err != nil {
		t.Fatal(err)
	}
	got := r.get(c.ID)
	if got.Status != spec.StatusStopped || got.Metadata["interrupted"] != "" || *got.CostPerHour >= *c.CostPerHour || got.PublicIP != "" {
		t.Errorf("%+v", got)
	}
	if _, err := start(r.env, id); err != nil {
		t.Fatal(err)
	}
	if got := r.get(c.ID); got.Status != spec.StatusRunning {
		t.Errorf("%+v", got)
	}
	for range 2 {
		if _, err := terminate(r.env, id); err != nil {
			t.Fatal(err)
		}
	}
	if r.sent[len(r.sent)-1].body != "{}" || len(r.Machines()) != 0 {
		t.Errorf("%+v", r.sent[len(r.sent)-1])
	}
	for name, act := range map[string]func() (*spec.Compute, *spec.Error){"stop": func() (*spec.Compute, *spec.Error) { return stop(r.env, id) },
		"start": func() (*spec.Compute, *spec.Error) { return start(r.env, id) }} {
		if _, err := act(); err == nil || err.Kind != spec.KindNotFound {
			t.Errorf("%s of what is gone: %v", name, err)
		}
	}
	for _, body := range []string{``, `<html>welcome to the hotel</html>`, `{}`, `{"success":null}`, `{"success":true`, `{"success":true} of the hotel`} {
		env, _ := scripted(t, say(200, body), say(200, body))
		if _, err := terminate(env, id); err == nil || err.Kind != spec.KindProvider || !err.Retryable || !strings.Contains(err.Hint, "go on costing") {
			t.Errorf("%s passes for a confirmation: %v", body, err)
		}
		if _, err := stop(env, id); err == nil || err.Kind != spec.KindProvider {
			t.Errorf("%s passes for a confirmation: %v", body, err)
		}
	}
	env, _ := scripted(t, say(200, `{"success":false,"msg":"internal trouble"}`), say(429, `API requests too frequent: endpoint threshold=3.0`))
	if _, err := terminate(env, id); err == nil || err.Kind != spec.KindProvider {
		t.Errorf("a refusal with status 200: %v", err)
	}
	if _, err := terminate(env, id); err == nil || err.Kind != spec.KindRateLimited || err.RetryAfterMS != 3000 {
		t.Errorf("%v", err)
	}
}

func TestStatus_IsToldByTheStateFieldsTogether(t *testing.T) {
	for _, row := range []struct {
		states
		want        spec.Status
		interrupted bool
	}{
		{states{}, spec.StatusProvisioning, false},
		{states{actual: "", intended: "running", current: "running", next: "running"}, spec.StatusProvisioning, false},
		{states{actual: "loading", intended: "running", current: "running", next: "running", message: "Pulling"}, spec.StatusProvisioning, false},
		{states{actual: "created", intended: "running", current: "running", next: "running"}, spec.StatusProvisioning, false},
		{states{actual: "created", intended: "running", current: "running", message: "x: OCI runtime create failed: y"}, spec.StatusFailed, false},
		{states{actual: "created", intended: "running", message: "Error response from daemon: port is already allocated"}, spec.StatusFailed, false},
		{states{actual: "running", intended: "running", current: "running", next: "running"}, spec.StatusRunning, false},
		{states{actual: "running", intended: "stopped", current: "running", next: "stopped"}, spec.StatusRunning, false},
		{states{actual: "running"}, spec.StatusRunning, false},
		{states{actual: "exited", intended: "stopped", current: "stopped", next: "stopped"}, spec.StatusStopped, false},
		{states{actual: "exited", intended: "stopped", current: "stopped", next: "stopped", bid: true}, spec.StatusStopped, false},
		{states{actual: "exited", intended: "stopped", current: "stopped", next: "stopped", bid: true, outbid: true}, spec.StatusStopped, true},
		{states{actual: "", intended: "stopped", current: "stopped", next: "stopped", bid: true, outbid: true}, spec.StatusStopped, true},
		{states{actual: "running", intended: "stopped", current: "stopped", next: "stopped"}, spec.StatusStopped, false},
		{states{actual: "exited", intended: "running", current: "stopped", next: "stopped", bid: true}, spec.StatusStopped, true},
		{states{actual: "exited", intended: "running", current: "stopped", next: "running"}, spec.StatusProvisioning, false},
		{states{actual: "exited", intended: "running", current: "stopped", next: "running", bid: true}, spec.StatusProvisioning, false},
		{states{actual: "exited", intended: "running", current: "running", next: "running"}, spec.StatusFailed, false},
		{states{actual: "stopped", intended: "running", current: "running", next: "running"}, spec.StatusProvisioning, false},
		{states{actual: "stopped", intended: "stopped", current: "running", next: "stopped"}, spec.StatusStopped, false},
		{states{actual: "frozen", intended: "running"}, spec.StatusStopped, false},
		{states{actual: "unknown", intended: "running", current: "running"}, spec.StatusFailed, false},
		{states{actual: "offline", intended: "running", current: "running"}, spec.StatusFailed, false},
		{states{actual: "rebooting", intended: "running"}, spec.StatusProvisioning, false},
		{states{actual: "levitating", intended: "running"}, spec.StatusProvisioning, false},
	} {
		if got, interrupted := row.status(); got != row.want || interrupted != row.interrupted {
			t.Errorf("%+v: %s %v", row.states, got, interrupted)
		}
	}
}

func TestGet_TellsAnInterruptedMachineFromAStoppedOne(t *testing.T) {
	r := newRig(t, simvast.Options{})
	s := request()
	s.Spot = true
	mine, theirs := r.spawn(s), r.spawn(s)
	if _, err := stop(r.env, &spec.IDRequest{ID: mine.ID}); err != nil {
		t.Fatal(err)
	}
	if err := r.Server.Do(theirs.ID, "preempt"); err != nil {
		t.Fatal(err)
	}
	if got := r.get(mine.ID); got.Status != spec.StatusStopped || got.Metadata["interrupted"] != "" {
		t.Errorf("%+v", got)
	}
	if got := r.get(theirs.ID); got.Status != spec.StatusStopped || got.Metadata["interrupted"] != "true" || !got.Spot {
		t.Errorf("%+v", got)
	}
	for action, want := range map[string]spec.Status{"run": spec.StatusRunning, "fail": spec.StatusFailed, "exit": spec.StatusFailed, "stuck": spec.StatusProvisioning,
		"offline": spec.StatusFailed, "unknown": spec.StatusFailed} {
		for _, do := range []string{"run", action} { // what exits is wanted running; before the first run it is not
			if err := r.Server.Do(theirs.ID, do); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.get(theirs.ID); got.Status != want {
			t.Errorf("%s: %+v", action, got)
		}
	}
}

func TestGet_ReadsThePortsOfARunningMachine(t *testing.T) {
	r := newRig(t, simvast.Options{LoadMS: 1000})
	c := r.spawn(request())
	if got := r.get(c.ID); len(got.Ports) != 2 || got.Ports[0].External != 0 || got.Status != spec.StatusProvisioning {
		t.Errorf("%+v", got)
	}
	r.Clock.Advance(1_000_000_000)
	got := r.get(c.ID)
	http, tcp := got.Ports[0], got.Ports[1]
	if http.Internal != 8000 || http.Protocol != spec.ProtocolHTTP || http.URL != fmt.Sprintf("%s/proxy/%s/%d", r.URL(), got.PublicIP, http.External) || http.External == 8000 {
		t.Errorf("%+v", http)
	}
	if tcp.Protocol != spec.ProtocolTCP || tcp.URL != fmt.Sprintf("tcp://%s:%d", got.PublicIP, tcp.External) || tcp.Host != got.PublicIP || got.SSH != nil {
		t.Errorf("%+v %+v", tcp, got.SSH)
	}
	r.env.URLs = nil
	env, _ := scripted(t, say(200, `{"instances":{"id":1,"actual_status":"running","public_ipaddr":" 192.0.2.45\n","extra_env":{"-p 80:8000":"1","ATLAS_PORTS":"8000/http"},"ports":{"8000/tcp":[{"HostPort":"33526"}],"53/udp":[{"HostPort":"1"}]}}}`))
	found, err := get(env, &spec.IDRequest{ID: "1"})
	if err != nil || len(found.Ports) != 1 || found.Ports[0].URL != "http://192.0.2.45:33526" {
		t.Errorf("%+v %v", found, err)
	}
}

func TestConvert_IsLenient(t *testing.T) {
	for _, body := range []string{
		`{"id":"7"}`,
		`{"id":7,"label":null,"actual_status":null,"ports":null,"extra_env":null,"dph_total":null,"gpu_name":null,"num_gpus":"1","start_date":null}`,
		`{"id":7,"label":5,"actual_status":true,"ports":[8080,8081],"extra_env":[],"dph_total":"0.5","geolocation":{},"ssh_port":"x","public_ipaddr":[]}`,
		`{"id":7,"extra_env":[["A"],["B","c","d"],null,5,["E",null]],"ports":{"x":1,"22/tcp":{},"8000/tcp":[null,{"HostPort":null}]},"status_msg":["x"],"is_bid":"true"}`,
	} {
		env, _ := scripted(t, say(200, `{"instances":`+body+`}`))
		c, err := get(env, &spec.IDRequest{ID: "7"})
		if err != nil || c.ID != "7" || c.Ports == nil || c.Status == "" {
			t.Errorf("%s: %+v %v", body, c, err)
		}
	}
}

func TestConvert_TellsWhatAStoppedMachineCostsNow(t *testing.T) {
	for actual, want := range map[string]float64{"running": 0.81, "exited": 0.01, "stopped": 0.01, "frozen": 0.81} {
		c, ok := toCompute(sdk.Env{}, `{"id":1,"actual_status":"`+actual+`","intended_status":"stopped","cur_state":"running","next_state":"stopped","dph_base":0.8,"dph_total":0.81,"storage_total_cost":0.01}`)
		if !ok || c.CostPerHour == nil || *c.CostPerHour != want {
			t.Errorf("%s: %+v", actual, c)
		}
	}
}

func TestConvert_FindsTheRequestIDWhereverItIs(t *testing.T) {
	const id = "00112233445566778899"
	for body, want := range map[string][2]string{
		`"label":"n atlas:` + id + `","extra_env":[["ATLAS_REQUEST_ID","` + id + `"]]`: {"n", id},
		`"label":"n atlas:` + id + `","extra_env":[]`:                                  {"n", id},
		`"label":"atlas-me-` + id + `"`:                                                {"atlas-me-" + id, id},
		`"label":"my box"`:                                                             {"my box", ""},
		`"label":"0011223344556677889900112233"`:                                       {"0011223344556677889900112233", ""},
		`"label":null,"extra_env":{"ATLAS_REQUEST_ID":"r"}`:                            {"", "r"},
	} {
		env, _ := scripted(t, say(200, `{"instances":{"id":7,`+body+`}}`))
		c, err := get(env, &spec.IDRequest{ID: "7"})
		if err != nil || c.Name != want[0] || c.RequestID != want[1] {
			t.Errorf("%s: %+v %v", body, c, err)
		}
	}
}

func TestRaw_HidesWhatIsSecret(t *testing.T) {
	r := newRig(t, simvast.Options{})
	r.env.IncludeRaw = true
	c := r.spawn(request())
	got := r.get(c.ID)
	if text := string(got.Raw); !strings.Contains(text, `"gpu_name":"RTX 4090"`) || strings.Contains(text, "canary") || !strings.Contains(text, `"jupyter_token":"[redacted]"`) {
		t.Errorf("%s", got.Raw)
	}
	if err := r.Server.Do(c.ID, "fail"); err != nil {
		t.Fatal(err)
	}
	env, _ := scripted(t, say(200, `{"instances":{"id":7,"actual_status":"offline","status_msg":"lost sesame-canary","extra_env":[["T","sesame-canary"]]}}`))
	if got, err := get(env, &spec.IDRequest{ID: "7"}); err != nil || strings.Contains(got.Metadata["status_message"], "canary") || got.Metadata["status_message"] == "" {
		t.Errorf("%+v %v", got, err)
	}
}
