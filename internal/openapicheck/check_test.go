package openapicheck

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

const sample = `{"openapi":"3.1.0","paths":{
 "/v1/things":{
  "get":{"parameters":[{"name":"limit","in":"query","schema":{"type":"integer","minimum":1}},{"$ref":"#/components/parameters/Tags"}],
   "responses":{"200":{"content":{"application/json":{"schema":{"type":"object","required":["things"],"properties":{"things":{"type":"array","items":{"$ref":"#/components/schemas/Thing"}}}}}}},"default":{"$ref":"#/components/responses/Bad"}}},
  "post":{"requestBody":{"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Create"}}}},"responses":{"201":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/Thing"}}}}}}},
 "/v1/things/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string","maxLength":5}}],"delete":{"responses":{"204":{"description":"gone"}}}},
 "/v1/things/all":{"delete":{"responses":{"204":{"description":"gone"}}}}},
 "components":{"parameters":{"Tags":{"name":"tags","in":"query","explode":false,"schema":{"type":"array","items":{"enum":["a","b"]}}}},
 "responses":{"Bad":{"content":{"application/problem+json":{"schema":{"type":"object","required":["title"]}}}}},
 "schemas":{"Thing":{"type":"object","required":["id","at"],"properties":{"id":{"type":"string"},"at":{"type":["string","null"],"format":"date-time"}}},
 "Create":{"allOf":[{"type":"object","properties":{"name":{"type":"string"}}}],"unevaluatedProperties":false}}}}`

func load(t *testing.T) *Doc {
	t.Helper()
	path := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(path, []byte(sample), 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestRequest_IsHeldAgainstPathQueryAndBody(t *testing.T) {
	doc := load(t)
	doc.AllowQuery("GET", "/v1/things", "cursor")
	for _, row := range []struct{ method, path, query, body, wrong string }{
		{"GET", "/v1/things", "limit=3&tags=a,b&cursor=x", "", ""},
		{"GET", "/v1/things", "limit=0", "", "limit"},
		{"GET", "/v1/things", "limit=x", "", "limit"},
		{"GET", "/v1/things", "limit=1&limit=2", "", "2 times"},
		{"GET", "/v1/things", "tags=c", "", "tags"},
		{"GET", "/v1/things", "size=1", "", "no query parameter size"},
		{"GET", "/v1/things", "", "{}", "no request body"},
		{"PUT", "/v1/things", "", "", "no such method"},
		{"GET", "/v1/other", "", "", "no such path"},
		{"POST", "/v1/things", "", `{"name":"n"}`, ""},
		{"POST", "/v1/things", "", `{"name":1}`, "name"},
		{"POST", "/v1/things", "", `{"nome":"n"}`, "nome"},
		{"POST", "/v1/things", "", `{`, "no JSON"},
		{"POST", "/v1/things", "", ``, "missing"},
		{"DELETE", "/v1/things/a%2Fb", "", "", ""},
		{"DELETE", "/v1/things/toolong", "", "", "id"},
	} {
		judge(t, row.method+" "+row.path+"?"+row.query+" "+row.body, doc.Request(row.method, row.path, row.query, []byte(row.body)), row.wrong)
	}
}

func TestResponse_IsHeldAgainstItsStatus(t *testing.T) {
	doc := load(t)
	for _, row := range []struct {
		method, path string
		status       int
		body, wrong  string
	}{
		{"GET", "/v1/things", 200, `{"things":[{"id":"a","at":null}]}`, ""},
		{"GET", "/v1/things", 200, `{"things":[{"id":"a","at":"2026-01-02T03:04:05Z"}]}`, ""},
		{"GET", "/v1/things", 200, `{"things":[{"id":"a","at":"yesterday"}]}`, "date-time"},
		{"GET", "/v1/things", 200, `{"things":[{"at":null}]}`, "id"},
		{"GET", "/v1/things", 500, `{"title":"x"}`, ""},
		{"GET", "/v1/things", 500, `{}`, "title"},
		{"POST", "/v1/things", 500, `{}`, "no status 500"},
		{"DELETE", "/v1/things/a", 204, ``, ""},
		{"DELETE", "/v1/things/a", 204, `{}`, "has a body"},
		{"DELETE", "/v1/things/all", 204, ``, ""},
	} {
		judge(t, row.method+" "+row.path+" "+row.body, doc.Response(row.method, row.path, row.status, []byte(row.body)), row.wrong)
	}
}

func TestLoad_ReadsYAML(t *testing.T) {
	path := filepath.Join(t.TempDir(), "openapi.yaml")
	text := "openapi: 3.1.0\npaths:\n  /v1/things:\n    post:\n      requestBody:\n        content:\n          application/json:\n            schema:\n              type: object\n              required: [name]\n      responses:\n        '201': {}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	judge(t, "a good body", doc.Request("POST", "/v1/things", "", []byte(`{"name":"n"}`)), "")
	judge(t, "a bad body", doc.Request("POST", "/v1/things", "", []byte(`{}`)), "name")
	judge(t, "an answer", doc.Response("POST", "/v1/things", 201, nil), "")
	if err := os.WriteFile(path, []byte("a: [b"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil {
		t.Error("what is no YAML was loaded")
	}
}

func TestLoad_RefusesWhatIsNoDocument(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.json")
	if _, err := Load(path); err == nil {
		t.Error("a missing file was loaded")
	}
	for _, text := range []string{`{}`, `[`, `[]`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("%s was loaded", text)
		}
	}
}

func judge(t *testing.T, what string, err error, wrong string) {
	t.Helper()
	switch {
	case wrong == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case wrong != "" && err == nil:
		t.Errorf("%s: accepted", what)
	case wrong != "" && !strings.Contains(err.Error(), wrong):
		t.Errorf("%s: %v, want it to name %q", what, err, wrong)
	}
}
