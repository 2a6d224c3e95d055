package simtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas/sim/simkit"
)

// Sim is a simulator and a client of it. The client follows no redirects.
type Sim struct {
	testing.TB
	*simkit.Server
	Client *http.Client
	Scheme string // before the key in the header Authorization, "Bearer " for most
	Key    string // "": the header is left out
}

// New returns a client of a server that was just started, with what starting it
// answered. Both are closed when the test ends, and a request that ended in a
// defect of the simulator fails it.
func New(t testing.TB, server *simkit.Server, err error) *Sim {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	c := &Sim{TB: t, Server: server, Scheme: "Bearer ", Client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	t.Cleanup(func() {
		c.Client.CloseIdleConnections()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if n := server.Panics(); n != 0 {
			t.Errorf("%d requests ended in a defect of the simulator", n)
		}
	})
	return c
}

// Send makes one request and returns the answer as it is. header are names and
// values.
func (c *Sim) Send(method, path, body string, header ...string) (*http.Response, []byte, error) {
	request, err := http.NewRequest(method, c.URL()+path, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if c.Key != "" {
		request.Header.Set("Authorization", c.Scheme+c.Key)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.Client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, text, err
}

// Get makes one request that must be answered, whatever the status.
func (c *Sim) Get(method, path, body string, header ...string) (*http.Response, []byte) {
	c.Helper()
	response, text, err := c.Send(method, path, body, header...)
	if err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	return response, text
}

// Fault adds a fault.
func (c *Sim) Fault(f simkit.Fault) {
	c.Helper()
	if _, err := c.AddFault(f); err != nil {
		c.Fatal(err)
	}
}
