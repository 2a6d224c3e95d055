package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
)

func TestMain(m *testing.M) { leak.Main(m) }

type file struct {
	Name   string                     `json:"name"`
	Sim    map[string]json.RawMessage `json:"sim"`
	Config any                        `json:"config"`
	Never  []string                   `json:"never"`
	Open   *expected                  `json:"open"`
	Steps  []step                     `json:"steps"`
}

type expected struct {
	Status *int            `json:"status"`
	Answer json.RawMessage `json:"answer"`
}

// step is a call, or the taking of the next item.
type step struct {
	Call   any    `json:"call"`
	NextMS *int64 `json:"next"`
	expected
	Save map[string]string `json:"save"`
}

func TestFiles(t *testing.T) {
	for _, path := range paths(t) {
		t.Run(strings.TrimSuffix(path, ".json"), func(t *testing.T) { run(t, read(t, path)) })
	}
}

func TestFiles_CallEveryMethod(t *testing.T) {
	called := map[string]bool{}
	for _, path := range paths(t) {
		for _, s := range read(t, path).Steps {
			if request, ok := s.Call.(map[string]any); ok {
				method, _ := request["method"].(string)
				called[method] = true
			}
		}
	}
	text, err := os.ReadFile("../../docs/methods.md")
	if err != nil {
		t.Fatal(err)
	}
	methods := regexp.MustCompile(`(?m)^## ([a-z]+\.[a-z_.]+)$`).FindAllStringSubmatch(string(text), -1)
	if len(methods) == 0 {
		t.Fatal("docs/methods.md lists no methods")
	}
	for _, m := range methods {
		if !called[m[1]] {
			t.Errorf("no file calls %s", m[1])
		}
	}
}

func paths(t *testing.T) []string {
	found, err := filepath.Glob("*.json")
	if err != nil || len(found) == 0 {
		t.Fatalf("no files: %v", err)
	}
	return found
}

func read(t *testing.T, path string) *file {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f file
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil || f.Name == "" || len(f.Steps) == 0 && f.Open == nil {
		t.Fatalf("%s says nothing: %v", path, err)
	}
	if f.Open == nil {
		f.Open = &expected{Status: new(int)}
	}
	if f.Config == nil {
		f.Config = map[string]any{}
	}
	return &f
}

// run starts the clouds and a client and takes the steps.
func run(t *testing.T, f *file) {
	r := &runner{T: t, never: f.Never, variables: variables{}}
	for _, name := range sim.Names() {
		cloud, err := sim.Start(name, sim.Options{Settings: f.Sim[name]})
		if err != nil {
			t.Fatal(err)
		}
		defer cloud.Close()
		r.variables[name] = cloud.URL()
	}
	client, outcome, document := atlas.OpenJSON(r.variables.encode(t, f.Config), atlas.Environment{Getenv: func(string) string { return "" }})
	r.check("open", *f.Open, int(outcome), document)
	if client == nil {
		return
	}
	defer func() {
		if outcome := client.Close(-1); outcome != atlas.OK {
			t.Errorf("close answered %d", outcome)
		}
		if err := leak.Gauges(client.Info().Live); err != nil {
			t.Error(err)
		}
	}()
	for i, s := range f.Steps {
		r.step(i+1, client, s)
	}
}

// runner is the state of one file.
type runner struct {
	*testing.T
	never     []string
	variables variables
}

func (r *runner) step(number int, client *atlas.Client, s step) {
	var outcome atlas.Outcome
	var document []byte
	where := fmt.Sprintf("step %d", number)
	switch {
	case (s.Call == nil) == (s.NextMS == nil):
		r.Fatalf("%s is not one of call and next", where)
	case s.Call != nil:
		request := r.variables.encode(r.T, s.Call)
		where += " " + string(request)
		outcome, document = client.CallJSON(request)
	default:
		outcome, document = client.NextJSON(time.Duration(*s.NextMS) * time.Millisecond)
	}
	answer := r.check(where, s.expected, int(outcome), document)
	for name, pointer := range s.Save {
		if r.variables[name] = pointed(answer, pointer); r.variables[name] == nil {
			r.Fatalf("%s: nothing at %s of %s", where, pointer, document)
		}
	}
}

// check holds an answer against what is expected and returns it.
func (r *runner) check(where string, e expected, status int, document []byte) any {
	r.Helper()
	var answer, pattern any
	if len(document) > 0 {
		if err := json.Unmarshal(document, &answer); err != nil {
			r.Fatalf("%s: no JSON: %s", where, document)
		}
	}
	for _, text := range r.never {
		if bytes.Contains(document, []byte(text)) {
			r.Errorf("%s: the answer holds %s: %s", where, text, document)
		}
	}
	if e.Status == nil || status != *e.Status {
		want, _ := json.Marshal(e.Status)
		r.Fatalf("%s: status %d, want %s: %s", where, status, want, document)
	}
	if e.Answer != nil {
		if err := json.Unmarshal(e.Answer, &pattern); err != nil {
			r.Fatal(err)
		}
		if problem := mismatch(r.variables.fill(r.T, pattern), answer, ""); problem != "" {
			r.Fatalf("%s: %s\nanswered %s", where, problem, document)
		}
	}
	return answer
}
