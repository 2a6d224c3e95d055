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

func TestSpawn_RentsTheCheapestOffer(t *testing.T) {
	r := newRig(t, simvast.Options{})
	best := r.offers(&spec.OffersRequest{GPUs: []string{"RTX 4090"}, GPUCount: 1})[0]
	c := r.spawn(request())
	if c.ID != r.Machines()[0].ID || c.Status != spec.StatusProvisioning || c.Name != "my machine" || c.RequestID != requestID || c.GPUNative != "RTX 4090" ||
		c.CostPerHour == nil || *c.CostPerHour != best.PricePerHour || c.Region != best.Region || len(c.Ports) != 2 || c.Spot {
		t.Errorf("%+v", c)
	}
	body := r.last("PUT", "/api/v0/asks/"+best.ID+"/").body
	for path, want := range map[string]any{"client_id": "me", "image": "img:1", "label": "my machine atlas:" + requestID, "disk": 20.0, "runtype": "args",
		"cancel_unavail": true, "target_state": "running", "price": nil, "args": nil} {
		if got := at(t, body, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	for key, want := range map[string]any{"TOKEN": "sesame-canary", "-p 8000:8000": "1", "-p 9000:9000": "1", requestIDVariable: requestID, portsVariable: "8000/http,9000/tcp"} {
		if got := at(t, body, "env", key); got != want {
			t.Errorf("env %s is %v, want %v", key, got, want)
		}
	}
	if got := r.get(c.ID); got.Status != spec.StatusRunning || got.Name != "my machine" || got.RequestID != requestID || *got.CostPerHour != *c.CostPerHour {
		t.Errorf("%+v", got)
	}
}

func TestSpawn_GoesOnToTheNextOfferOnlyWhereNothingWasRented(t *testing.T) {
	for _, row := range []struct {
		status int
		body   string
		kind   spec.Kind
		rents  int
	}{
		{404, `{"success":false,"error":"invalid_args","msg":"error 404/3603: no_such_ask Instance type by id 1 is not available.","ask_id":1}`, "", 2},
		{410, `{"success":false,"error":"no_such_ask","msg":"error 410/3907: no_such_ask Instance type 1 is no longer available."}`, "", 2},
		{400, `{"success":false,"error":"invalid_args","msg":"error 400/3467: Invalid args: image"}`, spec.KindValidation, 1},
		{400, `{"success":false,"error":"spend_rate_limit","msg":"too much"}`, spec.KindFunds, 1},
		{401, `{"success":false,"error":"auth_error","msg":"Invalid user key"}`, spec.KindUnauthorized, 1},
		{429, `API requests too frequent: endpoint threshold=4.5`, spec.KindRateLimited, 1},
		{503, `<html>`, spec.KindProvider, 1},
	} {
		r := newRig(t, simvast.Options{})
		r.fault(simkit.Fault{Method: "PUT", Path: "/api/v0/asks/*", Nth: 1, Effect: simkit.Status, Status: row.status, Body: row.body})
		_, err := spawn(r.env, request())
		if got := strings.Count(r.requests(), "PUT /api/v0/asks/"); got != row.rents {
			t.Errorf("%d %s: %d rents", row.status, row.body, got)
		}
		if row.kind == "" && err != nil || row.kind != "" && (err == nil || err.Kind != row.kind) {
			t.Errorf("%d %s: %+v", row.status, row.body, err)
		}
		if row.kind == spec.KindRateLimited && (err.RetryAfterMS != 4500 || !err.Retryable) {
			t.Errorf("%+v", err)
		}
	}
}

func TestSpawn_NeverRepeatsARentWhoseAnswerWasLost(t *testing.T) {
	r := newRig(t, simvast.Options{})
	r.fault(simkit.Fault{Method: "PUT", Path: "/api/v0/asks/*", Nth: 1, Effect: simkit.LostAnswer})
	_, err := spawn(r.env, request())
	if err == nil || err.Kind != spec.KindTransport || len(r.Machines()) != 1 || r.sent[len(r.sent)-1].method != "PUT" {
		t.Fatalf("%v with %d machines\n%s", err, len(r.Machines()), r.requests())
	}
	found, err := find(r.env, &spec.FindRequest{RequestIDs: []string{requestID}})
	if err != nil || len(found.Items) != 1 || found.Items[0].Name != "my machine" {
		t.Errorf("%+v %v", found, err)
	}
}

func TestSpawn_AsksForAtMostSoManyOffers(t *testing.T) {
	r := newRig(t, simvast.Options{Hosts: 40})
	r.fault(simkit.Fault{Method: "PUT", Effect: simkit.Status, Status: 410, Body: `{"success":false,"error":"no_such_ask","msg":"gone"}`})
	_, err := spawn(r.env, request())
	if err == nil || err.Kind != spec.KindCapacity || strings.Count(r.requests(), "PUT ") != maxTried {
		t.Errorf("%v after\n%s", err, r.requests())
	}
	none := request()
	none.GPU = "Abacus 1"
	if _, err = spawn(r.env, none); err == nil || err.Kind != spec.KindCapacity || err.Retryable != true {
		t.Errorf("a GPU nobody has: %+v", err)
	}
}

func TestSpawn_TakesTheOfferItIsGivenAndNoneOther(t *testing.T) {
	r := newRig(t, simvast.Options{})
	offer := r.offers(&spec.OffersRequest{GPUs: []string{"H200"}})[1]
	s := request()
	s.OfferID = offer.ID
	r.sent = nil
	if c := r.spawn(s); c.ID == "" || r.requests() != "PUT /api/v0/asks/"+offer.ID+"/" {
		t.Errorf("%s", r.requests())
	}
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindCapacity || len(r.Machines()) != 1 {
		t.Errorf("an offer that is rented: %v", err)
	}
	s.MaxPricePerHour = 100
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindCapacity || r.sent[len(r.sent)-1].method != "POST" {
		t.Errorf("an offer that is gone and has a ceiling: %v", err)
	}
}

func TestSpawn_NeverExceedsTheCeiling(t *testing.T) {
	r := newRig(t, simvast.Options{})
	cheap := r.offers(&spec.OffersRequest{GPUs: []string{"RTX 4090"}})[0]
	s := request()
	s.MaxPricePerHour = cheap.PricePerHour - 0.0001
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindCapacity {
		t.Errorf("a ceiling below all: %v", err)
	}
	s.OfferID = cheap.ID
	_, err := spawn(r.env, s)
	if err == nil || err.Kind != spec.KindBudget || len(r.Machines()) != 0 || r.sent[len(r.sent)-1].method != "POST" {
		t.Errorf("an offer above it: %+v\n%s", err, r.requests())
	}
	s.MaxPricePerHour = cheap.PricePerHour
	s.ContainerDiskGB = 150 // its disk makes it dearer
	if _, err = spawn(r.env, s); err == nil || err.Kind != spec.KindBudget {
		t.Errorf("an offer whose disk goes above it: %+v", err)
	}
	s.ContainerDiskGB = 0
	if c := r.spawn(s); *c.CostPerHour > s.MaxPricePerHour {
		t.Errorf("%g", *c.CostPerHour)
	}
}

func TestSpawn_BidsForSpotMachines(t *testing.T) {
	r := newRig(t, simvast.Options{})
	offer := r.offers(&spec.OffersRequest{GPUs: []string{"RTX 4090"}, Spot: true})[0]
	s := request()
	s.Spot = true
	c := r.spawn(s)
	if price := at(t, r.last("PUT", "/api/v0/asks/").body, "price"); price != offer.PricePerHour || !c.Spot || *c.CostPerHour <= offer.PricePerHour {
		t.Errorf("bid %v for %+v: %+v", price, offer, c)
	}
	if got := r.get(c.ID); !got.Spot || got.Status != spec.StatusRunning {
		t.Errorf("%+v", got)
	}
	s.BidPerHour = 2
	r.spawn(s)
	if price := at(t, r.last("PUT", "/api/v0/asks/").body, "price"); price != 2.0 {
		t.Errorf("bid %v", price)
	}
	s.OfferID = r.offers(&spec.OffersRequest{GPUs: []string{"RTX 4090"}, Spot: true})[0].ID
	s.BidPerHour = 0.01
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindBudget || len(r.Machines()) != 2 {
		t.Errorf("a bid known to be too low: %v", err)
	}
	s.BidPerHour, s.MaxPricePerHour = 3, 3
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindBudget {
		t.Errorf("a bid that goes above the ceiling with the disk: %v", err)
	}
}

// tooLow is an answer to a bid that is too low: the machine exists, stopped.
const tooLow = `{"success":false,"error":"invalid_price","msg":"bid too low","new_contract":77}`

func TestSpawn_DestroysWhatARefusedRentLeft(t *testing.T) {
	for _, status := range []int{200, 400} {
		env, s := scripted(t, say(status, tooLow), say(200, `{"success":true}`))
		q := request()
		q.OfferID = "5"
		_, err := spawn(env, q)
		if err == nil || err.Kind != spec.KindCapacity || err.UnknownOutcome || len(s.sent) != 2 || s.sent[1].method != "DELETE" || s.sent[1].path != "/api/v0/instances/77/" || !s.sent[1].undo {
			t.Errorf("%d: %+v %+v", status, err, s.sent)
		}
	}
	for _, answer := range []string{`{"success":false,"error":"x"}`, ``} {
		status := 200
		if answer == "" {
			status = 429
		}
		env, _ := scripted(t, say(200, tooLow), say(status, answer))
		q := request()
		q.OfferID = "5"
		if _, err := spawn(env, q); err == nil || !err.UnknownOutcome || !strings.Contains(err.Hint, "77") {
			t.Errorf("what is left and cannot be destroyed: %+v", err)
		}
	}
	r := newRig(t, simvast.Options{LowBidStatus: 400})
	offer := r.offers(&spec.OffersRequest{GPUs: []string{"RTX 4090"}, Spot: true})[0]
	s := request()
	s.OfferID, s.Spot, s.BidPerHour = offer.ID, true, offer.PricePerHour
	s.RequestID = ""
	if _, err := rent(r.env, s, offer.ID, &row{Offer: spec.Offer{ID: offer.ID, PricePerHour: 0.001}}); err != nil {
		t.Errorf("a bid that wins: %v", err)
	}
	other := r.offers(&spec.OffersRequest{GPUs: []string{"RTX 4090"}, Spot: true})[0]
	s.OfferID, s.BidPerHour = other.ID, 0.001 // the price rose since it was looked up
	if _, err := rent(r.env, s, other.ID, &row{Offer: spec.Offer{ID: other.ID, PricePerHour: 0.001}}); err == nil || err.Kind != spec.KindCapacity || len(r.Machines()) != 1 {
		t.Errorf("%+v with %v", err, r.Machines())
	}
}

func TestSpawn_CannotTellWhereTheAnswerIsNone(t *testing.T) {
	for _, body := range []string{``, `{"success":true}`, `{"success":true,"new_contract":null}`, `{"success":true,"new_contract":"x"}`, `{"new_contract":5}`, `[]`} {
		env, s := scripted(t, say(200, body))
		q := request()
		q.OfferID = "5"
		if _, err := spawn(env, q); err == nil || err.Kind != spec.KindProvider || s.sent[0].aside {
			t.Errorf("%s: %+v", body, err)
		}
	}
	env, _ := scripted(t, say(200, `{"success":true,"new_contract":"88"}`))
	q := request()
	q.OfferID = "5"
	if c, err := spawn(env, q); err != nil || c.ID != "88" {
		t.Errorf("an identifier as text: %+v %v", c, err)
	}
}

func TestSpawn_AttachesAnSSHKeyOrGivesTheMachineBack(t *testing.T) {
	r := newRig(t, simvast.Options{})
	s := request()
	s.SSHKey, s.Command = "ssh-ed25519 AAAA me", []string{"serve", "it's"}
	c := r.spawn(s)
	if got := at(t, r.last("POST", "/api/v0/bundles/").body, "direct_port_count", "gte"); got != 3.0 { // that of the SSH server, too
		t.Errorf("%v ports", got)
	}
	body := r.last("PUT", "/api/v0/asks/").body
	if at(t, body, "runtype") != "ssh_direct" || at(t, body, "onstart") != `'serve' 'it'\''s'` || at(t, body, "args") != nil {
		t.Errorf("%s", body)
	}
	if got := r.last("POST", "/api/v0/instances/"+c.ID+"/ssh/"); at(t, got.body, "ssh_key") != s.SSHKey || !got.aside {
		t.Errorf("%+v", got)
	}
	if got := r.get(c.ID); got.SSH == nil || got.SSH.Host != got.PublicIP || got.SSH.Port == 0 || got.SSH.Username != "root" || len(got.Ports) != 2 {
		t.Errorf("%+v %+v", got.SSH, got.Ports)
	}
	s.SSHKey = "not a key"
	if _, err := spawn(r.env, s); err == nil || err.Kind != spec.KindValidation || err.UnknownOutcome || len(r.Machines()) != 1 {
		t.Errorf("%+v with %d machines", err, len(r.Machines()))
	}
}

func TestSpawn_MergesProviderOptsAndKeepsWhatItIsFoundBy(t *testing.T) {
	r := newRig(t, simvast.Options{})
	s := request()
	s.TemplateID, s.Image = "abc", ""
	s.Options = spec.Raw(`{"image_login":"-u me -p hunter2222 docker.io","env":{"TOKEN":"over","ATLAS_REQUEST_ID":"mine","-p 70000:70000":"1"},"use_jupyter_lab":true}`)
	c := r.spawn(s)
	body := r.last("PUT", "/api/v0/asks/").body
	for key, want := range map[string]any{"TOKEN": "over", requestIDVariable: requestID, "-p 70000:70000": "1", "-p 8000:8000": "1"} {
		if got := at(t, body, "env", key); got != want {
			t.Errorf("env %s is %v", key, got)
		}
	}
	if at(t, body, "template_hash_id") != "abc" || at(t, body, "runtype") != nil || at(t, body, "use_jupyter_lab") != true {
		t.Errorf("%s", body)
	}
	same := false
	for _, p := range r.get(c.ID).Ports {
		same = same || p.Internal == p.External && p.Internal > 0
	}
	if !same {
		t.Errorf("no port has one number inside and outside: %+v", r.get(c.ID).Ports)
	}
}

func TestSpawn_RefusesWhatVastCannotDoBeforeAnyRequest(t *testing.T) {
	for i, row := range []struct {
		change func(*spec.SpawnRequest)
		kind   spec.Kind
	}{
		{func(s *spec.SpawnRequest) { s.CPU, s.GPU = &spec.CPU{}, "" }, spec.KindUnsupported},
		{func(s *spec.SpawnRequest) { s.NetworkVolumeID = "v" }, spec.KindUnsupported},
		{func(s *spec.SpawnRequest) { s.VolumeGB, s.VolumeMountPath = 10, "/data" }, spec.KindUnsupported},
		{func(s *spec.SpawnRequest) { s.Entrypoint = []string{"sh"} }, spec.KindUnsupported},
		{func(s *spec.SpawnRequest) { s.Name = "" }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Image = "" }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.GPU = "" }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Name = strings.Repeat("n", 240) }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.SSHKey = "mine" }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.OfferID = "4/../5" }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Env["-h x"] = "1" }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Env["A"] = strings.Repeat("x", 33000) }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Command = []string{strings.Repeat("x", 5000)} }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.RegionHints = []string{"EU-RO-1"} }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Spot, s.BidPerHour = true, 200 }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"price":1}`) }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"disk":500}`) }, spec.KindValidation},
		{func(s *spec.SpawnRequest) { s.Options = spec.Raw(`[]`) }, spec.KindValidation},
		{func(s *spec.SpawnRequest) {
			s.Ports = nil
			for p := range 65 {
				s.Ports = append(s.Ports, spec.PortRequest{Internal: 1000 + p})
			}
		}, spec.KindValidation},
	} {
		env, _ := scripted(t)
		s := request()
		row.change(s)
		if _, err := spawn(env, s); err == nil || err.Kind != row.kind {
			t.Errorf("row %d: %+v", i, err)
		}
	}
}

func TestSpawn_NoErrorRepeatsASecret(t *testing.T) {
	s := request()
	s.OfferID = "5"
	s.Options = spec.Raw(`{"image_login":"-u me -p hunter2222 docker.io"}`)
	echo := `{"success":false,"error":"invalid_args","msg":"bad env sesame-canary with -u me -p hunter2222 docker.io","env":{"T":"sesame-canary"},"instance_api_key":"keykeykey"}`
	env, _ := scripted(t, say(400, echo))
	_, err := spawn(env, s)
	if all := fmt.Sprintf("%+v %s %s", err, err.Raw, err.Message); strings.Contains(all, "canary") || strings.Contains(all, "hunter2222") || strings.Contains(all, "keykeykey") {
		t.Error(all)
	}
	env, _ = scripted(t, say(200, `{"success":true,"new_contract":9,"instance_api_key":"keykeykey"}`))
	env.IncludeRaw = true
	if c, err := spawn(env, s); err != nil || strings.Contains(string(c.Raw), "keykeykey") || !strings.Contains(string(c.Raw), "new_contract") {
		t.Errorf("%v %+v", err, c)
	}
}

func TestSpawn_OfAnOfferAloneTellsWhatItIs(t *testing.T) {
	r := newRig(t, simvast.Options{Hosts: 40})
	offer := r.offers(&spec.OffersRequest{GPUs: []string{"RTX 4090"}, GPUCount: 4})[0]
	s := request()
	s.GPU, s.GPUCount, s.OfferID = "", 0, offer.ID
	if c := r.spawn(s); c.GPUCount != 4 || c.GPUNative != "RTX 4090" || c.CostPerHour == nil || *c.CostPerHour != offer.PricePerHour || c.Region != offer.Region {
		t.Errorf("%+v", c)
	}
	for _, unseen := range []sdk.Response{say(200, `{"instances":null}`), say(429, `API requests too frequent`)} {
		env, _ := scripted(t, say(200, `{"success":true,"new_contract":7}`), unseen)
		s.OfferID = "5"
		if c, err := spawn(env, s); err != nil || c.ID != "7" || c.GPUCount != 0 || c.GPUNative != "" {
			t.Errorf("%+v %v", c, err)
		}
	}
}

func TestSpawn_NamesAMachineThatItCouldNeitherHandOutNorDestroy(t *testing.T) {
	s := request()
	s.SSHKey, s.OfferID = "ssh-ed25519 AAAA me", "5"
	env, _ := scripted(t, say(200, `{"success":true,"new_contract":7}`), say(500, `{}`), say(500, `{}`))
	if _, err := spawn(env, s); err == nil || string(err.Details) != `{"left":"7"}` {
		t.Errorf("%+v", err)
	}
}

func TestSpawn_KeepsACeilingToTheCent(t *testing.T) {
	tenth, half := 0.1, 0.2
	total := tenth + half // 0.30000000000000004
	o := &row{Offer: spec.Offer{ID: "5", PricePerHour: half}, diskRate: tenth}
	s := request()
	s.Spot, s.MaxPricePerHour = true, 0.3
	if price, cost, err := bid(s, o); err != nil || price != half || *cost != 0.3 {
		t.Errorf("%v %v %v", price, cost, err)
	}
	var w want
	line := row{}
	if line.fill(&w, &figures{total: total}); line.PricePerHour != 0.3 {
		t.Errorf("%v", line.PricePerHour)
	}
	// The ceiling may be what such a machine costs by Vast's own word.
	of := 0.8 / 3
	if line.fill(&w, &figures{total: of}); line.PricePerHour <= of {
		t.Fatalf("%v is not rounded up", line.PricePerHour)
	}
	s.Spot, s.MaxPricePerHour = false, of
	if _, _, err := bid(s, &line); err != nil {
		t.Error(err)
	}
}

func TestSpawn_RefusesAnEnvironmentThatVastDoesNotTake(t *testing.T) {
	for name, row := range map[string]struct {
		env   map[string]string
		right bool
	}{
		"a value of 256 characters": {map[string]string{"A": strings.Repeat("é", 256)}, true},
		"a value of 257":            {map[string]string{"A": strings.Repeat("x", 257)}, false},
		"a name of 257":             {map[string]string{strings.Repeat("A", 257): "x"}, false},
		"all of 33000": {func() map[string]string {
			all := map[string]string{}
			for i := range 150 {
				all[fmt.Sprint("A", i)] = strings.Repeat("x", 220)
			}
			return all
		}(), false},
	} {
		r := newRig(t, simvast.Options{})
		s := request()
		s.Env = row.env
		_, err := spawn(r.env, s)
		if row.right != (err == nil) || err != nil && (err.Kind != spec.KindValidation || len(r.sent) != 0 || strings.Contains(err.Message, "xxx")) {
			t.Errorf("%s: %v after %d requests", name, err, len(r.sent))
		}
	}
}
