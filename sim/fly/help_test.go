package fly

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

// contract is the vendor's document, where it is at hand.
var contract = sync.OnceValues(func() (*openapicheck.Doc, error) {
	return openapicheck.Load(filepath.Join("..", "..", "..", "shared", "specs", "fly", "machines-openapi.json"))
})

// bare are the answers that have a body at Fly and none in the document: the
// fact sheet tells their shapes.
func bare(method, path string, status int) bool {
	if status == 201 && method == "POST" && path == "/apps" {
		return true
	}
	tail := path[strings.LastIndexByte(path, '/')+1:]
	switch method {
	case "POST":
		return tail == "start" || tail == "stop" || tail == "suspend" || tail == "restart"
	case "DELETE":
		return tail == "lease" || strings.Contains(path, "/machines/")
	}
	return false
}

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
	path = strings.TrimPrefix(path, "/v1")
	switch {
	case status >= 400:
		// The document gives the shape of errors for few statuses of few
		// operations; it is the same everywhere.
		method, path, status = "GET", "/apps/a/machines/m/wait", 400
	case bare(method, path, status):
		return
	}
	text := string(body)
	// Answers give autostop as a boolean, or as a word for suspend; an unreachable
	// machine has no config. The document knows neither.
	text = strings.NewReplacer(`"autostop":false`, `"autostop":"off"`, `"autostop":true`, `"autostop":"stop"`, `"config":null,`, ``).Replace(text)
	if err := doc.Response(method, path, status, []byte(text)); err != nil {
		t.Errorf("%s %s answered %d %s: %v", method, path, status, body, err)
	}
}

func TestAnswers_AreHeldAgainstTheVendorsContract(t *testing.T) {
	doc, err := contract()
	if err != nil {
		t.Skipf("the vendor's OpenAPI document is not at hand: %v", err)
	}
	if doc.Response("GET", "/apps/a/machines/m", 200, []byte(`{"id":1}`)) == nil {
		t.Error("the contract accepts a machine that is none")
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
		o.Start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	}
	server, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{TB: t, Server: server, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second}, key: "Bearer fo1_key"}
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
		request.Header.Set("Authorization", c.key)
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
func (c *cloud) ask(status int, method, path, body string, header ...string) doc {
	c.Helper()
	response, text, err := c.send(method, path, body, header...)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	if response.StatusCode != status {
		c.Fatalf("%s %s answered %d %s, want %d", method, path, response.StatusCode, text, status)
	}
	if strings.HasPrefix(path, "/v1/") {
		if response.Header.Get("Fly-Request-Id") == "" {
			c.Errorf("%s %s: no fly-request-id", method, path)
		}
		plain, _, _ := strings.Cut(path, "?")
		held(c, method, plain, status, text)
	}
	if len(text) == 0 {
		return doc{}
	}
	var d doc
	if err := json.Unmarshal(text, &d.v); err != nil {
		c.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return d
}

// doc is a decoded answer.
type doc struct{ v any }

// at reads a value by a path such as "machines.0.id".
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

// wants checks values, which are printed for the comparison.
func (d doc) wants(t testing.TB, pairs ...string) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := fmt.Sprint(d.at(pairs[i])); got != pairs[i+1] {
			t.Errorf("%s is %s, want %s", pairs[i], got, pairs[i+1])
		}
	}
}

// org is the organization of the client's token.
func (c *cloud) org() string {
	c.Helper()
	return c.ask(200, "GET", "/v1/tokens/current", "").text("tokens.0.org_slug")
}

// app makes an app.
func (c *cloud) app(name string) {
	c.Helper()
	c.ask(201, "POST", "/v1/apps", `{"name":"`+name+`","org_slug":"personal"}`)
}

const machineBody = `{"config":{"image":"img:1","guest":{"cpu_kind":"shared","cpus":1,"memory_mb":256},"env":{"A":"b"},"metadata":{"a":"1"},` +
	`"services":[{"protocol":"tcp","internal_port":8000,"ports":[{"port":443,"handlers":["tls","http"]}],"autostop":"off","autostart":false}]}}`

// machine makes a machine in an app and returns its path.
func (c *cloud) machine(app string) string {
	c.Helper()
	return "/v1/apps/" + app + "/machines/" + c.ask(200, "POST", "/v1/apps/"+app+"/machines", machineBody).text("id")
}

func (c *cloud) fault(f simkit.Fault) {
	c.Helper()
	if _, err := c.AddFault(f); err != nil {
		c.Fatal(err)
	}
}

func esc(text string) string { return url.PathEscape(text) }
