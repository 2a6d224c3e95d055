package runpod

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/openapicheck"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// contract is the vendor's document, where it is at hand. Every answer of the
// management API that a test reads is held against it.
var contract = sync.OnceValues(func() (*openapicheck.Doc, error) {
	doc, err := openapicheck.Load(filepath.Join("..", "..", "..", "shared", "specs", "runpod", "rest-v2.openapi.json"))
	if err == nil {
		doc.AllowQuery("GET", "/v2/pods", "limit", "cursor") // published in September 2026
		doc.AllowQuery("GET", "/v2/templates", "limit", "cursor")
	}
	return doc, err
})

// held holds an answer against the contract.
func held(t testing.TB, method, path string, status int, body []byte) {
	t.Helper()
	doc, err := contract()
	if err != nil {
		if !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return
	}
	if err := doc.Response(method, path, status, body); err != nil {
		t.Errorf("%s %s answered %d %s: %v", method, path, status, body, err)
	}
}

func TestAnswers_AreHeldAgainstTheVendorsContract(t *testing.T) {
	if _, err := contract(); err != nil {
		t.Skipf("the vendor's OpenAPI document is not at hand: %v", err)
	}
	doc, _ := contract()
	if doc.Response("GET", "/v2/pods/x", 200, []byte(`{"id":1}`)) == nil {
		t.Error("the contract accepts a pod that is none")
	}
}

// cloud is a simulator and a client of it.
type cloud struct {
	testing.TB
	*simkit.Server
	client *http.Client
	key    string
}

func start(t testing.TB, o Options) *cloud {
	t.Helper()
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	}
	server, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{TB: t, Server: server, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}, key: "key-1"}
	t.Cleanup(func() {
		c.client.CloseIdleConnections()
		_ = server.Close()
		if n := server.Panics(); n != 0 {
			t.Errorf("%d requests ended in a defect of the simulator", n)
		}
	})
	return c
}

func manual() Options { return Options{Options: simkit.Options{ManualClock: true}} }

// send makes one request and returns the answer as it is.
func (c *cloud) send(method, path, body string, header ...string) (*http.Response, []byte, error) {
	request, err := http.NewRequest(method, c.URL()+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, text, err
}

// ask makes one request, wants a status, holds the answer against the contract
// and decodes it.
func (c *cloud) ask(status int, method, path, body string) doc {
	c.Helper()
	response, text, err := c.send(method, path, body)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	if response.StatusCode != status {
		c.Fatalf("%s %s answered %d %s, want %d", method, path, response.StatusCode, text, status)
	}
	plain, _, _ := strings.Cut(path, "?")
	// 413, 405 and foreign paths are not in the document.
	if strings.HasPrefix(path, "/v2/") && status != 413 && status != 405 && !(status == 404 && !strings.HasPrefix(path, "/v2/pods")) {
		held(c, method, plain, status, text)
	}
	if status == 204 {
		if len(text) != 0 {
			c.Errorf("204 with a body: %s", text)
		}
		return doc{}
	}
	want := "application/json"
	if status >= 400 && strings.HasPrefix(path, "/v2/") {
		want = "application/problem+json"
	}
	if got := response.Header.Get("Content-Type"); got != want {
		c.Errorf("%s %s: content type %q, want %q", method, path, got, want)
	}
	var d doc
	if err := json.Unmarshal(text, &d.v); err != nil {
		c.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return d
}

// doc is a decoded answer.
type doc struct{ v any }

// at reads a value by a path such as "pods.0.id".
func (d doc) at(path string) any {
	v := d.v
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

func (d doc) text(path string) string { s, _ := d.at(path).(string); return s }
func (d doc) num(path string) float64 { n, _ := d.at(path).(float64); return n }
func (d doc) count(path string) int   { l, _ := d.at(path).([]any); return len(l) }

// wants checks values, which are printed for the comparison.
func (d doc) wants(t testing.TB, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := fmt.Sprint(d.at(pairs[i])); got != pairs[i+1] {
			t.Errorf("%s is %s, want %s", pairs[i], got, pairs[i+1])
		}
	}
}

const podBody = `{"name":"p","image":"img:1","gpu":{"id":"NVIDIA GeForce RTX 4090"},"ports":["8000/http","22/tcp"],"env":{"A":"b"}}`

func (c *cloud) pod() string {
	c.Helper()
	return c.ask(201, "POST", "/v2/pods", podBody).text("id")
}

func esc(id string) string { return url.PathEscape(id) }
