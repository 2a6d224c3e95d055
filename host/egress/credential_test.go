package egress

import (
	"io"
	"net/http"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestDo_SendsFlyTokensWithOneSchemeWord(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		// The credential is taken out of answers, so what arrived is told letter by letter.
		for _, c := range r.Header.Get("Authorization") {
			io.WriteString(w, string(c)+"|")
		}
	})
	c := newClient(t)
	p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, Credential: &spec.Credential{Scheme: "fly"}})
	for key, want := range map[string]string{
		"fm2_a,fm2_b":                   "FlyV1 fm2_a,fm2_b",
		"FlyV1 fm2_a,fm2_b":             "FlyV1 fm2_a,fm2_b",
		"Bearer FlyV1 fm2_a":            "FlyV1 fm2_a",
		"flyv1  fm1r_a , fm1a_b":        "FlyV1 fm1r_a,fm1a_b",
		" FlyV1 fm2_a\n":                "FlyV1 fm2_a",
		"fo1_user,fm2_a,fm2_b":          "FlyV1 fm2_a,fm2_b",
		"bearer fo1_user":               "Bearer fo1_user",
		"fo1_user":                      "Bearer fo1_user",
		"fm3_later":                     "Bearer fm3_later",
		"FlyV1 Bearer FlyV1 fm2_a,,fo1": "FlyV1 fm2_a",
	} {
		got, failure := c.Do(t.Context(), p, spec.NewSecret(key), get(url))
		if failure != nil {
			t.Errorf("%q: %v", key, failure)
			continue
		}
		sent := ""
		for i, letter := range string(got.Body) {
			if i%2 == 0 {
				sent += string(letter)
			}
		}
		if sent != want {
			t.Errorf("%q is sent as %q, want %q", key, sent, want)
		}
	}
	for _, key := range []string{"FlyV1 fm2_a\r\nX: y", "fm2_a\x00"} {
		if _, failure := c.Do(t.Context(), p, spec.NewSecret(key), get(url)); failure == nil || failure.Kind != spec.KindUnauthorized || failure.Sent {
			t.Errorf("%q: %+v", key, failure)
		}
	}
}
