package runpod

import (
	"strings"
	"testing"
	"time"
)

func TestPod_MovesThroughItsStatusesByVirtualTime(t *testing.T) {
	o := manual()
	o.ProvisionMS, o.BootMS = 2000, 3000
	c := start(t, o)
	created := c.ask(201, "POST", "/v2/pods", podBody)
	created.Wants(t, "status", "PROVISIONING", "actions", "[stop terminate]", "runtime", "<nil>", "startedAt", "<nil>", "ssh.proxy", "<nil>", "cost", "0.44",
		"createdAt", "2026-06-01T12:00:00Z", "env.A", "b", "cloud", "SECURE", "dataCenterId", "US-KS-2", "disk", "50", "gpu.count", "1", "locked", "false", "registry", "<nil>")
	path := "/v2/pods/" + created.Text("id")
	c.Advance(2 * time.Second)
	c.ask(200, "GET", path, "").Wants(t, "status", "STARTING", "ssh.direct", "<nil>")
	c.Advance(3 * time.Second)
	up := c.ask(200, "GET", path, "")
	up.Wants(t, "status", "RUNNING", "actions", "[stop restart terminate]", "startedAt", "2026-06-01T12:00:05Z", "runtime.uptime", "0", "runtime.ports.0.private", "22",
		"runtime.ports.0.type", "tcp", "ssh.direct.username", "root")
	if up.Count("runtime.ports") != 1 || up.Num("runtime.ports.0.public") == 0 || up.Text("runtime.ports.0.ip") != up.Text("ssh.direct.host") {
		t.Errorf("ports: %v", up.At("runtime"))
	}
	c.ask(200, "POST", path+"/action", `{"action":"restart"}`).Wants(t, "status", "STARTING")
	c.Advance(3 * time.Second)
	again := c.ask(200, "GET", path, "")
	if again.Num("runtime.ports.0.public") == up.Num("runtime.ports.0.public") {
		t.Error("a restart kept the public port")
	}
	c.ask(200, "POST", path+"/action", `{"action":"stop"}`).Wants(t, "status", "EXITED", "cost", "0", "actions", "[start terminate]", "runtime", "<nil>")
	c.ask(409, "POST", path+"/action", `{"action":"stop"}`)
	c.ask(409, "POST", path+"/action", `{"action":"restart"}`)
	c.ask(200, "POST", path+"/action", `{"action":"start"}`).Wants(t, "status", "PROVISIONING", "cost", "0.44")
	c.ask(204, "POST", path+"/action", `{"action":"terminate"}`)
	c.ask(404, "GET", path, "").Wants(t, "title", "Not Found", "status", "404")
	c.ask(404, "DELETE", path, "")
	c.ask(200, "GET", "/v2/pods", "").Wants(t, "pods", "[]", "pagination.hasNextPage", "false", "pagination.nextCursor", "<nil>")
}

func TestPod_IsRunningAtOnceWithoutDelays(t *testing.T) {
	c := start(t, manual())
	created := c.ask(201, "POST", "/v2/pods", podBody)
	created.Wants(t, "status", "PROVISIONING")
	c.ask(200, "GET", "/v2/pods/"+created.Text("id"), "").Wants(t, "status", "RUNNING")
}

func TestPod_ChangesAsTheWorldOutsideWants(t *testing.T) {
	rows := []struct{ do, status string }{{"fail", "ERROR"}, {"preempt", "EXITED"}, {"exit", "EXITED"}, {"stuck", "STARTING"}, {"unready", "RUNNING"}}
	c := start(t, manual())
	for _, row := range rows {
		id := c.pod()
		if err := c.Do(id, row.do); err != nil {
			t.Fatal(err)
		}
		c.Advance(time.Hour)
		got := c.ask(200, "GET", "/v2/pods/"+id, "")
		got.Wants(t, "status", row.status)
		if got.Count("runtime.ports") != 0 {
			t.Errorf("%s: it has ports: %v", row.do, got.At("runtime"))
		}
	}
	id := c.pod()
	if err := c.Do(id, "vanish"); err != nil {
		t.Fatal(err)
	}
	c.ask(404, "GET", "/v2/pods/"+id, "")
	if c.Do(id, "fail") == nil || c.Do(c.pod(), "dance") == nil {
		t.Error("an unknown pod or action was accepted")
	}
}

func TestPod_CannotStartAgainWhenItsHostIsFull(t *testing.T) {
	c := start(t, manual())
	path := "/v2/pods/" + c.pod()
	if err := c.Do(strings.TrimPrefix(path, "/v2/pods/"), "lose_host"); err != nil {
		t.Fatal(err)
	}
	c.ask(200, "POST", path+"/action", `{"action":"stop"}`)
	if d := c.ask(400, "POST", path+"/action", `{"action":"start"}`).Text("detail"); !strings.Contains(d, "not enough free GPUs on the host machine") {
		t.Errorf("detail %q", d)
	}
	c.ask(200, "GET", path, "").Wants(t, "status", "EXITED")
}

func TestPod_LockedCannotBeStopped(t *testing.T) {
	c := start(t, manual())
	path := "/v2/pods/" + c.pod()
	c.ask(200, "PATCH", path, `{"locked":true,"name":"renamed","env":{"B":"c"}}`).Wants(t, "locked", "true", "name", "renamed", "env", "map[B:c]")
	c.ask(409, "POST", path+"/action", `{"action":"stop"}`)
	c.ask(200, "PATCH", path, `{"locked":false}`)
	c.ask(200, "POST", path+"/action", `{"action":"stop"}`)
}

func TestCreate_RefusesInTheVendorsWords(t *testing.T) {
	const gpu = `"gpu":{"id":"NVIDIA GeForce RTX 4090"}`
	rows := []struct {
		name, body string
		status     int
		says       string
	}{
		{"no JSON", `{`, 400, "parsed"},
		{"unknown field", `{"name":"p","image":"i",` + gpu + `,"bogus":1}`, 422, "$: additional properties 'bogus' not allowed"},
		{"unknown field inside", `{"name":"p","image":"i","gpu":{"id":"x","spot":true}}`, 422, "$.gpu: additional properties 'spot' not allowed"},
		{"no name", `{"image":"i",` + gpu + `}`, 422, "$: missing property 'name'"},
		{"no image", `{"name":"p",` + gpu + `}`, 422, "$: missing property 'image'"},
		{"wrong type", `{"name":"p","image":"i","disk":"10",` + gpu + `}`, 422, "$.disk: got string, want integer"},
		{"wrong enum", `{"name":"p","image":"i","cloud":"ANY",` + gpu + `}`, 422, "$.cloud: value must be one of 'SECURE', 'COMMUNITY'"},
		{"gpu and cpu", `{"name":"p","image":"i",` + gpu + `,"cpu":{"id":"cpu3c","vcpuCount":2}}`, 400, "exactly one of gpu or cpu"},
		{"neither", `{"name":"p","image":"i"}`, 400, "exactly one of gpu or cpu"},
		{"both cuda rules", `{"name":"p","image":"i","gpu":{"id":"NVIDIA L4","minCudaVersion":"12.1","allowedCudaVersions":["12.8"]}}`, 400, "mutually exclusive"},
		{"unknown gpu", `{"name":"p","image":"i","gpu":{"id":"RTX 9999"}}`, 400, "unknown GPU type"},
		{"tier without it", `{"name":"p","image":"i","cloud":"COMMUNITY","gpu":{"id":"NVIDIA H200"}}`, 400, noInstances},
		{"too many", `{"name":"p","image":"i","gpu":{"id":"NVIDIA H200","count":9}}`, 400, noInstances},
		{"elsewhere", `{"name":"p","image":"i",` + gpu + `,"dataCenterIds":["AP-JP-1"]}`, 400, noInstances},
		{"vcpu no power of two", `{"name":"p","image":"i","cpu":{"id":"cpu3c","vcpuCount":6}}`, 400, "power of two"},
		{"persistent on cpu", `{"name":"p","image":"i","cpu":{"id":"cpu3c","vcpuCount":4},"mounts":{"persistent":{"size":10,"path":"/x"}}}`, 400, "CPU pods"},
		{"both mounts", `{"name":"p","image":"i",` + gpu + `,"mounts":{"persistent":{"size":10,"path":"/x"},"network":[{"volumeId":"v","path":"/x"}]}}`, 400, "mutually exclusive"},
		{"unknown volume", `{"name":"p","image":"i",` + gpu + `,"mounts":{"network":[{"volumeId":"v","path":"/x"}]}}`, 404, "network volume"},
		{"unknown template", `{"name":"p","templateId":"none",` + gpu + `}`, 404, "template"},
		{"serverless template", `{"name":"p","templateId":"vllmworker",` + gpu + `}`, 422, "serverless template"},
		{"udp", `{"name":"p","image":"i",` + gpu + `,"ports":["53/udp"]}`, 400, "invalid port"},
		{"too large", `{"name":"p","image":"i",` + gpu + `,"env":{"A":"` + strings.Repeat("x", bodyLimit) + `"}}`, 413, "102400"},
	}
	c := start(t, manual())
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c.TB = t
			d := c.ask(row.status, "POST", "/v2/pods", row.body)
			said := d.Text("detail")
			for i := range d.Count("errors") {
				said += "\n" + d.Text("errors."+string(rune('0'+i)))
			}
			if !strings.Contains(said, row.says) {
				t.Errorf("it says %q, want %q in it", said, row.says)
			}
		})
	}
	c.TB = t
	if n := len(c.Machines()); n != 0 {
		t.Errorf("%d pods were made by refused requests", n)
	}
}

func TestCreate_OfACPUPod(t *testing.T) {
	c := start(t, manual())
	d := c.ask(201, "POST", "/v2/pods", `{"name":"p","image":"i","cpu":{"id":"cpu5c","vcpuCount":4}}`)
	d.Wants(t, "cpu.id", "cpu5c", "cpu.vcpuCount", "4", "cpu.memory", "8", "gpu", "<nil>", "cost", "0.14")
}

func TestCreate_TakesATemplateAsItsBase(t *testing.T) {
	c := start(t, manual())
	id := c.ask(201, "POST", "/v2/templates", `{"name":"t","image":"base:1","env":{"A":"1","B":"2"},"disk":70,"ports":["80/http"],"mounts":{"persistent":{"size":30,"path":"/w"}}}`).Text("id")
	d := c.ask(201, "POST", "/v2/pods", `{"name":"p","templateId":"`+id+`","env":{"B":"3"},"gpu":{"id":"NVIDIA L4"}}`)
	d.Wants(t, "image", "base:1", "disk", "70", "env", "map[A:1 B:3]", "ports", "[80/http]", "mounts.persistent.size", "30", "template", id)
	c.ask(400, "DELETE", "/v2/templates/"+id, "")
	c.ask(204, "DELETE", "/v2/pods/"+d.Text("id"), "")
	c.ask(204, "DELETE", "/v2/templates/"+id, "")
}

func TestCreate_PinsToTheDataCenterOfANetworkVolume(t *testing.T) {
	c := start(t, manual())
	id := c.ask(201, "POST", "/v2/network-volumes", `{"name":"v","size":50,"dataCenter":"EU-RO-1"}`).Text("id")
	mount := `"mounts":{"network":[{"volumeId":"` + id + `","path":"/data"}]}`
	d := c.ask(201, "POST", "/v2/pods", `{"name":"p","image":"i","gpu":{"id":"NVIDIA GeForce RTX 4090"},`+mount+`}`)
	d.Wants(t, "dataCenterId", "EU-RO-1", "mounts.network.0.volumeId", id)
	c.ask(400, "POST", "/v2/pods", `{"name":"p","image":"i","gpu":{"id":"NVIDIA GeForce RTX 4090"},"dataCenterIds":["US-KS-2"],`+mount+`}`)
	c.ask(400, "DELETE", "/v2/network-volumes/"+id, "")
	c.ask(400, "PATCH", "/v2/network-volumes/"+id, `{"size":40}`)
	c.ask(200, "PATCH", "/v2/network-volumes/"+id, `{"size":60,"name":"w"}`).Wants(t, "size", "60", "name", "w")
	c.ask(200, "GET", "/v2/network-volumes", "").Wants(t, "networkVolumes.0.id", id)
}

func TestCreate_InjectsTheAccountsKeysForSSH(t *testing.T) {
	c := start(t, manual())
	c.ask(200, "PUT", "/v2/account/ssh-keys", `{"keys":["ssh-ed25519 AAAA me"]}`)
	c.ask(200, "GET", "/v2/account/ssh-keys", "").Wants(t, "keys.0", "ssh-ed25519 AAAA me")
	c.ask(422, "PUT", "/v2/account/ssh-keys", `{"keys":["nonsense"]}`)
	c.ask(201, "POST", "/v2/pods", `{"name":"p","image":"i","startSsh":true,"gpu":{"id":"NVIDIA L4"}}`).Wants(t, "env.PUBLIC_KEY", "ssh-ed25519 AAAA me")
}

func TestRegistry_IsRefusedDeletionWhileAPodUsesIt(t *testing.T) {
	c := start(t, manual())
	id := c.ask(201, "POST", "/v2/registries", `{"name":"r","username":"u","password":"secret"}`).Text("id")
	_, text, err := c.Send("GET", "/v2/registries/"+id, "")
	if err != nil || strings.Contains(string(text), "secret") {
		t.Errorf("%v, or the password was shown: %s", err, text)
	}
	pod := c.ask(201, "POST", "/v2/pods", `{"name":"p","image":"i","registry":"`+id+`","gpu":{"id":"NVIDIA L4"}}`).Text("id")
	c.ask(400, "DELETE", "/v2/registries/"+id, "")
	c.ask(204, "DELETE", "/v2/pods/"+pod, "")
	c.ask(204, "DELETE", "/v2/registries/"+id, "")
}
