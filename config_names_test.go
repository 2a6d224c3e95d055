package atlas_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/exatlas/atlas"
)

// pin is a hash that a configuration may name before there is such a file.
var pin = strings.Repeat("ab", 32)

func TestOpen_RefusesMisspeltProviders(t *testing.T) {
	for config, want := range map[string]string{
		`{"providers":{"runpdo":{}}}`:                                                         "config.providers.runpdo: no plugin has this name|did you mean runpod?",
		`{"providers":{"acme":{},"RunPod":{},"runpod":{}}}`:                                   "config.providers.RunPod|did you mean runpod?",
		`{"providers":{"lambdalabs":{}}}`:                                                     "did you mean lambda_labs?",
		`{"orchestrator":{"reap":{"providers":["mock","runpdo"]}}}`:                           "config.orchestrator.reap.providers[1]: no such provider|did you mean runpod?",
		`{"orchestrator":{"reap":{"providers":["acme"]}}}`:                                    "no such provider|a section in providers",
		`{"orchestrator":{"reap":{"providers":["acme_gpu"]}},"providers":{"acme_gpus":{}}}`:   "did you mean acme_gpus?",
		`{"orchestrator":{"reap":{"providers":[]}},"store":{"url":"memory:"},"providers":{}}`: "reap.providers: empty|orchestrator.reap.off",
	} {
		c, outcome, document := atlas.OpenJSON([]byte(config), atlas.Environment{})
		if outcome != atlas.Failed || c != nil {
			t.Errorf("%s: %d", config, outcome)
			continue
		}
		for part := range strings.SplitSeq(`"kind":"validation"|`+want, "|") {
			if !strings.Contains(string(document), part) {
				t.Errorf("%s: %s, want %q", config, document, part)
			}
		}
	}
}

// TestOpen_RefusesAnAccountWhereAProviderStands: calls name it so, and a section of
// that name would be taken for a plugin that is loaded later.
func TestOpen_RefusesAnAccountWhereAProviderStands(t *testing.T) {
	for name, setting := range map[string]string{"runpod:acme": "providers.runpod.accounts", "vast:": "providers.vast.accounts"} {
		c, outcome, document := atlas.OpenJSON([]byte(`{"providers":{"`+name+`":{"api_key":"canary"}}}`), atlas.Environment{})
		if outcome != atlas.Failed || c != nil || !strings.Contains(string(document), `"kind":"validation"`) || !strings.Contains(string(document), setting) {
			t.Errorf("%s: %d %s, want %s", name, outcome, document, setting)
		}
		if strings.Contains(string(document), "canary") {
			t.Errorf("it shows a secret: %s", document)
		}
	}
}

func TestOpen_AllowsProvidersThatAreLoadedLater(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"vasty", "runpods"} { // never compiled: they are not asked for anything
		if err := os.WriteFile(filepath.Join(folder, name+".wasm"), []byte("no module"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for config, unused := range map[string][]string{
		`{}`: nil,
		`{"providers":{"acme":{},"acme_go":{},"runpod":{},"vast2":{},"fly_eu":{}}}`:                                 {"acme", "acme_go", "fly_eu", "vast2"},
		`{"providers":{"runpdo":{"sha256":"` + pin + `"}}}`:                                                         {"runpdo"},
		`{"plugins":{"dir":"` + folder + `"},"providers":{"vasty":{},"runpods":{}}}`:                                nil,
		`{"orchestrator":{"reap":{"providers":["acme","mock"]}},"store":{"url":"memory:"},"providers":{"acme":{}}}`: {"acme"},
	} {
		if got := open(t, config).Info().UnusedSections; !slices.Equal(got, unused) {
			t.Errorf("%s: unused are %v, want %v", config, got, unused)
		}
	}
}
