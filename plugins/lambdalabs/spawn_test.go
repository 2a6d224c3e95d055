package lambdalabs

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim/lambda"
	"github.com/exatlas/atlas/sim/simkit"
)

func limits(list ...simkit.Limit) lambda.Options {
	return lambda.Options{Options: simkit.Options{Capacity: list}}
}

func TestSpawn_RunsTheImageWithItsEnvironmentAndPortsBehindARuleset(t *testing.T) {
	c := start(t, lambda.Options{ProvisionMS: 60_000})
	s := a10()
	s.Env = map[string]string{"ATLAS_PRESHARED_KEY": "tok'en \"x\"\nsecond $HOME", "EMPTY": ""}
	s.Ports = []spec.PortRequest{{Internal: 8000, Protocol: spec.ProtocolHTTP}, {Internal: 5432, Protocol: spec.ProtocolTCP}, {Internal: 22, Protocol: spec.ProtocolTCP}}
	s.Entrypoint, s.Command = []string{"python", "-u"}, []string{"serve.py", "it's $1"}
	m := c.spawn(s)
	if m.Status != spec.StatusProvisioning || m.RequestID != s.RequestID || m.Name != s.Name || m.GPUNative != "gpu_1x_a10" || m.GPUCount != 1 ||
		m.CostPerHour == nil || *m.CostPerHour != 1.29 || m.Region == "" || m.CreatedAt != "2026-11-24T12:00:00Z" || len(m.Ports) != 3 {
		t.Errorf("spawned %+v", m)
	}
	at := c.Machines()
	if len(at) != 1 || at[0].Env["ATLAS_PRESHARED_KEY"] != s.Env["ATLAS_PRESHARED_KEY"] || at[0].Env["EMPTY"] != "" {
		t.Fatalf("at the cloud: %+v", at)
	}
	var body struct {
		Data  string            `json:"user_data"`
		Image map[string]string `json:"image"`
		Keys  []string          `json:"ssh_key_names"`
	}
	if err := json.Unmarshal([]byte(c.launched()), &body); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--gpus all", "--publish 8000:8000 --publish 5432:5432", "--entrypoint python ghcr.io/me/server:1 -u serve.py 'it'\\''s $1' && break"} {
		if !strings.Contains(body.Data, want) {
			t.Errorf("no %q in\n%s", want, body.Data)
		}
	}
	if strings.Contains(body.Data, "22:22") || body.Image["id"] == "" || len(body.Keys) != 1 || body.Keys[0] != "sim" {
		t.Errorf("launched %+v", body)
	}

	c.Advance(30 * time.Second) // the address comes before the machine is up
	if m = c.get(m.ID); m.PublicIP == "" || m.Status != spec.StatusProvisioning || m.Ports[1].URL != "tcp://"+m.PublicIP+":5432" || m.SSH == nil || m.SSH.Username != "ubuntu" {
		t.Errorf("halfway: %+v", m)
	}
	c.Advance(30 * time.Second)
	m = c.get(m.ID)
	if m.Status != spec.StatusRunning || m.CreatedAt != "2026-11-24T12:00:00Z" || m.RequestID != s.RequestID || len(m.Ports) != 3 || m.Metadata["instance_type"] != "gpu_1x_a10" {
		t.Errorf("running: %+v", m)
	}
	for url, want := range map[string]int{m.Ports[0].URL + "/x": 401, c.URL() + "/proxy/" + m.ID + "/8001/": 404} {
		response, err := c.client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s answers %d, want %d", url, response.StatusCode, want)
		}
	}
}

func TestSpawn_SharesARulesetAndAnSSHKeyAmongMachines(t *testing.T) {
	c := start(t, lambda.Options{NoSSHKeys: true})
	s := a10()
	s.Ports = []spec.PortRequest{{Internal: 8000}}
	s.RegionHints = []string{"us-east-1"}
	s.SSHKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICN+lJwsONkwrdsSnQsu1ydUkIuIg5oOC+Eslvmtt60T me@here"
	first := c.spawn(s)
	s.SSHKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICN+lJwsONkwrdsSnQsu1ydUkIuIg5oOC+Eslvmtt60T another comment"
	second := c.spawn(s)
	if n := c.count("POST " + rulesetsPath); n != 1 {
		t.Errorf("%d rulesets made, want one", n)
	}
	if n := c.count("POST /api/v1/ssh-keys"); n != 1 {
		t.Errorf("%d keys registered, want one", n)
	}
	a, b := c.get(first.ID), c.get(second.ID)
	if a.Metadata["ssh_key"] == "" || a.Metadata["ssh_key"] != b.Metadata["ssh_key"] || a.Metadata["ssh_key"] != first.Metadata["ssh_key"] {
		t.Errorf("keys %v and %v", a.Metadata, b.Metadata)
	}
}

func TestSpawn_NeedsExactlyOneSSHKey(t *testing.T) {
	c := start(t, lambda.Options{NoSSHKeys: true})
	c.refused(a10(), spec.KindValidation, "the account has no SSH key")
	s := a10()
	s.SSHKey = "mine"
	if err := c.refused(s, spec.KindValidation, "SSH key"); err.Status == 0 {
		t.Error("the cloud was not asked about a named key")
	}
	s.Options = spec.Raw(`{"ssh_key_names":["a","b"]}`)
	c.refused(s, spec.KindValidation, "exactly one")
	if n := len(c.Machines()); n != 0 {
		t.Errorf("%d machines", n)
	}
}

func TestSpawn_ChoosesTheRegionByCapacityHintsAndPrice(t *testing.T) {
	for what, one := range map[string]struct {
		limits  []simkit.Limit
		change  func(*spec.SpawnRequest)
		region  string
		machine string
	}{
		"the first region with capacity":  {nil, nil, "us-west-1", "gpu_1x_a10"},
		"hints in their order":            {nil, func(s *spec.SpawnRequest) { s.RegionHints = []string{"mars-1", "europe-central-1", "us-west-1"} }, "europe-central-1", "gpu_1x_a10"},
		"a region that has room":          {[]simkit.Limit{{Region: "us-west-1"}, {Region: "us-east-1"}}, nil, "us-south-1", "gpu_1x_a10"},
		"one with a firewall, for ports":  {[]simkit.Limit{{Region: "us-west-1"}, {Region: "us-east-1"}}, func(s *spec.SpawnRequest) { s.Ports = []spec.PortRequest{{Internal: 80}} }, "europe-central-1", "gpu_1x_a10"},
		"the type of the number of GPUs":  {nil, func(s *spec.SpawnRequest) { s.GPU, s.GPUCount = "gpu_1x_a100_sxm4", 8 }, "us-west-1", "gpu_8x_a100"},
		"the seed's spelling of the A100": {nil, func(s *spec.SpawnRequest) { s.GPU, s.GPUCount = "gpu_1x_a100_sxm4_80gb", 8 }, "us-east-1", "gpu_8x_a100_80gb_sxm4"},
		"an arm64 image for an arm64 GPU": {nil, func(s *spec.SpawnRequest) { s.GPU = "gpu_1x_gh200" }, "us-east-3", "gpu_1x_gh200"},
		"an older image where need be":    {nil, func(s *spec.SpawnRequest) { s.GPU, s.RegionHints = "gpu_1x_rtx6000", []string{"us-south-2"} }, "us-south-2", "gpu_1x_rtx6000"},
		"a CPU machine by its size":       {nil, func(s *spec.SpawnRequest) { s.GPU, s.GPUCount, s.CPU = "", 0, &spec.CPU{VCPUCount: 4, MemoryGB: 8} }, "us-west-1", "cpu_4x_general"},
		"a ceiling that is just met":      {nil, func(s *spec.SpawnRequest) { s.MaxPricePerHour = 1.29 }, "us-west-1", "gpu_1x_a10"},
	} {
		t.Run(what, func(t *testing.T) {
			c := start(t, limits(one.limits...))
			s := a10()
			if one.change != nil {
				one.change(s)
			}
			m := c.spawn(s)
			if m.Region != one.region || m.Metadata["instance_type"] != one.machine {
				t.Errorf("rented %s in %s, want %s in %s", m.Metadata["instance_type"], m.Region, one.machine, one.region)
			}
			if got := c.get(m.ID); got.GPUNative != m.GPUNative || got.GPUCount != m.GPUCount || *got.CostPerHour != *m.CostPerHour || got.Metadata["ssh_key"] != m.Metadata["ssh_key"] || got.Image != s.Image {
				t.Errorf("the launch told %+v, the cloud tells %+v", m, got)
			}
		})
	}
}

func TestSpawn_GoesOnToTheNextRegionAfterACapacityRefusal(t *testing.T) {
	o := limits(simkit.Limit{Region: "us-west-1"}, simkit.Limit{Region: "us-east-1"})
	o.Stale = true
	c := start(t, o)
	if m := c.spawn(a10()); m.Region != "us-south-1" {
		t.Errorf("rented in %s", m.Region)
	}
	if n := c.count("POST " + launchPath); n != 3 {
		t.Errorf("%d launches, want 3", n)
	}
}

func TestSpawn_TellsCapacityQuotaFundsAndPriceApart(t *testing.T) {
	all := simkit.Limit{}
	c := start(t, limits(all))
	if err := c.refused(a10(), spec.KindCapacity, "no region has gpu_1x_a10 now"); !err.Retryable || c.count("POST "+launchPath) != 0 {
		t.Error("a sold out type was launched, or counts as final")
	}
	o := limits(all)
	o.Stale = true
	if err := start(t, o).refused(a10(), spec.KindCapacity, "Not enough capacity"); !err.Retryable || err.Status != 400 {
		t.Errorf("%+v", err)
	}
	zero := 0.0
	start(t, lambda.Options{Options: simkit.Options{Balance: &zero}}).refused(a10(), spec.KindFunds, "Quota exceeded", "quota")
	c = start(t, lambda.Options{})
	s := a10()
	s.MaxPricePerHour = 1.28
	if c.refused(s, spec.KindBudget, "1.29", "1.28"); c.count("POST "+launchPath) != 0 {
		t.Error("a machine above the ceiling was launched")
	}
	for status, kind := range map[int]spec.Kind{403: spec.KindFunds, 429: spec.KindRateLimited, 401: spec.KindUnauthorized, 500: spec.KindProvider} {
		c = start(t, lambda.Options{})
		if _, err := c.AddFault(simkit.Fault{Path: launchPath, Nth: 1, Effect: simkit.Status, Status: status}); err != nil {
			t.Fatal(err)
		}
		if err := c.refused(a10(), kind); err.Status != status || kind == spec.KindRateLimited && err.RetryAfterMS != 12_000 {
			t.Errorf("%+v", err)
		}
	}
	c = start(t, lambda.Options{})
	c.key = "forbidden-1"
	c.refused(a10(), spec.KindForbidden, "payment method")
	c.key = "invalid-1"
	c.refused(a10(), spec.KindUnauthorized, "LAMBDA_LABS_API_KEY")
}

func TestSpawn_RefusesBeforeAnyRequestWhatLambdaHasNot(t *testing.T) {
	for what, one := range map[string]struct {
		kind   spec.Kind
		change func(*spec.SpawnRequest)
	}{
		"spot":                {spec.KindUnsupported, func(s *spec.SpawnRequest) { s.Spot = true }},
		"community":           {spec.KindUnsupported, func(s *spec.SpawnRequest) { s.CloudType = spec.CloudCommunity }},
		"offer":               {spec.KindUnsupported, func(s *spec.SpawnRequest) { s.OfferID = "1" }},
		"template":            {spec.KindUnsupported, func(s *spec.SpawnRequest) { s.TemplateID = "1" }},
		"options":             {spec.KindValidation, func(s *spec.SpawnRequest) { s.Options = spec.Raw(`[]`) }},
		"both":                {spec.KindValidation, func(s *spec.SpawnRequest) { s.CPU = &spec.CPU{} }},
		"neither":             {spec.KindValidation, func(s *spec.SpawnRequest) { s.GPU = "" }},
		"long name":           {spec.KindValidation, func(s *spec.SpawnRequest) { s.Name = strings.Repeat("n", 65) }},
		"env without image":   {spec.KindValidation, func(s *spec.SpawnRequest) { s.Image, s.Env = "", map[string]string{"A": "b"} }},
		"disk of no image":    {spec.KindValidation, func(s *spec.SpawnRequest) { s.Image, s.VolumeGB = "", 10 }},
		"several":             {spec.KindValidation, func(s *spec.SpawnRequest) { s.Options = spec.Raw(`{"quantity":2}`) }},
		"two volumes":         {spec.KindValidation, func(s *spec.SpawnRequest) { s.VolumeGB, s.NetworkVolumeID = 10, "v" }},
		"eight who meant one": {spec.KindValidation, func(s *spec.SpawnRequest) { s.GPU = "gpu_8x_h100_sxm5" }},
	} {
		t.Run(what, func(t *testing.T) {
			c := start(t, lambda.Options{})
			s := a10()
			one.change(s)
			c.refused(s, one.kind)
			if n := c.Requests(); n != 0 {
				t.Errorf("%d requests were sent", n)
			}
		})
	}
}

func TestSpawn_SaysWhatLambdaDoesNotList(t *testing.T) {
	c := start(t, lambda.Options{})
	s := a10()
	s.GPUCount = 3
	c.refused(s, spec.KindValidation, "set gpu_count to 1")
	s = a10()
	s.GPU = "gpu_1x_warp"
	c.refused(s, spec.KindValidation, "gpus.list")
	s = a10()
	s.VolumeGB = 100_000
	c.refused(s, spec.KindValidation, "disk")
	s = a10()
	s.GPU, s.CPU = "", &spec.CPU{VCPUCount: 64}
	c.refused(s, spec.KindValidation, "of that size")
	for _, cpu := range []spec.CPU{{Flavor: "cpu_4x_general", VCPUCount: 64}, {Flavor: "cpu_4x_general", MemoryGB: 500}, {Flavor: "gpu_1x_a10"}, {Flavor: "cpu_1x_warp"}} {
		s.CPU = &cpu
		c.refused(s, spec.KindValidation, "called "+cpu.Flavor)
	}
	s.CPU = &spec.CPU{Flavor: "cpu_4x_general", VCPUCount: 4, MemoryGB: 16}
	if got := c.spawn(s); got.Metadata["cpu_flavor"] != "cpu_4x_general" {
		t.Errorf("%+v", got)
	}
	s = a10()
	s.RegionHints = []string{"mars-1"}
	c.refused(s, spec.KindCapacity, "us-west-1")
	if n := c.count("POST " + launchPath); n != 1 {
		t.Errorf("%d launches", n)
	}
}

func TestSpawn_ProviderOptsWinAndKeepTheTagsAndTheScript(t *testing.T) {
	c := start(t, limits(simkit.Limit{Region: "us-west-1"}))
	s := a10()
	s.Env = map[string]string{"A": "b"}
	s.Options = spec.Raw(`{"hostname":"head","tags":[{"key":"team","value":"ml"}],"user_data":"#cloud-config\npackages: [jq]\n","image":{"family":"lambda-stack-22-04"}}`)
	m := c.get(c.spawn(s).ID)
	if m.RequestID != s.RequestID || m.Metadata["team"] != "ml" || c.Machines()[0].Env["A"] != "b" || c.count("GET /api/v1/images") != 0 {
		t.Errorf("%+v, environment %v", m, c.Machines()[0].Env)
	}
	if body := c.launched(); !strings.Contains(body, `"hostname":"head"`) || !strings.Contains(body, `packages: [jq]`) || !strings.Contains(body, "lambda-stack-22-04") {
		t.Errorf("launched %s", body)
	}
	s.Options = spec.Raw(`{"region_name":"us-west-1"}`) // tried although the list shows no room
	c.refused(s, spec.KindCapacity, "Not enough capacity")
}

func TestSpawn_MountsAFilesystemInItsRegion(t *testing.T) {
	c := start(t, lambda.Options{})
	body := strings.NewReader(`{"name":"data","region":"asia-northeast-1"}`)
	if r, err := c.post("/api/v1/filesystems", body); err != nil || r != 200 {
		t.Fatalf("%d %v", r, err)
	}
	s := a10()
	s.NetworkVolumeID, s.VolumeMountPath = "data", "/models"
	if m := c.spawn(s); m.Region != "asia-northeast-1" || !strings.Contains(c.launched(), "--volume /lambda/nfs/data:/models") || !strings.Contains(c.launched(), `"mount_point":"/lambda/nfs/data"`) {
		t.Errorf("%+v launched with %s", m, c.launched())
	}
	s.RegionHints = []string{"us-west-1"}
	c.refused(s, spec.KindCapacity)
	s.NetworkVolumeID = "other"
	c.refused(s, spec.KindValidation, "no filesystem")
}

func TestSpawn_IsFoundByRequestIDAndNameAfterALostAnswer(t *testing.T) {
	c := start(t, lambda.Options{})
	if _, err := c.AddFault(simkit.Fault{Path: launchPath, Nth: 1, Effect: simkit.LostAnswer}); err != nil {
		t.Fatal(err)
	}
	s := a10()
	if _, err := c.p.Spawn(c.env, s); err == nil || err.Kind != spec.KindTransport {
		t.Fatalf("%v", err)
	}
	for what, request := range map[string]*spec.FindRequest{"id": {RequestIDs: []string{"x", s.RequestID}}, "name": {Names: []string{s.Name}}} {
		found, err := c.p.Find(c.env, request)
		if err != nil || len(found.Items) != 1 || found.Items[0].RequestID != s.RequestID || found.Items[0].ID != c.Machines()[0].ID {
			t.Errorf("by %s: %+v %v", what, found, err)
		}
	}
	if found, err := c.p.Find(c.env, &spec.FindRequest{RequestIDs: []string{"another"}}); err != nil || len(found.Items) != 0 {
		t.Errorf("found %+v %v", found, err)
	}
}

func TestSpawn_NoErrorRepeatsASecret(t *testing.T) {
	c := start(t, lambda.Options{EchoRefused: true})
	secrets := []string{"hunter2-canary'quote", "line one\nline two canary", `back\slash "canary" quoted`}
	s := a10()
	s.Env = map[string]string{"A": secrets[0], "B": secrets[1], "C": secrets[2]}
	s.Options = spec.Raw(`{"user_data":"#!/bin/sh\ndocker login -p registry-canary\n"}`)
	c.Capacity.Set(simkit.Limit{})
	s.Options = spec.Raw(strings.Replace(string(s.Options), "{", `{"region_name":"us-west-1",`, 1))
	err := c.refused(s, spec.KindCapacity, "Not enough capacity")
	for _, text := range []string{err.Message, err.Hint, string(err.Raw)} {
		if strings.Contains(text, "canary") || strings.Contains(text, "hunter2") {
			t.Errorf("a secret is repeated in %q", text)
		}
	}
	if !json.Valid(err.Raw) || !strings.Contains(string(err.Raw), codeCapacity) {
		t.Errorf("raw %s", err.Raw)
	}
}

func TestConceal_HidesWhatIsCutOff(t *testing.T) {
	secrets := []string{"a-long-secret-value"}
	for text, want := range map[string]string{
		"bad value a-long-secr":                              "bad value " + spec.Redacted,
		"a-long-secret-value twice a-long-secret-value":      spec.Redacted + " twice " + spec.Redacted,
		"nothing of it":                                      "nothing of it",
		"near " + scriptHead + " It runs the machine's cont": "near " + spec.Redacted,
	} {
		if got := conceal(text, secrets); got != want {
			t.Errorf("conceal(%q) is %q, want %q", text, got, want)
		}
	}
}

func TestQuote_SurvivesAShell(t *testing.T) {
	for text, want := range map[string]string{"plain-1.0/x:y=z": "plain-1.0/x:y=z", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "~": "'~'", "a\nb": "'a\nb'"} {
		if got := quote(text); got != want {
			t.Errorf("quote(%q) is %s, want %s", text, got, want)
		}
	}
}

func TestPorts_FitIntoTags(t *testing.T) {
	var ports []spec.PortRequest
	for n := 60000; n < 60040; n++ {
		ports = append(ports, spec.PortRequest{Internal: n, Protocol: spec.ProtocolTCP})
	}
	var back []spec.PortRequest
	for n, value := range portTags(ports) {
		if len(value) > maxTag || !isPortsTag(portsTag(n)) {
			t.Errorf("tag %s of %d bytes", portsTag(n), len(value))
		}
		back = append(back, parsePorts(value)...)
	}
	if !slices.Equal(back, ports) {
		t.Errorf("read back %v", back)
	}
	if name := rulesetName(opened(ports)); len(name) > maxName || name == rulesetName(opened(ports[1:])) {
		t.Errorf("ruleset name %q", name)
	}
}

// A session's name may come to more than Lambda takes: of the prefix, an owner of 32
// letters and a request id of 26.
func TestSpawn_ShortensANameThatAtlasHasMade(t *testing.T) {
	c := start(t, lambda.Options{})
	s := a10()
	s.RequestID = "abcdef0123456789abcdef0123"
	s.Name = "atlas-" + strings.Repeat("o", 32) + "-" + s.RequestID
	m := c.spawn(s)
	if m.Name != s.Name[:maxName] || m.RequestID != s.RequestID || c.get(m.ID).Name != m.Name {
		t.Errorf("%+v", m)
	}
	if found, err := find(c.env, &spec.FindRequest{RequestIDs: []string{s.RequestID}, Names: []string{s.Name}}); err != nil || len(found.Items) != 1 {
		t.Errorf("%+v %v", found, err)
	}
	s.Name = strings.Repeat("n", maxName+1) // the caller's own
	if _, err := spawn(c.env, s); err == nil || err.Kind != spec.KindValidation || len(c.Machines()) != 1 {
		t.Errorf("%v", err)
	}
}
