package thirdparty

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	guide     = "docs/writing-a-provider.md"
	simulated = "127.0.0.1:8700" // where the guide has its simulator
)

// commands returns the shell commands of the guide by the heading they stand
// under, in order; those before the sections of single languages are one program.
func commands(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, guide))
	if err != nil {
		t.Fatal(err)
	}
	all, fenced := map[string]string{}, regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	for _, section := range strings.Split(string(text), "\n## ") {
		heading, _, _ := strings.Cut(section, "\n")
		program := heading
		if !strings.HasPrefix(heading, "In ") {
			program = "In Go"
		}
		for _, block := range fenced.FindAllStringSubmatch(section, -1) {
			all[program] += block[1]
		}
	}
	return all
}

// cli builds exatlas and returns its folder.
func cli(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	shell(t, root, nil, "go", "build", "-o", filepath.Join(folder, "exatlas"), "./cmd/exatlas")
	return folder
}

// simulator runs a line of the guide that serves a cloud, on any free port, and
// returns its address.
func simulator(t *testing.T, folder, line string) string {
	t.Helper()
	words := strings.Fields(strings.Replace(line, simulated, "127.0.0.1:0", 1))
	command := exec.Command(filepath.Join(folder, words[0]), words[1:]...)
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		if err := command.Wait(); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	})
	said, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[string]string{}
	if err := json.Unmarshal([]byte(said), &addresses); err != nil || len(addresses) != 1 {
		t.Fatalf("%s printed %s", line, said)
	}
	for _, address := range addresses {
		return strings.TrimPrefix(address, "http://")
	}
	return ""
}

// TestGuide_DoesWhatItSays runs every command of the guide in the order of the
// page, and the projects it begins in three languages: each builds and conforms.
func TestGuide_DoesWhatItSays(t *testing.T) {
	tools(t)
	programs := commands(t)
	wants := map[string][]string{
		"In Go":             {"mycloud: 16 files", "mycloud conforms: ", `"canonical": "a100_80g"`, `"status": "running"`, "20 cases, ", "labelled as mycloud ", `"pinned": true`, `"source": "dir"`},
		"In AssemblyScript": {"mycloud_as: ", "mycloud_as conforms: ", ", 0 failed"},
		"In C":              {"mycloud_c: ", "mycloud_c conforms: ", ", 0 failed"},
	}
	exatlas := cli(t)
	for name, want := range wants {
		program := programs[name]
		delete(programs, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lines []string
			at := simulated
			for _, line := range strings.Split(program, "\n") {
				if strings.HasPrefix(line, "exatlas sim ") {
					at = simulator(t, exatlas, line)
					continue
				}
				lines = append(lines, strings.ReplaceAll(line, simulated, at))
			}
			if len(lines) < 4 {
				t.Fatalf("%s has the commands %q: the test would check nothing", guide, lines)
			}
			out := shell(t, t.TempDir(), []string{"PATH=" + exatlas + ":" + os.Getenv("PATH"), "ATLAS=" + root, "ZIG=" + zig}, "bash", "-euxo", "pipefail", "-c", strings.Join(lines, "\n"))
			for _, text := range want {
				if !strings.Contains(out, text) {
					t.Errorf("the commands do not print %q:\n%s", text, out)
				}
			}
		})
	}
	if len(programs) > 0 {
		t.Errorf("nothing runs the commands of %v", programs)
	}
}
