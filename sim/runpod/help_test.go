package runpod

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/internal/openapicheck"
	"github.com/exatlas/atlas/internal/simtest"
	"github.com/exatlas/atlas/sim/simkit"
)

func TestMain(m *testing.M) { leak.Main(m) }

// contract is the vendor's document. Every answer of the management API that a
// test reads is held against it.
var contract = simtest.NewContract("runpod", "rest-v2.openapi.json", func(doc *openapicheck.Doc) {
	doc.AllowQuery("GET", "/v2/pods", "limit", "cursor") // published in September 2026
	doc.AllowQuery("GET", "/v2/templates", "limit", "cursor")
})

func TestAnswers_AreHeldAgainstTheVendorsContract(t *testing.T) {
	contract.Refuses(t, "GET", "/v2/pods/x", 200, `{"id":1}`)
}

// cloud is a simulator and a client of it.
type cloud struct{ *simtest.Sim }

func start(t testing.TB, o Options) *cloud {
	t.Helper()
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	}
	server, err := Start(o)
	c := &cloud{simtest.New(t, server, err)}
	c.Key = "key-1"
	return c
}

func manual() Options { return Options{Options: simkit.Options{ManualClock: true}} }

// ask makes one request, wants a status, holds the answer against the contract
// and decodes it.
func (c *cloud) ask(status int, method, path, body string) simtest.Doc {
	c.Helper()
	response, text := c.Get(method, path, body)
	if response.StatusCode != status {
		c.Fatalf("%s %s answered %d %s, want %d", method, path, response.StatusCode, text, status)
	}
	plain, _, _ := strings.Cut(path, "?")
	// 413, 405 and foreign paths are not in the document.
	if strings.HasPrefix(path, "/v2/") && status != 413 && status != 405 && !(status == 404 && !strings.HasPrefix(path, "/v2/pods")) {
		contract.Held(c, method, plain, status, text)
	}
	if status == 204 {
		if len(text) != 0 {
			c.Errorf("204 with a body: %s", text)
		}
		return simtest.Doc{}
	}
	want := "application/json"
	if status >= 400 && strings.HasPrefix(path, "/v2/") {
		want = "application/problem+json"
	}
	if got := response.Header.Get("Content-Type"); got != want {
		c.Errorf("%s %s: content type %q, want %q", method, path, got, want)
	}
	return simtest.Read(c, text)
}

const podBody = `{"name":"p","image":"img:1","gpu":{"id":"NVIDIA GeForce RTX 4090"},"ports":["8000/http","22/tcp"],"env":{"A":"b"}}`

func (c *cloud) pod() string {
	c.Helper()
	return c.ask(201, "POST", "/v2/pods", podBody).Text("id")
}

func esc(id string) string { return url.PathEscape(id) }
