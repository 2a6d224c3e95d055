package atlas

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/fly/deploy"
	"github.com/exatlas/atlas/core/fly/logs"
	"github.com/exatlas/atlas/core/fly/tokens"
)

func TestTelemetry_EveryFieldIsDescribed(t *testing.T) {
	text, err := os.ReadFile("docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	for event, data := range map[string]any{"request": requestEvent{}, tokens.EventAcquire: tokens.Acquired{}, logs.EventFetch: logs.Fetched{}, deploy.EventExit: deploy.Exited{}} {
		_, section, there := strings.Cut(string(text), "\n## "+event+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !there {
			t.Errorf("docs/telemetry.md has no section %s", event)
		}
		rows := ""
		for line := range strings.Lines(section) {
			if cell, _, row := strings.Cut(strings.TrimPrefix(line, "| "), " |"); row {
				rows += cell
			}
		}
		for _, field := range reflect.VisibleFields(reflect.TypeOf(data)) {
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); !strings.Contains(rows, "`"+name+"`") {
				t.Errorf("docs/telemetry.md does not describe %s of %s", name, event)
			}
		}
	}
}
