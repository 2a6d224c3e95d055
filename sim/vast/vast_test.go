package vast

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMarket_FiltersAndSorts(t *testing.T) {
	c := start(t, Options{})
	for filters, want := range map[string]func(simtest.Doc, string) bool{
		`,"gpu_name":{"in":["RTX 4090","H200"]}`: func(d simtest.Doc, p string) bool { n := d.Text(p + "gpu_name"); return n == "RTX 4090" || n == "H200" },
		`,"gpu_ram":{"gte":70000,"lte":82000}`:   func(d simtest.Doc, p string) bool { n := d.Int(p + "gpu_ram"); return n >= 70000 && n <= 82000 },
		`,"num_gpus":{"gt":2}`:                   func(d simtest.Doc, p string) bool { return d.Int(p+"num_gpus") > 2 },
		`,"dph_total":{"lt":0.3}`:                func(d simtest.Doc, p string) bool { return d.Num(p+"dph_total") < 0.3 },
		`,"geolocation":{"notin":["US","NO"]}`:   func(d simtest.Doc, p string) bool { return !strings.HasSuffix(d.Text(p+"geolocation"), "US") },
		`,"verified":{"eq":false}`:               func(d simtest.Doc, p string) bool { return d.Text(p+"verification") == "unverified" },
		`,"datacenter":{"eq":true}`:              func(d simtest.Doc, p string) bool { return d.Int(p+"hosting_type") == 1 },
		`,"type":"bid"`: func(d simtest.Doc, p string) bool {
			return d.At(p+"is_bid") == true && d.Num(p+"dph_base") == d.Num(p+"min_bid")
		},
		`,"limit":3`: func(d simtest.Doc, p string) bool { return d.Count("offers") == 3 },
		`,"gpu_arch":{"neq":"nvidia"},"reliability":{"gte":0.9}`:    func(d simtest.Doc, p string) bool { return d.Text(p+"gpu_arch") == "amd" },
		`,"rentable":{"eq":true},"rented":{"eq":false},"limit":200`: func(d simtest.Doc, p string) bool { return d.Text(p+"verification") == "verified" },
	} {
		d := c.offers(filters)
		last := 0.0
		if d.Count("offers") == 0 {
			t.Errorf("%s: nothing", filters)
		}
		for i := range d.Count("offers") {
			p := fmt.Sprintf("offers.%d.", i)
			if !want(d, p) || d.Num(p+"dph_total") < last && !strings.Contains(filters, "bid") {
				t.Errorf("%s: row %d %v", filters, i, d.At(strings.TrimSuffix(p, ".")))
			}
			last = d.Num(p + "dph_total")
		}
	}
	if d := c.offers(`,"gpu_name":{"eq":"RTX_4090"}`); d.Count("offers") != 0 {
		t.Error("a name with an underscore was found")
	}
	c.ask(400, "POST", "/api/v0/bundles/", `{"colour":{"eq":"red"}}`).Wants(t, "error", "invalid_request")
	c.ask(400, "POST", "/api/v0/bundles/", `{`).Wants(t, "msg", "Invalid json body")
	c.Key = ""
	if c.offers("").Count("offers") == 0 {
		t.Error("the market is closed to those without a key")
	}
}

func TestRent_TakesAnOfferOnce(t *testing.T) {
	c := start(t, Options{ProvisionMS: 1000, LoadMS: 1000})
	ask := c.best()
	path := fmt.Sprintf("/api/v0/asks/%d/", ask)
	d := c.ask(200, "PUT", path, body)
	d.Wants(t, "success", "true")
	if d.Text("instance_api_key") == "" {
		t.Error("no instance_api_key")
	}
	id := d.Int("new_contract")
	c.ask(404, "PUT", path, body).Wants(t, "error", "invalid_args", "success", "false")
	if c.best() == ask {
		t.Error("a rented offer is still on the market")
	}
	i := c.instance(id)
	i.Wants(t, "instances.actual_status", "<nil>", "instances.cur_state", "running", "instances.label", "l", "instances.ports", "<nil>", "instances.extra_env.0.1", "b")
	c.Advance(time.Second)
	c.instance(id).Wants(t, "instances.actual_status", "loading")
	c.Advance(time.Second)
	i = c.instance(id)
	i.Wants(t, "instances.actual_status", "running", "instances.is_bid", "false")
	port := i.At("instances.ports").(map[string]any)["8000/tcp"].([]any)[0].(map[string]any)["HostPort"].(string)
	address := strings.TrimSpace(i.Text("instances.public_ipaddr"))
	if response, text := c.Get("GET", "/proxy/"+address+"/"+port+"/x", ""); response.StatusCode != 200 {
		t.Errorf("%d %s", response.StatusCode, text)
	}
	c.ask(200, "DELETE", fmt.Sprintf("/api/v0/instances/%d/", id), "{}").Wants(t, "success", "true")
	c.ask(404, "DELETE", fmt.Sprintf("/api/v0/instances/%d/", id), "{}").Wants(t, "error", "not_found")
	c.instance(id).Wants(t, "instances", "<nil>")
	if again := c.best(); again == ask {
		t.Error("a machine came back under the number of its old offer")
	}
}

func TestRent_RefusesWhatIsWrong(t *testing.T) {
	c := start(t, Options{})
	path := fmt.Sprintf("/api/v0/asks/%d/", c.best())
	for _, with := range []string{`{}`, `{"image":"i","disk":4}`, `{"image":"i","env":"-e A=b"}`, `{"image":"i","runtype":"magic"}`, `{"image":"i","price":500}`,
		`{"image":"i","env":{"-p x":"1"}}`, `{"image":"i","onstart":"` + strings.Repeat("x", 4100) + `"}`, `{"image":"i","label":"` + strings.Repeat("x", 300) + `"}`} {
		c.ask(400, "PUT", path, with).Wants(t, "success", "false")
	}
	if len(c.Machines()) != 0 {
		t.Error("something was rented")
	}
	o := Options{}
	balance := 0.01
	o.Balance = &balance
	poor := start(t, o)
	poor.ask(400, "PUT", fmt.Sprintf("/api/v0/asks/%d/", poor.best()), body).Wants(t, "error", "spend_rate_limit")
	o = Options{}
	o.Capacity = []simkit.Limit{{GPU: "RTX 4090", Count: 0}}
	if n := start(t, o).offers(`,"gpu_name":{"eq":"RTX 4090"}`).Count("offers"); n != 0 {
		t.Errorf("%d offers of what is sold out", n)
	}
}

// A plugin that is tested against a simulator which takes a number in quotes is not
// tested.
func TestBodies_HaveTheTypesOfTheContract(t *testing.T) {
	c := start(t, Options{})
	path := fmt.Sprintf("/api/v0/asks/%d/", c.best())
	for _, with := range []string{`"disk":"20"`, `"args":"sleep 9"`, `"args":[9]`, `"label":5`, `"cancel_unavail":"true"`, `"target_state":"started"`, `"runtype":["args"]`,
		`"price":"0.5"`, `"env":{"A":1}`, `"template_hash_id":7`} {
		c.ask(400, "PUT", path, `{"image":"i",`+with+`}`).Wants(t, "error", "invalid_args", "success", "false")
	}
	for _, with := range []string{`{"limit":"5"}`, `{"num_gpus":1}`, `{"gpu_name":{"in":"RTX 4090"}}`, `{"gpu_name":{"eq":["RTX 4090"]}}`, `{"num_gpus":{"is":1}}`, `{"num_gpus":{"eq":"1"}}`, `{"geolocation":{"in":[1]}}`, `{"order":"dph_total"}`, `{"allocated_storage":"20"}`} {
		c.ask(400, "POST", "/api/v0/bundles/", with).Wants(t, "error", "invalid_request")
	}
	if len(c.Machines()) != 0 {
		t.Fatal("something was rented")
	}
	id := c.ask(200, "PUT", path, `{"image":"i","price":null,"label":null,"args":null,"anything":{}}`).Int("new_contract") // as the official client sends
	for _, with := range []string{`{"state":"off"}`, `{"state":1}`, `{"label":1}`} {
		c.ask(400, "PUT", fmt.Sprintf("/api/v0/instances/%d/", id), with).Wants(t, "error", "invalid_args")
	}
}

func TestRent_TwiceOfOneOfferLeavesADeadMachine(t *testing.T) {
	c := start(t, Options{DoubleRent: true})
	path := fmt.Sprintf("/api/v0/asks/%d/", c.best())
	c.ask(200, "PUT", path, body)
	second := c.ask(200, "PUT", path, body).Int("new_contract")
	c.instance(second).Wants(t, "instances.actual_status", "created", "instances.intended_status", "running")
	if c.Cloud().(*Cloud).Doubled() != 1 {
		t.Error("the second rent was not counted")
	}
}

func TestBid_ThatIsTooLowLeavesAStoppedMachine(t *testing.T) {
	for _, status := range []int{200, 400} {
		c := start(t, Options{LowBidStatus: status})
		d := c.ask(status, "PUT", fmt.Sprintf("/api/v0/asks/%d/", c.best()), strings.TrimSuffix(body, "}")+`,"price":0.01}`)
		d.Wants(t, "success", "false")
		id := d.Int("new_contract")
		c.instance(id).Wants(t, "instances.actual_status", "<nil>", "instances.cur_state", "stopped", "instances.intended_status", "stopped", "instances.next_state", "stopped")
		c.Advance(time.Hour)
		if bill := c.Bill(); bill.TotalUSD <= 0 {
			t.Error("its disk costs nothing")
		}
		c.ask(200, "PUT", fmt.Sprintf("/api/v0/instances/bid_price/%d/", id), `{"client_id":"me","price":5}`)
		c.instance(id).Wants(t, "instances.actual_status", "running", "instances.is_bid", "true")
	}
}

func TestStates_FollowWhatHappens(t *testing.T) {
	c := start(t, Options{})
	id := c.rent(`"price":1`)
	path := fmt.Sprintf("/api/v0/instances/%d/", id)
	state := func(actual, intended, current, next string) {
		t.Helper()
		c.instance(id).Wants(t, "instances.actual_status", actual, "instances.intended_status", intended, "instances.cur_state", current, "instances.next_state", next)
	}
	state("running", "running", "running", "running")
	c.ask(200, "PUT", path, `{"state":"stopped"}`)
	state("exited", "stopped", "stopped", "stopped")
	c.ask(200, "PUT", path, `{"state":"running"}`)
	state("running", "running", "running", "running")
	do := func(action string) {
		t.Helper()
		if err := c.Do(fmt.Sprint(id), action); err != nil {
			t.Fatal(err)
		}
	}
	do("preempt")
	state("exited", "stopped", "stopped", "stopped")
	if i := c.instance(id); i.Num("instances.min_bid") <= i.Num("instances.dph_base") {
		t.Error("nobody bids more")
	}
	do("run")
	state("running", "running", "running", "running")
	c.ask(200, "PUT", path, `{"state":"stopped"}`)
	do("lose_host")
	c.ask(200, "PUT", path, `{"state":"running"}`)
	state("exited", "running", "stopped", "running")
	do("run")
	for _, one := range [][2]string{{"fail", "created"}, {"exit", "exited"}, {"stuck", "loading"}, {"offline", "offline"}, {"unknown", "unknown"}} {
		do(one[0])
		state(one[1], "running", "running", "running")
	}
	c.ask(200, "PUT", path, `{"label":"other"}`)
	c.instance(id).Wants(t, "instances.label", "other")
	c.ask(400, "PUT", path, `{}`)
	c.ask(404, "PUT", "/api/v0/instances/5/", `{"state":"stopped"}`).Wants(t, "error", "no_such_instance")
	do("vanish")
	if len(c.Machines()) != 0 || c.Do(fmt.Sprint(id), "run") == nil || c.Do("x", "run") == nil || c.Do("1", "dance") == nil {
		t.Error("it is still there")
	}
}

func TestList_PagesByToken(t *testing.T) {
	c := start(t, Options{Hosts: 100})
	for range 30 {
		c.rent("")
	}
	first := c.ask(200, "GET", "/api/v1/instances/?limit=100", "")
	first.Wants(t, "total_instances", "30", "instances_found", "30", "success", "true")
	second := c.ask(200, "GET", "/api/v1/instances/?after_token="+first.Text("next_token"), "")
	if first.Count("instances") != 25 || second.Count("instances") != 5 || second.At("next_token") != nil || first.Int("instances.24.id") >= second.Int("instances.0.id") {
		t.Errorf("%d and %d", first.Count("instances"), second.Count("instances"))
	}
	if n := c.ask(200, "GET", "/api/v1/instances/?limit=0", "").Count("instances"); n != 5 {
		t.Errorf("limit 0: %d", n)
	}
	id := first.Int("instances.3.id")
	c.ask(200, "PUT", fmt.Sprintf("/api/v0/instances/%d/", id), `{"label":"mine"}`)
	c.ask(200, "GET", `/api/v1/instances/?select_filters=%7B%22label%22:%7B%22in%22:%5B%22mine%22,%22x%22%5D%7D%7D&select_cols=%5B%22id%22,%22colour%22%5D`, "").
		Wants(t, "instances", fmt.Sprintf("[map[colour:<nil> id:%v]]", float64(id)))
	for _, query := range []string{"after_token=x", "limit=x", "order_by=%5B%7B%22col%22:%22dph_total%22%7D%5D", "select_filters=%7B%22num_gpus%22:%7B%22eq%22:1%7D%7D"} {
		c.ask(400, "GET", "/api/v1/instances/?"+query, "")
	}
	c.ask(410, "GET", "/api/v0/instances/", "").Wants(t, "error", "deprecated_endpoint")
	c.Key = "key-2"
	c.ask(200, "GET", "/api/v1/instances/", "").Wants(t, "instances", "[]")
	c.instance(id).Wants(t, "instances", "<nil>")
}

func TestListingLag_HidesNewInstances(t *testing.T) {
	c := start(t, Options{Options: simkit.Options{ListLagMS: 5000, GetLagMS: 2000}})
	id := c.rent("")
	c.instance(id).Wants(t, "instances", "<nil>")
	c.Advance(2 * time.Second)
	c.instance(id).Wants(t, "instances.label", "l")
	c.ask(200, "GET", "/api/v1/instances/", "").Wants(t, "instances", "[]")
	c.Advance(3 * time.Second)
	if c.ask(200, "GET", "/api/v1/instances/", "").Count("instances") != 1 {
		t.Error("it is still hidden")
	}
}

func TestRoute_WantsTheSlash(t *testing.T) {
	c := start(t, Options{})
	response, _ := c.Get("PUT", "/api/v0/asks/5?x=y", body)
	if response.StatusCode != 302 || response.Header.Get("Location") != "/api/v0/asks/5/?x=y" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
	for path, status := range map[string]int{"/api/v0/nothing/": 404, "/api/v0/bundles/": 405, "/other": 404} {
		if response, _ := c.Get("PUT", path, ""); response.StatusCode != status {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
}

func TestAccounts_AreKnownByTheirKeys(t *testing.T) {
	c := start(t, Options{})
	c.Key = "invalid-1"
	c.ask(401, "GET", "/api/v1/instances/", "").Wants(t, "error", "auth_error", "msg", "Invalid user key")
	c.ask(404, "POST", "/api/v0/bundles/", "{}").Wants(t, "msg", "Invalid user key")
	c.Key = "forbidden-1"
	c.ask(403, "GET", "/api/v1/instances/", "")
	c.Key = "readonly-1"
	c.ask(403, "PUT", "/api/v0/asks/5/", body)
	c.ask(200, "GET", "/api/v0/users/current/", "")
	old := start(t, Options{AuthStatus: 404})
	old.Key = ""
	response, _ := old.Get("GET", "/api/v1/instances/", "")
	if response.StatusCode != 404 {
		t.Errorf("%d", response.StatusCode)
	}
}

func TestLimits_AreThresholdsInPlainText(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		c := start(t, Options{Options: simkit.Options{RateLimits: true}, JSONLimits: asJSON})
		path := fmt.Sprintf("/api/v0/asks/%d/", c.best())
		c.ask(200, "PUT", path, body)
		response, text := c.Get("PUT", path, body)
		held(t, "PUT", path, response.StatusCode, text)
		if want := "API requests too frequent: endpoint threshold=4.5"; response.StatusCode != 429 || !asJSON && string(text) != want || asJSON && !strings.Contains(string(text), "threshold=4.5") {
			t.Errorf("%d %s", response.StatusCode, text)
		}
		c.Advance(5 * time.Second) // the penalty is not over
		if response, _ := c.Get("PUT", path, body); response.StatusCode != 429 {
			t.Errorf("%d", response.StatusCode)
		}
		c.Advance(30 * time.Second)
		c.ask(404, "PUT", path, body)
	}
}

func TestLogs_AppearInAFile(t *testing.T) {
	c := start(t, Options{LogMisses: 1})
	id := c.rent("")
	c.Advance(time.Minute)
	at := c.ask(200, "PUT", fmt.Sprintf("/api/v0/instances/request_logs/%d/", id), `{"tail":"2","filter":"tick"}`).Text("result_url")
	path := strings.TrimPrefix(at, c.URL())
	c.Key = ""
	if response, _ := c.Get("GET", path, ""); response.StatusCode != 403 {
		t.Errorf("%d before it is there", response.StatusCode)
	}
	if response, text := c.Get("GET", path, ""); response.StatusCode != 200 || string(text) != "tick 5\ntick 6\n" {
		t.Errorf("%d %q", response.StatusCode, text)
	}
	c.Key = "key-1"
	c.ask(404, "PUT", "/api/v0/instances/request_logs/5/", `{}`).Wants(t, "error", "invalid_id")
}

func TestBill_CountsGPUsFromRunningAndDisksFromCreation(t *testing.T) {
	c := start(t, Options{LoadMS: 60_000})
	offer := c.offers(`,"gpu_name":{"eq":"RTX 4090"},"num_gpus":{"eq":1}`)
	base, total := offer.Num("offers.0.dph_base"), offer.Num("offers.0.dph_total")
	id := c.rent("")
	c.Advance(time.Minute)
	disk := total - base
	near := func(what string, want float64) {
		t.Helper()
		if got := c.Bill().TotalUSD; math.Abs(got-want) > 1e-5 {
			t.Errorf("%s: %f, want %f", what, got, want)
		}
	}
	near("loading", disk/60)
	c.Advance(time.Hour)
	near("running", disk/60+total)
	c.ask(200, "PUT", fmt.Sprintf("/api/v0/instances/%d/", id), `{"state":"stopped"}`)
	c.Advance(time.Hour)
	near("stopped", disk/60+total+disk)
	c.ask(200, "DELETE", fmt.Sprintf("/api/v0/instances/%d/", id), "")
	c.Advance(time.Hour)
	near("destroyed", disk/60+total+disk)
}

func TestCatalog_IsServed(t *testing.T) {
	c := start(t, Options{})
	if d := c.ask(200, "GET", "/api/v0/gpu_types/", ""); d.Count("gpu_types") != len(kinds()) {
		t.Error(d.V)
	}
	if d := c.ask(200, "GET", "/api/v0/gpu_names/unique/", ""); d.Count("gpu_names") == 0 {
		t.Error(d.V)
	}
	d := c.ask(200, "GET", "/api/v0/metrics/gpu/current/?verified=yes&hosting_type=all&num_gpus=all", "")
	if d.Num("gpus.0.price_p10") <= 0 || d.Num("gpus.0.price_p10") > d.Num("gpus.0.price_p90") || d.Int("gpus.0.available") == 0 {
		t.Error(d.At("gpus.0"))
	}
	id := c.rent("")
	c.ask(200, "POST", fmt.Sprintf("/api/v0/instances/%d/ssh/", id), `{"ssh_key":"ssh-ed25519 A b"}`)
	c.ask(400, "POST", fmt.Sprintf("/api/v0/instances/%d/ssh/", id), `{"ssh_key":"x"}`)
	c.ask(200, "PUT", fmt.Sprintf("/api/v0/instances/reboot/%d/", id), `{}`)
}

func TestBirths_BefallInstancesAsTheyAreMade(t *testing.T) {
	c := start(t, Options{Births: []Birth{{Every: 2, Do: "fail"}}})
	first, second := c.rent(""), c.rent("")
	c.instance(first).Wants(t, "instances.actual_status", "running")
	c.instance(second).Wants(t, "instances.actual_status", "created")
	if _, err := Start(Options{Births: []Birth{{Do: "dance"}}}); err == nil {
		t.Error("an unknown birth was accepted")
	}
	if err := c.Reset(); err != nil || len(c.Machines()) != 0 || c.best() == 0 {
		t.Errorf("after a reset: %v %v", err, c.Machines())
	}
}
