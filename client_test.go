package atlas_test

import (
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
