package apps

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// tree writes files below a new folder.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func discover(t *testing.T, root string, depth int) *FlyApps {
	t.Helper()
	out, err := Discover(t.Context(), &Params{Path: root, MaxDepth: &depth})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func listed(out *FlyApps) string {
	var names []string
	for _, a := range out.Items {
		names = append(names, a.Name)
	}
	return strings.Join(names, " ")
}

func TestDiscover_ParsesInsteadOfSearching(t *testing.T) {
	root := tree(t, map[string]string{
		"a/fly.toml": "# app = \"commented\"\n[env]\napp = \"inside-env\"\n",
		"b/fly.toml": "primary_region = 'ord'\n\"app\" = 'single-quoted' # app = \"x\"\n[build.args]\napp = \"other\"\n",
		"c/fly.toml": "swap_size_mb = 512\nconsole_command = \"\"\"\napp = \"in-a-text\"\n\"\"\"\napp = \"after-text\"\n",
		"d/fly.json": `{"env":{"app":"nested"},"app":"from-json","primary_region":"iad"}`,
		"e/fly.yaml": "env:\n  app: nested\napp: \"from-yaml\"\nprimary_region: ams\n",
		"g/fly.yaml": "name: &name aliased\napp: *name\nprimary_region: ~\n",
		"h/fly.yaml": "app: one\napp: two\n",
		"f/fly.toml": "\xef\xbb\xbfapp = \"with-bom\"\r\n",
	})
	out := discover(t, root, 1)
	if got := listed(out); got != "after-text aliased from-json from-yaml single-quoted with-bom" {
		t.Errorf("found %s", got)
	}
	if len(out.Broken) != 2 || out.Broken[0].File != filepath.Join(root, "a/fly.toml") || out.Broken[0].Message != "it names no app" {
		t.Errorf("broken: %+v", out.Broken)
	}
	for _, a := range out.Items {
		if want := map[string]string{"from-json": "iad", "from-yaml": "ams", "single-quoted": "ord"}[a.Name]; a.PrimaryRegion != want {
			t.Errorf("%s: region %q", a.Name, a.PrimaryRegion)
		}
	}
}

func TestDiscover_SkipsHiddenAndVendoredFolders(t *testing.T) {
	root := tree(t, map[string]string{
		"fly.toml":                       `app = "top"`,
		"api/fly.toml":                   `app = "api"`,
		"node_modules/x/fly.toml":        `app = "n"`,
		"vendor/fly.toml":                `app = "v"`,
		"deps/lib/fly.toml":              `app = "d"`,
		"_build/fly.toml":                `app = "b"`,
		"target/fly.toml":                `app = "t"`,
		".git/fly.toml":                  `app = "g"`,
		"api/.hidden/fly.toml":           `app = "h"`,
		"one/two/three/fly.toml":         `app = "deep"`,
		"one/two/three/four/fly.toml":    `app = "deeper"`,
		"one/two/fly.toml/not-a-file.md": "",
	})
	if got := listed(discover(t, root, 3)); got != "api deep top" {
		t.Errorf("found %s", got)
	}
	if got := listed(discover(t, root, 0)); got != "top" {
		t.Errorf("found %s", got)
	}
	if got := listed(discover(t, filepath.Join(root, "vendor"), 0)); got != "v" {
		t.Errorf("the folder asked for itself is skipped: %s", got)
	}
}

func TestDiscover_LoopsOfLinksEnd(t *testing.T) {
	root := tree(t, map[string]string{"a/fly.toml": `app = "one"`, "real/deep/fly.toml": `app = "two"`})
	outside := tree(t, map[string]string{"fly.toml": `app = "outside"`})
	for link, to := range map[string]string{"a/up": "..", "a/self": ".", "real/deep/root": root, "alias": "real", "away": outside, "dangling": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if got := listed(discover(t, root, 32)); got != "one two" {
		t.Errorf("found %s", got)
	}
}

func TestDiscover_ReportsTheBrokenBesideTheGood(t *testing.T) {
	root := tree(t, map[string]string{
		"good/fly.toml":  `app = "good"`,
		"open/fly.toml":  "app = \"unclosed\nkey = 1",
		"type/fly.toml":  "app = 7",
		"json/fly.json":  `{"app": "x"`,
		"yaml/fly.yaml":  "app: [x",
		"empty/fly.toml": "",
		"name/fly.toml":  `app = "../../etc"`,
		"huge/fly.toml":  strings.Repeat("#", largest+1),
	})
	if err := syscall.Mkfifo(filepath.Join(root, "fly.toml"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan *FlyApps)
	go func() { done <- discover(t, root, 1) }()
	out := <-done
	if listed(out) != "good" || len(out.Broken) != 8 {
		t.Fatalf("found %s, broken %+v", listed(out), out.Broken)
	}
	for _, b := range out.Broken {
		if b.Message == "" || strings.Contains(b.Message, "\n") {
			t.Errorf("%s: %q", b.File, b.Message)
		}
	}
}

func TestDiscover_TakesTheFirstFileAsFlyctlDoes(t *testing.T) {
	root := tree(t, map[string]string{"fly.toml": `app = "toml"`, "fly.json": `{"app":"json"}`, "fly.yaml": "app: yaml"})
	if got := listed(discover(t, root, 0)); got != "toml" {
		t.Errorf("found %s", got)
	}
}

func TestDiscover_RefusesWhatIsNoFolder(t *testing.T) {
	root := tree(t, map[string]string{"file": ""})
	for path, kind := range map[string]spec.Kind{"/nonexistent-folder": spec.KindNotFound, filepath.Join(root, "file"): spec.KindValidation} {
		_, err := Discover(t.Context(), &Params{Path: path})
		if e := spec.AsError(err); e == nil || e.Kind != kind {
			t.Errorf("%s: %v", path, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Discover(ctx, &Params{Path: root}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
