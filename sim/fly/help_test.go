package fly

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// contract is the vendor's document.
var contract = simtest.NewContract("fly", "machines-openapi.json", nil)

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
	contract.Held(t, method, path, status, []byte(text))
}

func TestAnswers_AreHeldAgainstTheVendorsContract(t *testing.T) {
	contract.Refuses(t, "GET", "/apps/a/machines/m", 200, `{"id":1}`)
}

// cloud is a simulator and a client of it, whose keys say their scheme.
type cloud struct{ *simtest.Sim }

func start(t testing.TB, o Options) *cloud {
	t.Helper()
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	}
	server, err := Start(o)
	c := &cloud{simtest.New(t, server, err)}
	c.Scheme, c.Key = "", "Bearer fo1_key"
	return c
}

func manual() Options { return Options{Options: simkit.Options{ManualClock: true}} }

// ask makes one request, wants a status, holds the answer against the contract
// and decodes it.
func (c *cloud) ask(status int, method, path, body string, header ...string) simtest.Doc {
	c.Helper()
	response, text := c.Get(method, path, body, header...)
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
	return simtest.Read(c, text)
}

// org is the organization of the client's token.
func (c *cloud) org() string {
	c.Helper()
	return c.ask(200, "GET", "/v1/tokens/current", "").Text("tokens.0.org_slug")
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
	return "/v1/apps/" + app + "/machines/" + c.ask(200, "POST", "/v1/apps/"+app+"/machines", machineBody).Text("id")
}

func esc(text string) string { return url.PathEscape(text) }
