package atlas_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas compiles the schema of each method's params.
func schemas(t *testing.T) func(method string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("docs/schema/methods.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("methods.json", document); err != nil {
		t.Fatal(err)
	}
	return func(method string) *jsonschema.Schema {
		schema, err := compiler.Compile("methods.json#/methods/" + method + "/params")
		if err != nil {
			t.Fatal(err)
		}
		return schema
	}
}

// TestSchema_RefusesWhatTheLibraryRefuses holds the schemas to rules that other checks
// than those of the fields' types have, or once had.
func TestSchema_RefusesWhatTheLibraryRefuses(t *testing.T) {
	const port = `{"gpu":"h100","image":"i","provider":"mock","env":{"1":"refused in any case"},"ports":[`
	rows := []struct {
		method, params, field string // of the mistake; "" where the schema takes the params
	}{
		{"compute.spawn", port + `{"internal":8000}]}`, ""},
		{"compute.spawn", port + `{"protocol":"tcp"}]}`, "params.ports[0].internal"},
		{"compute.spawn", port + `{"internal":1},{"internal":0}]}`, "params.ports[1].internal"},
		{"compute.spawn", port + `{"internal":65536}]}`, "params.ports[0].internal"},
		{"orchestrator.list", `{"state":["live","ended"]}`, ""},
		{"orchestrator.list", `{"state":"dead"}`, "params.state"},
		{"orchestrator.list", `{"state":["live","dead"]}`, "params.state[1]"},
		{"auth.url.sign", `{"url":"/a","secret":"s"}`, ""},
		{"auth.url.sign", `{"url":"/a","secret":""}`, "params.secret"},
		{"auth.url.verify", `{"url":"/a","secret":""}`, "params.secret"},
	}
	schema := schemas(t)
	c := open(t, `{"store":{"url":"memory:"}}`)
	for _, row := range rows {
		params, err := jsonschema.UnmarshalJSON(strings.NewReader(row.params))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema(row.method).Validate(params); (err == nil) != (row.field == "") {
			t.Errorf("%s %s: the schema says %v", row.method, row.params, err)
		}
		_, answer := c.CallJSON([]byte(`{"method":"` + row.method + `","params":` + row.params + `}`))
		if want := `"message":"` + row.field + `: `; row.field != "" && !strings.Contains(string(answer), want) {
			t.Errorf("%s %s: %s, want %s", row.method, row.params, answer, want)
		}
	}
}
