package strict

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type inner struct {
	Internal int    `json:"internal" required:"true" min:"1" max:"65535"`
	Protocol string `json:"protocol" enum:"http,tcp" apart:"quic=open it elsewhere"`
}

type Common struct {
	Provider string      `json:"provider"`
	Key      spec.Secret `json:"api_key"`
}

type document struct {
	Common
	Name  string            `json:"name" required:"true" minlen:"1" maxlen:"10"`
	GPU   []string          `json:"gpu" single:"true" maxlen:"3"`
	Ports []inner           `json:"ports"`
	Env   map[string]string `json:"env"`
	CPU   *inner            `json:"cpu"`
	Named map[string]inner  `json:"named"`
	Spot  bool              `json:"spot"`
	Cost  float64           `json:"cost" min:"0"`
	Count int64             `json:"count"`
	Input spec.Raw          `json:"input"`
	Opts  spec.Raw          `json:"opts" type:"object"`
	Since string            `json:"since" format:"date-time"`
}

func TestDecode_FillsEveryKind(t *testing.T) {
	var d document
	text := ` {"provider":"runpod","api_key":"k","name":"aé\u00e9\n😀","gpu":"h100","ports":[{"internal":80,"protocol":"tcp"},{"internal":1e3}],
		"env":{"A":"1","B\"":""},"cpu":{"internal":5},"spot":true,"cost":1.5e-1,"count":-9007199254740993,"input":[1, {"a":null}],"opts":{"x":1},"since":"2026-06-01T12:00:00Z"} `
	if err := Compile(reflect.TypeFor[document]()).Decode([]byte(text), &d, "params"); err != nil {
		t.Fatal(err, err.Hint)
	}
	want := document{Common: Common{"runpod", spec.NewSecret("k")}, Name: "aéé\n😀", GPU: []string{"h100"}, Ports: []inner{{80, "tcp"}, {1000, ""}},
		Env: map[string]string{"A": "1", "B\"": ""}, CPU: &inner{Internal: 5}, Spot: true, Cost: 0.15, Count: -9007199254740993,
		Input: spec.Raw(`[1, {"a":null}]`), Opts: spec.Raw(`{"x":1}`), Since: "2026-06-01T12:00:00Z"}
	want.Name = "aéé\n😀"
	if !reflect.DeepEqual(d, want) {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
}

func TestDecode_TakesNullForAbsentAndKeepsItInRaw(t *testing.T) {
	var d document
	if err := Compile(reflect.TypeFor[document]()).Decode([]byte(`{"name":"x","gpu":null,"cpu":null,"input":null,"opts":null}`), &d, "params"); err != nil {
		t.Fatal(err)
	}
	if d.GPU != nil || d.CPU != nil || string(d.Input) != "null" || d.Opts != nil {
		t.Errorf("%+v", d)
	}
}

func TestDecode_NamesTheMistake(t *testing.T) {
	plan := Compile(reflect.TypeFor[document]())
	for _, row := range []struct{ text, message, hint string }{
		{`{}`, "params.name: missing; it is required", "give name, a string"},
		{`{"name":null}`, "params.name: missing; it is required", ""},
		{`{"name":""}`, "params.name: must not be empty", ""},
		{`{"name":"12345678901"}`, "params.name: longer than 10 bytes", ""},
		{`{"name":"x","nmae":1}`, "params.nmae: unknown field", "did you mean name?"},
		{`{"name":"x","Gpu":1}`, "params.Gpu: unknown field", "did you mean gpu?"},
		{`{"name":"x","apiKey":"s"}`, "params.apiKey: unknown field", "did you mean api_key?"},
		{`{"name":"x","zzzzzzzz":1}`, "params.zzzzzzzz: unknown field", "the fields here are: provider, api_key, name"},
		{`{"name":"x","name":"y"}`, "params.name: given twice", ""},
		{`{"name":"x","name":null}`, "params.name: given twice", ""},
		{`{"name":null,"name":"x"}`, "params.name: given twice", ""},
		{`{"name":"x","opts":null,"opts":null}`, "params.opts: given twice", ""},
		{`{"name":"x","ports":[{"internal":null,"internal":80}]}`, "params.ports[0].internal: given twice", ""},
		{`{"name":"x","env":{"A":"1","B":"2","\u0041":"3"}}`, "params.env.A: given twice", ""},
		{`{"name":5}`, "params.name: expected a string, got a number", ""},
		{`{"name":"x","api_key":{}}`, "params.api_key: expected a string, got an object", ""},
		{`{"name":"x","gpu":5}`, "params.gpu: expected a string or an array, got a number", ""},
		{`{"name":"x","gpu":["a",5]}`, "params.gpu[1]: expected a string, got a number", ""},
		{`{"name":"x","gpu":["a","b","c","d"]}`, "params.gpu: more than 3 items", ""},
		{`{"name":"x","ports":[{"internal":80},{"internal":"80"}]}`, "params.ports[1].internal: expected a whole number, got a string", ""},
		{`{"name":"x","ports":[{"internal":70000}]}`, "params.ports[0].internal: must be at most 65535", ""},
		{`{"name":"x","ports":[{}]}`, "params.ports[0].internal: missing", ""},
		{`{"name":"x","ports":[{"internal":1,"protocol":"quic"}]}`, "params.ports[0].protocol: not one of http, tcp", "open it elsewhere"},
		{`{"name":"x","ports":[{"internal":1,"protocol":"htp"}]}`, "params.ports[0].protocol: not one of http, tcp", "did you mean http? It is one of http, tcp"},
		{`{"name":"x","env":{"A":1}}`, "params.env.A: expected a string, got a number", ""},
		{`{"name":"x","count":1.5}`, "params.count: expected a whole number, got a fraction", ""},
		{`{"name":"x","count":99999999999999999999}`, "params.count: expected a whole number", ""},
		{`{"name":"x","cost":-1}`, "params.cost: must be at least 0", ""},
		{`{"name":"x","cost":1e999}`, "params.cost: the number is out of range", ""},
		{`{"name":"x","opts":[]}`, "params.opts: expected an object, got an array", ""},
		{`{"name":"x","since":"yesterday"}`, "params.since: not an RFC 3339 time", ""},
		{`{"name":"x","spot":"yes"}`, "params.spot: expected a boolean, got a string", ""},
		{`[]`, "params: expected an object, got an array", ""},
		{``, "params: not valid JSON", ""},
		{`{"name":"x"} x`, "params: not valid JSON at byte 13: expected the end", ""},
		{`{"name":"x"`, "params: not valid JSON at byte 11", ""},
		{`{"name":"x",}`, "params: not valid JSON at byte 12: expected a string", ""},
		{`{"name":"x","input":[01]}`, "params: not valid JSON", ""},
		{`{"name":"x","input":nul}`, "params: not valid JSON", ""},
		{"{\"name\":\"\xff\"}", "params: not valid JSON", ""},
		{"{\"name\":\"a\nb\"}", "params: not valid JSON", ""},
		{`{"name":"x","input":` + strings.Repeat("[", 5000) + `}`, "params: nested deeper than 200 levels", ""},
	} {
		var d document
		err := plan.Decode([]byte(row.text), &d, "params")
		if err == nil || err.Kind != spec.KindValidation || !strings.HasPrefix(err.Message, row.message) || !strings.HasPrefix(err.Hint, row.hint) {
			t.Errorf("%.80s:\n got %v (%v)\nwant %s (%s)", row.text, err, hint(err), row.message, row.hint)
		}
	}
}

func hint(e *spec.Error) string {
	if e == nil {
		return ""
	}
	return e.Hint
}

func TestDecode_NeverQuotesAValue(t *testing.T) {
	plan := Compile(reflect.TypeFor[document]())
	for _, text := range []string{`{"name":{"CANARY":1}}`, `{"name":"x","ports":[{"internal":1,"protocol":"CANARY"}]}`, `{"name":"CANARYCANARY"}`,
		`{"name":"x","since":"CANARY"}`, `{"name":"x","api_key":["CANARY"]}`} {
		var d document
		if err := plan.Decode([]byte(text), &d, "params"); err == nil || strings.Contains(err.Message+err.Hint, "CANARY") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCheck_HoldsStructsToTheSameRules(t *testing.T) {
	plan := Compile(reflect.TypeFor[document]())
	for _, row := range []struct {
		d    document
		want string
	}{
		{document{Name: "x"}, ""},
		{document{}, "params.name: missing"},
		{document{Name: "12345678901"}, "params.name: longer"},
		{document{Name: "x", GPU: []string{"a", "b", "c"}}, ""},
		{document{Name: "x", GPU: []string{"a", "b", "c", "d"}}, "params.gpu: more than 3 items"},
		{document{Name: "x", Ports: []inner{{Internal: 80}, {Internal: 70000}}}, "params.ports[1].internal: must be at most"},
		{document{Name: "x", CPU: &inner{Internal: 1, Protocol: "udp"}}, "params.cpu.protocol: not one of"},
		{document{Name: "x", Named: map[string]inner{"a": {Internal: 1}, "b": {Internal: 70000}, "c": {}}}, "params.named.b.internal: must be at most"},
		{document{Name: "x", Named: map[string]inner{strings.Repeat("n", 100): {}}}, "params.named." + strings.Repeat("n", 64) + "....internal: missing"},
		{document{Name: "x", Cost: -1}, "params.cost: must be at least 0"},
		{document{Name: "x", Opts: spec.Raw(`[]`)}, "params.opts: expected an object"},
		{document{Name: "x", Input: spec.Raw(`{`)}, "params.input: not valid JSON"},
		{document{Name: "x", Input: spec.Raw(`{} {}`)}, "params.input: not valid JSON"},
	} {
		err := plan.Check(&row.d, "params")
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.HasPrefix(err.Message, row.want)) {
			t.Errorf("%+v: %v, want %q", row.d, err, row.want)
		}
	}
}

func TestNearest_FindsWhatWasMeant(t *testing.T) {
	known := []string{"image", "gpu_count", "container_disk_gb", "cloud_type", "spot", "max_price_per_hour", "max_cost"}
	for name, want := range map[string]string{"imgae": "image", "Image": "image", "gpuCount": "gpu_count", "gpu-count": "gpu_count", "containerDiskGb": "container_disk_gb",
		"cloudtyp": "cloud_type", "spt": "spot", "max_price": "max_price_per_hour", "container": "container_disk_gb", "max": "", "price": "", "banana": "", "": "", strings.Repeat("x", 100): ""} {
		if got := Nearest(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestSlip_FindsSlipsOfTheHandAndNothingElse(t *testing.T) {
	known := []string{"fly", "lambda_labs", "mock", "runpod", "vast"}
	for name, want := range map[string]string{"runpdo": "runpod", "runpd": "runpod", "runpood": "runpod", "runpid": "runpod", "RunPod": "runpod", "run-pod": "runpod",
		"lambdalabs": "lambda_labs", "vats": "vast", "FLY": "fly", "vast2": "", "runpod_2": "", "sky": "", "flyx": "", "acme": "", "lambda": "", "runpod_eu": "", "vastly": "", "": "",
		strings.Repeat("x", 100): ""} {
		if got := Slip(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// FuzzDecode compares with encoding/json: what one takes for JSON the other does
// too, and strings come out the same.
func FuzzDecode_AgreesWithTheStandardLibrary(f *testing.F) {
	for _, seed := range []string{`{"v":"\ud83d\ude00\ud800x"}`, `{"v":[1,-0.5e+7,true,null]}`, `{"v":"\u0000\/"}`, "{\"v\":\"\x7f\u2028\"}"} {
		f.Add([]byte(seed))
	}
	type holder struct {
		V spec.Raw `json:"v"`
	}
	type texts struct {
		V string `json:"v"`
	}
	raw, text := Compile(reflect.TypeFor[holder]()), Compile(reflect.TypeFor[texts]())
	f.Fuzz(func(t *testing.T, data []byte) {
		var ours, theirs texts
		if text.Decode(data, &ours, "x") == nil {
			if err := json.Unmarshal(data, &theirs); err != nil || ours != theirs {
				t.Errorf("%q: ours %q, the standard library's %q (%v)", data, ours.V, theirs.V, err)
			}
		}
		var h holder
		if raw.Decode(data, &h, "x") == nil && !json.Valid(data) {
			t.Errorf("%q is no JSON", data)
		}
	})
}

func BenchmarkDecode_Get(b *testing.B) {
	type params struct {
		Common
		ID  string `json:"id" required:"true" minlen:"1"`
		Raw bool   `json:"include_raw"`
	}
	plan := Compile(reflect.TypeFor[params]())
	data := []byte(`{"provider":"runpod","id":"7h9k2m4n6p"}`)
	b.ReportAllocs()
	for b.Loop() {
		var p params
		if err := plan.Decode(data, &p, "params"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestCompile_SharesTheNodesOfATypeAndNothingElse has two plans of a type: each client
// has its own, whose hints are of the client's methods.
func TestCompile_SharesTheNodesOfATypeAndNothingElse(t *testing.T) {
	kind := reflect.TypeFor[document]()
	first, second, third := Compile(kind), Compile(kind), Compile(kind)
	first.Elsewhere(func(string) string { return "of the first" })
	second.Elsewhere(func(string) string { return "of the second" })
	for want, plan := range map[string]*Plan{"of the first": first, "of the second": second, "": third, " ": Compile(kind)} {
		var d document
		e := plan.Decode([]byte(`{"name":"x","user_id":1}`), &d, "params")
		if e == nil || strings.HasPrefix(want, "of") != (e.Hint == want) || want == "" && strings.HasPrefix(e.Hint, "of") {
			t.Errorf("%q: %v", want, e)
		}
	}
	if &first.root.fields[0] != &second.root.fields[0] {
		t.Error("each plan has nodes of its own")
	}
}
