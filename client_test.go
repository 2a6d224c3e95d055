package atlas_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/exatlas/atlas"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func open(t *testing.T, config string) *atlas.Client {
	t.Helper()
	c, outcome, document := atlas.OpenJSON([]byte(config), atlas.Environment{})
	if outcome != atlas.OK {
		t.Fatalf("open: %d %s", outcome, document)
	}
	t.Cleanup(func() {
		if outcome := c.Close(-1); outcome != atlas.OK {
			t.Errorf("close: %d", outcome)
		}
		if err := leak.Gauges(c.Info().Live); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestClient_AnswersInfoAndMintsATokenByCallAndBySubmit(t *testing.T) {
	c := open(t, `{"abi":1}`)
	outcome, answer := c.CallJSON([]byte(`{"id":"a","method":"atlas.info"}`))
	if outcome != atlas.OK || !strings.Contains(string(answer), `{"id":"a","result":{"version":"`+atlas.Version) {
		t.Fatalf("info: %d %s", outcome, answer)
	}
	if outcome, document := c.SubmitJSON([]byte(`{"id":"b","method":"auth.token.mint","params":{}}`)); outcome != atlas.OK {
		t.Fatalf("submit: %d %s", outcome, document)
	}
	outcome, item := c.NextJSON(5 * time.Second)
	if outcome != atlas.OK || !strings.HasPrefix(string(item), `{"type":"completion","id":"b","result":{"token":"`) {
		t.Fatalf("next: %d %s", outcome, item)
	}
}

func TestClient_ASecondCloseWaitsForTheFirstNoLongerThanItsOwnTime(t *testing.T) {
	arrived, answer := make(chan struct{}, 100), make(chan struct{})
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-answer
		_, _ = w.Write([]byte("[]"))
	}))
	defer cloud.Close()
	c, outcome, document := atlas.OpenJSON([]byte(`{"providers":{"runpod":{"api_key":"k","base_url":"`+cloud.URL+`"}}}`), atlas.Environment{})
	if outcome != atlas.OK {
		t.Fatalf("open: %d %s", outcome, document)
	}
	c.SubmitJSON([]byte(`{"id":"1","method":"compute.spawn","params":{"provider":"runpod","gpu":"rtx_4090","image":"i"}}`))
	<-arrived
	first := make(chan atlas.Outcome, 1)
	go func() { first <- c.Close(20 * time.Second) }()
	for outcome = atlas.OK; outcome != atlas.Closed; outcome, _ = c.CallJSON([]byte(`{"method":"atlas.info"}`)) {
		runtime.Gosched()
	}
	if outcome := c.Close(0); outcome != atlas.Timeout {
		t.Errorf("a second close while the first waits: %d", outcome)
	}
	close(answer)
	<-first
	if outcome := c.Close(0); outcome != atlas.OK {
		t.Errorf("a close of a closed client: %d", outcome)
	}
}

func TestOpen_NamesTheMistakeInTheConfiguration(t *testing.T) {
	for config, want := range map[string]string{
		`{"default_provder":"mock"}`:                   "did you mean default_provider?",
		`{"abi":2}`:                                    "this library speaks 1",
		`{"providers":{"runpod":{"api_key":5}}}`:       "config.providers.runpod.api_key: expected a string, got a number",
		`{"limits":{"calls":0}}`:                       "config.limits.calls: must be at least 1",
		`{"compute":{"name_prefix":"x"},"compute":{}}`: "config.compute: given twice",
		`[]`: "config: expected an object, got an array",
	} {
		_, outcome, document := atlas.OpenJSON([]byte(config), atlas.Environment{})
		if outcome == atlas.OK || !strings.Contains(string(document), want) {
			t.Errorf("%s: %d %s, want %q", config, outcome, document, want)
		}
	}
}

func TestOpen_HoldsWhatAGoProgramSetsOfAProviderToTheRulesOfADocument(t *testing.T) {
	for want, http := range map[string]atlas.HTTP{
		"config.providers.runpod.http.timeout_ms: must be at least 100": {TimeoutMS: -5},
		"config.providers.runpod.http.attempts: must be at most 10":     {Attempts: 1 << 40},
	} {
		c, err := atlas.Open(atlas.Config{Settings: atlas.Settings{Providers: map[string]atlas.ProviderSettings{"runpod": {HTTP: http}}}})
		if err == nil {
			c.Close(-1)
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", http, err, want)
		}
	}
}
