package lint

import (
	"strconv"
	"strings"
	"testing"
)

// layers gives each folder the folders of ours it may import. The longest
// matching folder decides. It is the arrow diagram of the design:
// spec <- auth catalog events store <- compute jobs offers fly <- orchestrator
// <- dispatch, dashboard <- root <- capi, cmd.
var layers = map[string][]string{
	"core/spec":           {},
	"core/auth":           {"core/spec"},
	"core/clock":          {},
	"core/strict":         {"core/spec"},
	"core/provider":       {"core/spec", "core/strict"},
	"core/catalog":        {"core/spec", "core/strict"},
	"core/telemetry":      {},
	"core/metrics":        {},
	"core/events":         {"core/spec", "core/clock", "internal/safego"},
	"core/store":          {"core/spec", "core/clock", "core/store", "internal/safego"},
	"core/compute":        {"core/spec", "core/clock", "core/provider", "core/auth", "core/catalog", "core/events", "core/offers", "core/store", "internal/safego"},
	"core/jobs":           {"core/spec", "core/clock", "core/provider", "core/auth", "core/catalog", "core/events", "core/store", "internal/safego"},
	"core/offers":         {"core/spec", "core/clock", "core/provider", "core/catalog", "internal/safego"},
	"core/fly":            {"core/spec", "core/clock", "core/events", "core/telemetry", "core/store", "core/fly", "internal/process", "internal/safego"},
	"core/orchestrator":   {"core/spec", "core/clock", "core/metrics", "core/provider", "core/auth", "core/catalog", "core/events", "core/store", "core/compute", "core/jobs", "core/offers", "internal/safego"},
	"core/dispatch":       {"core", "internal/safego"},
	"host":                {"core/spec", "host", "internal/safego"},
	"host/egress":         {"core/spec", "internal/safego"},
	"host/codecache":      {},
	"host/jsonscan":       {},
	"host/linear":         {},
	"host/wasm":           {},
	"plugins/sdk":         {"core/spec", "plugins/sdk"},
	"plugins/builtin":     {"core/spec"},
	"plugins/runpod":      {"core/spec", "plugins/sdk", "plugins/runpod"},
	"plugins/mock":        {"core/spec", "plugins/sdk", "plugins/mock"},
	"plugins/lambdalabs":  {"core/spec", "plugins/sdk", "plugins/lambdalabs"},
	"plugins/vast":        {"core/spec", "plugins/sdk", "plugins/vast"},
	"plugins/fly":         {"core/spec", "plugins/sdk", "plugins/fly"},
	"sim":                 {"sim", "core/spec", "core/strict", "internal/safego"},
	"internal/safego":     {"core/spec"},
	"internal/process":    {"core/spec", "internal/safego"},
	"internal/wholefile":  {},
	"dashboard":           {"core/spec", "core/clock", "core/compute", "core/events", "core/orchestrator", "internal/safego"},
	".":                   {"core", "host", "dashboard", "plugins/builtin", "internal/safego"},
	"capi":                {".", "core/spec", "internal/safego"},
	"cmd":                 {".", "core/spec", "host", "sim", "cmd", "plugins/conformance", "plugins/builtin", "examples/providers", "internal/process", "internal/safego", "internal/wholefile"},
	"internal":            {"*"},
	"bench":               {"*"},
	"test":                {"*"},
	"examples":            {".", "sim"},
	"examples/providers":  {"core/spec", "plugins/sdk"},
	"bindings":            {},
	"plugins/conformance": {"*"},
}

// rule returns the folders dir may import.
func rule(dir string) ([]string, bool) {
	for at := dir; ; {
		if allowed, ok := layers[at]; ok {
			return allowed, true
		}
		cut := strings.LastIndexByte(at, '/')
		if cut < 0 {
			return nil, false
		}
		at = at[:cut]
	}
}

func TestImports_FollowTheArrowsOfTheDesign(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue // tests may wire more than the package they test
		}
		allowed, ok := rule(s.dir)
		if !ok {
			t.Errorf("%s: folder %q has no line in internal/lint's layers; say what it may import", s.path, s.dir)
			continue
		}
		for _, imported := range s.file.Imports {
			target, _ := strconv.Unquote(imported.Path.Value)
			if target != module && !strings.HasPrefix(target, module+"/") {
				checkForeign(t, s, target)
				continue
			}
			dir := strings.TrimPrefix(strings.TrimPrefix(target, module), "/")
			if dir == "" {
				dir = "."
			}
			if !mayImport(allowed, s.dir, dir) {
				t.Errorf("%s imports %s; %s may import %v only (design, section 3)", s.position(imported), dir, s.dir, allowed)
			}
		}
	}
}

func mayImport(allowed []string, from, to string) bool {
	if under(to, from) && from != "." { // a package and its own parts
		return true
	}
	for _, folder := range allowed {
		if folder == "*" || folder == to || (folder != "." && strings.HasPrefix(to, folder+"/")) {
			return true
		}
	}
	return false
}

// checkForeign keeps packages of others out of where they do harm.
func checkForeign(t *testing.T, s source, target string) {
	t.Helper()
	standard := !strings.Contains(strings.SplitN(target, "/", 2)[0], ".")
	switch {
	case s.dir == "core/spec" && !standard:
		t.Errorf("%s: core/spec imports the standard library alone, not %s", s.path, target)
	case under(s.dir, "core") && strings.Contains(target, "wazero"):
		t.Errorf("%s: core knows no WebAssembly (%s)", s.path, target)
	case under(s.dir, "core", "host", ".") && target == "C":
		t.Errorf("%s: only capi uses cgo", s.path)
	case under(s.dir, "plugins/runpod", "plugins/mock", "plugins/lambdalabs", "plugins/vast", "plugins/fly", "plugins/sdk", "core/spec", "examples/providers/go") &&
		(target == "encoding/json" || target == "reflect" || target == "fmt" || target == "regexp" || target == "net/http" || target == "github.com/goccy/go-json"):
		t.Errorf("%s imports %s, which is too heavy for a guest (docs/rationale.md)", s.path, target)
	}
}

func TestImports_OnlyTheRootWiresHostAndPluginsIntoCore(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !under(s.dir, "core") {
			continue
		}
		for _, imported := range s.file.Imports {
			if strings.Contains(imported.Path.Value, module+"/host") || strings.Contains(imported.Path.Value, module+"/plugins") {
				t.Errorf("%s: core knows neither host nor plugins", s.position(imported))
			}
		}
	}
}
