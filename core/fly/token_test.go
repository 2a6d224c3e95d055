package fly

import (
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestToken_OneSchemeWordByItsKind(t *testing.T) {
	for text, want := range map[string]string{
		"fm2_a":                          "FlyV1 fm2_a",
		"FlyV1 fm2_a, fm2_b":             "FlyV1 fm2_a,fm2_b",
		"Bearer FlyV1 fm2_a":             "FlyV1 fm2_a",
		"fo1_user,fm1r_a,fm2_b":          "FlyV1 fm1r_a,fm2_b",
		" bearer fo1_user \n":            "Bearer fo1_user",
		"flyv1 bearer fm1a_x":            "FlyV1 fm1a_x",
		"an-old-token-without-a-prefix ": "Bearer an-old-token-without-a-prefix",
	} {
		if got := Header(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestCheckApp_LetsNoFlagAndNoPathThrough(t *testing.T) {
	for name, right := range map[string]bool{"my-api": true, "a1": true, "": false, "-a": false, "a/b": false, "A": false, "a b": false, "a?x": false, "..": false} {
		if (CheckApp("app", name) == nil) != right {
			t.Errorf("%q", name)
		}
	}
}
