package apps

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// goodTOML is nested as far as people do, with brackets and dots where they do not
// nest.
var goodTOML = "# [[[[{{{{ " + strings.Repeat(".", 100) + "\napp = \"good\"\nx = \"" + strings.Repeat("[{.", 100) + "\\\"[\"\ny = '" + strings.Repeat("[{.", 100) + "\\'\n" +
	"z = \"\"\"\n" + strings.Repeat("[{.\"", 100) + "\\\"\"\"\"\"\"\nl = [" + strings.Repeat("1.5, ", 200) + "2.5]\nw = '''" + strings.Repeat("'[.", 100) + "'''\n" +
	strings.Repeat("[[a.b.c]]\nd = {e = [{f.g = 1}]}\n", 200)

// A file in somebody else's repository must not take this program's memory: the
// parser alone needs tens of gigabytes for the first of these.
func TestDiscover_AFileThatNestsWithoutEndIsBroken(t *testing.T) {
	n := largest - 100
	for name, text := range map[string]string{
		"inline/fly.toml": "x = " + strings.Repeat("{a=", n/3),
		"dotted/fly.toml": strings.Repeat("a.", n/2) + "a = 1",
		"table/fly.toml":  "[" + strings.Repeat("a.", n/2) + "a]",
		"array/fly.toml":  "app = " + strings.Repeat("[", n),
		"mixed/fly.toml":  "[a.b]\n\"x\" = '''a.b'''''\ny = [\n" + strings.Repeat("{a.a.a=[", n/8),
		"deep/fly.json":   `{"app":` + strings.Repeat("[", n),
		"deep/fly.yaml":   "app: " + strings.Repeat("[", n),
		"keys/fly.yaml":   strings.Repeat("k: 1\n", n/5),
	} {
		root := tree(t, map[string]string{name: text, "good/fly.toml": goodTOML})
		out := discover(t, root, 1)
		if listed(out) != "good" || len(out.Broken) != 1 || len(out.Broken[0].Message) > 300 {
			t.Errorf("%s: found %q, broken %d", name, listed(out), len(out.Broken))
		}
	}
}

func FuzzNested(f *testing.F) {
	f.Add(goodTOML)
	f.Add("[a.b]\nx = {y.z = [1, '\"']}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 || nested([]byte(text)) {
			return
		}
		var d map[string]any
		if err := toml.Unmarshal([]byte(text), &d); err == nil && height(d) > deepest+1 {
			t.Errorf("%d levels deep", height(d))
		}
	})
}

// height is how many names lead to the deepest value.
func height(v any) int {
	most := 0
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			most = max(most, 1+height(inner))
		}
	case []map[string]any:
		for _, inner := range v {
			most = max(most, height(inner))
		}
	case []any:
		for _, inner := range v {
			most = max(most, height(inner))
		}
	}
	return most
}
