package canary

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/host"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/sim"
)

func TestMain(m *testing.M) { leak.Main(m) }

// journey is a client whose cloud echoes its credential.
type journey struct {
	*testing.T
	client *atlas.Client
	relay  *relay
	key    string // given with each call; empty: the client has it
	kinds  map[string]bool
	asked  int
}

func newJourney(t *testing.T, setting, call, environment string) *journey {
	cloud, err := sim.Start("runpod", sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := &journey{T: t, relay: newRelay(t, cloud.URL()), key: call, kinds: map[string]bool{}}
	store, err := os.MkdirTemp("", "store") // stays, to be searched
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`{"default_provider":"runpod","compute":{"settle_ms":20},"store":{"url":"sqlite:%s/atlas.db"},"orchestrator":{"poll_ms":100},
		"providers":{"runpod":{"api_key":%q,"base_url":%q,"config":{"region":"eu"}}}}`, store, setting, j.relay.URL)
	client, outcome, document := atlas.OpenJSON([]byte(config), atlas.Environment{Getenv: func(name string) string {
		if name == "RUNPOD_API_KEY" {
			return environment
		}
		return ""
	}})
	if outcome != atlas.OK {
		t.Fatalf("open: %s", document)
	}
	j.client = client
	t.Cleanup(func() {
		if outcome := client.Close(-1); outcome != atlas.OK {
			t.Errorf("close answers %d", outcome)
		}
		if err := leak.Gauges(client.Info().Live); err != nil {
			t.Error(err)
		}
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

// search fails the test where a text holds a credential.
func (j *journey) search(where string, text []byte) {
	j.Helper()
	if piece := found(text); piece != "" {
		at := strings.Index(string(text), piece)
		j.Errorf("%s holds the credential: %.300q", where, text[max(0, at-100):])
	}
}

// ask makes a call and searches its answer.
func (j *journey) ask(method string, params map[string]any, deadlineMS int64) map[string]any {
	j.Helper()
	if j.key != "" && !strings.HasPrefix(method, "providers.") && !strings.HasPrefix(method, "atlas.") && !strings.HasPrefix(method, "events.") {
		params = maps.Clone(params)
		params["api_key"] = j.key
	}
	request := map[string]any{"method": method, "params": params}
	if deadlineMS > 0 {
		request["deadline_ms"] = deadlineMS
	}
	text, err := json.Marshal(request)
	if err != nil {
		j.Fatal(err)
	}
	_, document := j.client.CallJSON(text)
	j.asked++
	return j.read(method, document)
}

// read searches a document and notes the kind of its error.
func (j *journey) read(what string, document []byte) map[string]any {
	j.Helper()
	j.search("the answer of "+what, document)
	var answer struct {
		Result, Error, Data map[string]any
		Event               string
	}
	if err := json.Unmarshal(document, &answer); err != nil {
		j.Fatalf("%s: %v: %s", what, err, document)
	}
	if kind, _ := answer.Error["kind"].(string); kind != "" {
		j.kinds[kind] = true
		return answer.Error
	}
	if answer.Event != "" {
		return answer.Data
	}
	return answer.Result
}

// items takes and searches what the client's queue holds until the last one is
// there.
func (j *journey) items(last func(item string) bool) {
	j.Helper()
	for {
		outcome, item := j.client.NextJSON(time.Minute)
		if outcome != atlas.OK {
			j.Fatalf("the next item does not come: %d", outcome)
		}
		j.read("an item", item)
		if last(string(item)) {
			return
		}
	}
}

// succeed is ask where an error is a failure of the test.
func (j *journey) succeed(method string, params map[string]any) map[string]any {
	j.Helper()
	answer := j.ask(method, params, 120_000) // plugins are compiled in the first ones
	if answer["kind"] != nil && answer["message"] != nil {
		j.Fatalf("%s: %v", method, answer)
	}
	return answer
}

// guests searches the memory of every sandbox. What it must find shows that the
// search finds something.
func (j *journey) guests() {
	j.Helper()
	seen, redacted := 0, false
	hostOf(j.client).Inspect(func(provider string, memory []byte) {
		seen++
		redacted = redacted || bytes.Contains(memory, []byte("[redacted]"))
		j.search("the memory of "+provider, memory)
	})
	if seen == 0 || !redacted {
		j.Errorf("%d sandboxes were searched, echoes in them: %v", seen, redacted)
	}
}

// hostOf is the host of a client, which no user has a way to.
func hostOf(client *atlas.Client) *host.Host {
	field := reflect.ValueOf(client).Elem().FieldByName("host")
	return *(**host.Host)(unsafe.Pointer(field.UnsafeAddr()))
}

func machine(more map[string]any) map[string]any {
	params := map[string]any{"gpu": "rtx_4090", "image": "img-" + mark, "env": map[string]string{"A": mark, mark: "b"}, "ports": []any{map[string]any{"internal": 8000}}, "include_raw": true}
	maps.Copy(params, more)
	return params
}

// rent goes through the life of a machine whose cloud says the credential in
// every answer.
func (j *journey) rent() string {
	j.succeed("events.subscribe", map[string]any{"topic": "rentals"})
	j.succeed("events.subscribe", map[string]any{"topic": "providers.log"})
	spawned := j.succeed("compute.spawn", machine(map[string]any{"auth": "bearer"}))
	id := spawned["id"].(string)
	token := spawned["auth"].(map[string]any)["token"].(string)
	one := map[string]any{"id": id, "include_raw": true}
	j.succeed("events.subscribe", map[string]any{"topic": "compute:" + id, "from": 1})
	j.succeed("compute.await_ready", map[string]any{"id": id, "timeout_ms": 20_000})
	for _, method := range []string{"compute.get", "compute.stop", "compute.start", "compute.get"} {
		if text := fmt.Sprint(j.succeed(method, one)); strings.Contains(text, token) {
			j.Errorf("%s holds the machine's own credential", method)
		}
	}
	j.succeed("compute.list", map[string]any{"include_raw": true})
	for _, more := range []map[string]any{{"tail": 100}, {"since": "2020-01-01T00:00:00Z"}, {"source": "system"}} {
		more["id"], more["wait_ms"] = id, 50
		j.succeed("compute.logs", more)
	}
	j.succeed("gpus.list", map[string]any{"include_raw": true})
	for _, method := range []string{"providers.list", "atlas.info"} {
		j.succeed(method, map[string]any{})
	}
	j.succeed("providers.capabilities", map[string]any{"provider": "runpod"})
	return id
}

// keep goes through the life of a session, which is written to the store: its
// cloud says the credential in the machine, and where it refuses to end it.
func (j *journey) keep() {
	if j.key != "" {
		return // a session lives longer than a call, and takes no key of one
	}
	session := j.succeed("orchestrator.spawn", machine(map[string]any{"auth": "bearer", "user_id": "u-1", "tags": map[string]string{"a": mark}}))
	one := map[string]any{"id": session["id"]}
	subscription := j.succeed("events.subscribe", map[string]any{"topic": session["topic"], "from": 1})["subscription"].(string)
	told := func(event string) {
		j.Helper()
		j.items(func(item string) bool {
			return strings.Contains(item, `"subscription":"`+subscription+`"`) && strings.Contains(item, `"event":"`+event+`"`)
		})
	}
	told("ready")
	for _, method := range []string{"orchestrator.touch", "orchestrator.get"} {
		j.succeed(method, one)
	}
	j.succeed("orchestrator.list", map[string]any{})
	j.relay.set("problem", 403)
	j.succeed("orchestrator.stop", one)
	told("terminate_failed")
	j.ask("orchestrator.spawn", machine(nil), 0)
	j.ask("orchestrator.reap", map[string]any{"dry_run": true}, 0)
	j.relay.set("", 0)
	told("terminated")
	j.succeed("orchestrator.get", one)
}

// work runs jobs whose input, output, chunks and failures hold the credential.
func (j *journey) work() {
	j.succeed("jobs.run", map[string]any{"endpoint": "echo", "input": map[string]any{"text": mark}, "mode": "sync", "include_raw": true})
	run := j.succeed("jobs.run", map[string]any{"endpoint": "echo", "input": mark, "include_raw": true})
	j.succeed("jobs.get", map[string]any{"endpoint": "echo", "id": run["id"], "include_raw": true})
	for _, input := range []map[string]any{{"chunks": []any{mark, map[string]any{mark: mark}}}, {"chunks": []any{mark}, "fail": mark}} {
		run := j.succeed("jobs.run", map[string]any{"endpoint": "stream", "input": input})
		subscription := j.succeed("jobs.stream", map[string]any{"endpoint": "stream", "id": run["id"]})
		j.items(func(item string) bool {
			return strings.Contains(item, `"final":true`) && strings.Contains(item, subscription["subscription"].(string))
		})
	}
	run = j.succeed("jobs.run", map[string]any{"endpoint": "never", "input": map[string]any{"text": mark}})
	j.succeed("jobs.cancel", map[string]any{"endpoint": "never", "id": run["id"], "include_raw": true})
}

// fail makes every operation meet every misbehaviour.
func (j *journey) fail(id string) {
	one := map[string]any{"id": id, "include_raw": true}
	operations := []struct {
		method string
		params map[string]any
	}{
		{"compute.spawn", machine(nil)}, {"compute.get", one}, {"compute.list", map[string]any{"include_raw": true}},
		{"compute.stop", one}, {"compute.start", one}, {"compute.terminate", one}, {"compute.logs", map[string]any{"id": id}},
		{"gpus.list", map[string]any{}}, {"jobs.run", map[string]any{"endpoint": "echo", "input": mark, "include_raw": true}},
		{"jobs.get", map[string]any{"endpoint": "echo", "id": "x", "include_raw": true}}, {"jobs.cancel", map[string]any{"endpoint": "echo", "id": "x"}},
	}
	modes := []struct {
		mode   string
		status int
	}{{"problem", 400}, {"problem", 401}, {"problem", 402}, {"problem", 403}, {"problem", 404}, {"problem", 409}, {"problem", 422}, {"problem", 429}, {"problem", 500},
		{"plain", 300}, {"plain", 400}, {"plain", 502}, {"job", 400}, {"job", 401}, {"page", 200}, {"away", 0}, {"circle", 0}, {"cut", 0}, {"rubbish", 0}, {"reset", 0}, {"hang", 0}}
	for _, m := range modes {
		j.relay.set(m.mode, m.status)
		deadline := int64(20_000)
		if m.status == 429 || m.status >= 500 || m.status == 0 { // what is sent again and again
			deadline = 100
		}
		for _, operation := range operations {
			if operation.method == "compute.spawn" { // it looks long for what it may have rented
				j.ask(operation.method, operation.params, 200)
			} else {
				j.ask(operation.method, operation.params, deadline)
			}
		}
	}
	j.relay.set("hang", 0)
	params := maps.Clone(one)
	if j.key != "" {
		params["api_key"] = j.key
	}
	text, _ := json.Marshal(map[string]any{"id": "c", "method": "compute.get", "params": params})
	if outcome, document := j.client.SubmitJSON(text); outcome != atlas.OK {
		j.Fatalf("submit: %s", document)
	}
	j.client.CancelID("c")
	j.items(func(item string) bool { return strings.HasPrefix(item, `{"type":"completion","id":"c"`) })
	j.relay.set("dear", 0)
	j.ask("compute.spawn", machine(map[string]any{"max_price_per_hour": 50}), 0)
	j.relay.set("", 0)
	j.ask("compute.spawn", machine(map[string]any{"spot": true}), 0)
	j.ask("compute.spawn", machine(map[string]any{"max_price_per_hour": 0.0001}), 0)
	j.ask("compute.spawn", machine(map[string]any{"imagee": mark}), 0)
	j.faces(id)
}

// faces looks at errors and settings as a Go program prints them.
func (j *journey) faces(id string) {
	j.relay.set("problem", 403)
	_, err := j.client.Compute.Get(context.Background(), atlas.IDParams{ID: id, Target: atlas.Target{APIKey: atlas.NewSecret(callKey)}})
	if err == nil {
		j.Fatal("the refused call succeeds")
	}
	text, _ := json.Marshal(err)
	settings := atlas.Settings{Providers: map[string]atlas.ProviderSettings{"runpod": {APIKey: atlas.NewSecret(settingKey)}}}
	encoded, _ := json.Marshal(settings)
	for _, printed := range []string{fmt.Sprintf("%v %+v %#v %q", err, err, err, err), string(text), fmt.Sprintf("%v %+v %#v", settings, settings, settings), string(encoded)} {
		j.search("what Go prints", []byte(printed))
	}
	j.relay.set("", 0)
}

const child = "ATLAS_CANARY_CHILD"

// journeys are made with each source of credentials.
func journeys(t *testing.T) {
	var mu sync.Mutex
	kinds := map[string]bool{}
	from := func(setting, call, environment string) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			j := newJourney(t, setting, call, environment)
			id := j.rent()
			j.work()
			j.keep()
			j.guests()
			j.fail(id)
			j.guests()
			j.succeed("providers.reload", map[string]any{"provider": "runpod"})
			j.succeed("compute.terminate", map[string]any{"id": id, "include_raw": true})
			j.items(func(item string) bool {
				return strings.Contains(item, `"topic":"compute:`+id) && strings.Contains(item, "terminated")
			})
			if echoes := j.relay.echoed(); echoes < j.asked {
				t.Errorf("the credential was echoed %d times in %d calls: the test proves little", echoes, j.asked)
			}
			if len(j.relay.stolen) > 0 {
				t.Errorf("a redirect took %d requests elsewhere", len(j.relay.stolen))
			}
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(kinds, j.kinds)
		}
	}
	t.Run("key", func(t *testing.T) {
		t.Run("of the settings", from(settingKey, "", ""))
		t.Run("of the call", from("", callKey, ""))
		t.Run("of the environment", from("", "", environmentKey))
	})
	got := slices.Sorted(maps.Keys(kinds))
	for _, kind := range []string{"budget", "cancelled", "conflict", "forbidden", "funds", "not_found", "plugin", "provider", "rate_limited", "timeout", "transport", "unauthorized", "unknown", "unsupported", "validation"} {
		if !slices.Contains(got, kind) {
			t.Errorf("no error was of kind %s, only %v", kind, got)
		}
	}
}

// TestCanary_StaysOutOfGuestsAnswersErrorsEventsOutputAndFiles makes the journeys
// in a process of its own, which searches what they see, and then searches all
// that this process has printed and left.
func TestCanary_StaysOutOfGuestsAnswersErrorsEventsOutputAndFiles(t *testing.T) {
	if os.Getenv(child) != "" {
		journeys(t)
		return
	}
	home := t.TempDir()
	command := exec.Command(os.Args[0], "-test.run=^TestCanary_", "-test.v", "-test.timeout=5m")
	command.Dir = home
	command.Env = []string{child + "=1", "HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "TMPDIR=" + home, "PATH=" + os.Getenv("PATH")}
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, output)
	}
	if !bytes.Contains(output, []byte("--- PASS: TestCanary_")) {
		t.Errorf("the journey was not made: %s", output)
	}
	if piece := found(output); piece != "" {
		t.Errorf("the process prints the credential: %s", output)
	}
	files, stores := 0, 0
	err = filepath.WalkDir(home, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if filepath.Base(path) == "atlas.db" && bytes.Contains(text, []byte("[redacted]")) {
			stores++
		}
		if piece := found(append(text, path...)); piece != "" {
			t.Errorf("%s holds the credential", path)
		}
		return err
	})
	if err != nil || files == 0 || stores != 2 { // those of the keys that sessions may use
		t.Errorf("%d files were searched, compiled code among them or nothing was, and %d stores with echoes: %v", files, stores, err)
	}
}

// TestSearch_FindsWhatItLooksFor keeps the other tests honest.
func TestSearch_FindsWhatItLooksFor(t *testing.T) {
	for _, key := range allKeys() {
		for _, spelling := range append(spellings("Bearer "+key), key, key[4:len(key)/2+6], `{"a":"`+key+`"}`) {
			if found([]byte("some text "+spelling+" and more")) == "" {
				t.Errorf("%s is not found", spelling)
			}
		}
	}
	if piece := found([]byte(`{"id":"x","authorization":"[redacted]","b":"W3JlZGFjdGVkXQ==","c":"%5Bredacted%5D"}`)); piece != "" {
		t.Errorf("%s is found where nothing is", piece)
	}
}
