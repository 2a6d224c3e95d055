package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/plugins/builtin"
)

// compiled keeps the code of this run's plugins.
var compiled string

func TestMain(m *testing.M) {
	var err error
	if compiled, err = os.MkdirTemp("", "atlas-conformance"); err != nil {
		panic(err)
	}
	leak.Main(m, func() error { return os.RemoveAll(compiled) })
}

func TestBuiltins_Conform(t *testing.T) {
	for _, m := range builtin.List() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			recording, err := ReadRecording(filepath.Join("recorded", m.Name+".conformance.json"))
			if err != nil {
				t.Fatal(err)
			}
			report, err := Run(t.Context(), module(t, m.Name), Options{Recording: recording, CacheDir: compiled})
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := report.Write(&text); err != nil {
				t.Fatal(err)
			}
			if !report.OK() || report.Passed < 500 {
				t.Errorf("%s", text.String())
			} else if testing.Verbose() {
				t.Log(text.String())
			}
		})
	}
}
