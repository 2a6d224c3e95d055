package deploy

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestPrepare_RefusesArgumentsThatNameAnotherApp(t *testing.T) {
	folder := t.TempDir()
	for _, row := range []struct {
		hint string
		args []string
	}{
		{"app", []string{"-a", "second"}}, {"app", []string{"-asecond"}}, {"app", []string{"-ya=second"}}, {"app", []string{"--app", "second"}}, {"app", []string{"--debug", "--app=second"}},
		{"config", []string{"-c", "second.toml"}}, {"config", []string{"--config=second.toml"}}, {"config", []string{"--vm-size", "shared-cpu-1x", "--config", "second.toml"}},
		{"path", []string{"/elsewhere"}}, {"path", []string{"--detach", "/elsewhere"}}, {"path", []string{"--ha=false", "elsewhere"}}, {"path", []string{"-y", "elsewhere"}},
		{"path", []string{"--vm-size", "shared-cpu-1x", "elsewhere"}}, {"path", []string{"-e", "A=b", "elsewhere"}}, {"path", []string{"-eA=b", "elsewhere"}},
		{"path", []string{"--", "elsewhere"}}, {"path", []string{"-"}}, {"path", []string{""}}, {"path", []string{"--regions=ams", "-"}},
	} {
		_, err := prepare(&Params{Path: folder, App: "mine", Args: row.args}, "")
		if err == nil || err.Kind != spec.KindValidation || !strings.Contains(err.Hint, "as "+row.hint) || strings.Contains(err.Error(), "second") || strings.Contains(err.Error(), "elsewhere") {
			t.Errorf("%q: %v", row.args, err)
		}
	}
	for _, args := range [][]string{
		nil, {"--depot=false"}, {"--depot", "--vm-size", "shared-cpu-1x", "--debug"}, {"-e", "APP=--app"}, {"-e", "a", "-e", "c"}, {"-y", "--max-unavailable=0.3"}, {"-etac", "-ireg/app:1"},
		{"--appendix", "1"}, {"--config-x", "1"}, {"--exclude-regions", "ams,fra"},
	} {
		plan, err := prepare(&Params{Path: folder, App: "mine", Args: args}, "")
		if err != nil || plan.app != "mine" || !strings.HasSuffix(strings.Join(plan.args, " "), strings.Join(args, " ")) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
