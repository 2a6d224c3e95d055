package lambdalabs

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/catalog"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/sim/lambda"
)

// run executes a machine's script with a docker that notes its arguments, and
// returns those of docker run.
func run(t *testing.T, text string) []string {
	t.Helper()
	folder := t.TempDir()
	docker := "#!/bin/bash\n[ \"$1\" = run ] && printf '%s\\0' \"$@\" > " + folder + "/run\nexit 0\n"
	if err := os.WriteFile(filepath.Join(folder, "docker"), []byte(docker), 0o700); err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer("/var/log/", folder+"/", "mkdir -p "+volumePath, "mkdir -p "+folder+"/volume").Replace(text)
	command := exec.Command("bash", "-c", text)
	command.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "HOME=/home/of/the/script"}
	if out, err := command.CombinedOutput(); err != nil || len(out) > 0 {
		log, _ := os.ReadFile(filepath.Join(folder, "atlas.log"))
		t.Fatalf("%v: %s%s", err, out, log)
	}
	said, err := os.ReadFile(filepath.Join(folder, "run"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(said), "\x00"), "\x00")
}

func TestScript_HandsEveryWordToDockerAsItIs(t *testing.T) {
	odd := "it's \"$HOME\" `id` $(id) \\ * ~ ; & | < > # ! \t\nsecond line\r\n ünïcode 火"
	s := a10()
	s.Env = map[string]string{"ODD": odd, "EMPTY": "", "PLAIN": "x"}
	s.Entrypoint, s.Command = []string{odd, "-c"}, []string{"", odd, "$1"}
	s.Ports = []spec.PortRequest{{Internal: 8000}, {Internal: 8000, Protocol: spec.ProtocolTCP}, {Internal: 22}}
	s.VolumeGB, s.VolumeMountPath = 10, "/my data"
	got := run(t, script(&launch{request: s}, true))
	want := []string{"run", "--detach", "--name", "atlas", "--restart", "unless-stopped", "--ipc", "host", "--ulimit", "memlock=-1", "--gpus", "all",
		"--publish", "8000:8000", "--volume", volumePath + ":/my data", "--env", "EMPTY=", "--env", "ODD=" + odd, "--env", "PLAIN=x",
		"--entrypoint", odd, "ghcr.io/me/server:1", "-c", "", odd, "$1"}
	if !slices.Equal(got, want) {
		t.Errorf("docker got\n%q, want\n%q", got, want)
	}
	s.Entrypoint = nil
	if got = run(t, script(&launch{request: s, volume: filesystem{id: "f", at: "/lambda/nfs/data"}}, false)); slices.Contains(got, "--gpus") || slices.Contains(got, "--entrypoint") ||
		!slices.Contains(got, "/lambda/nfs/data:/my data") {
		t.Errorf("docker got %q", got)
	}
}

func TestSpawn_AMachineWithoutAnImageHasTheCallersScriptAlone(t *testing.T) {
	c := start(t, lambda.Options{})
	s := a10()
	s.Image = ""
	c.spawn(s)
	if strings.Contains(c.launched(), "user_data") {
		t.Errorf("launched %s", c.launched())
	}
	s.Options = spec.Raw(`{"user_data":"#!/bin/sh\ntrue\n"}`)
	c.spawn(s)
	if !strings.Contains(c.launched(), `"user_data":"#!/bin/sh\ntrue\n"`) {
		t.Errorf("launched %s", c.launched())
	}
}

func TestCatalog_NamesGPUsThatLambdaLists(t *testing.T) {
	c := start(t, lambda.Options{})
	types, _, err := machineTypes(c.env)
	if err != nil {
		t.Fatal(err)
	}
	names := catalog.New()
	m := manifest()
	for _, e := range names.Entries() {
		native := e.Native[name]
		if native == "" {
			continue
		}
		at := slices.IndexFunc(types, func(t machineType) bool { return t.has(native) })
		if at < 0 || types[at].gpuID() != native || types[at].memoryGB() != e.MemoryGB {
			t.Errorf("%s is %s of %v GB, which is not listed so", e.Name, native, e.MemoryGB)
		}
	}
	for i := range types {
		if id := types[i].gpuID(); id != "" && names.Canonical(&m, id) == "" {
			t.Errorf("%s has no canonical name", id)
		}
	}
}
