package atlas_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/exatlas/atlas"
)

func TestCredentials_PrintRedacted(t *testing.T) {
	const canary = "canary-kX9fP"
	values := []any{
		atlas.ComputeAuth{Scheme: "bearer", Token: canary, Header: "Authorization: Bearer " + canary},
		atlas.MintedToken{Token: canary, Header: canary, Env: map[string]string{"ATLAS_PRESHARED_KEY": canary}},
		atlas.FlyToken{App: "my-api", Token: canary, Header: canary, Source: "manual"},
		atlas.NewSecret(canary),
	}
	for _, v := range values {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, canary) || !strings.Contains(text, "[redacted]") {
				t.Errorf("%s of a %T is %s", format, v, text)
			}
		}
	}
}
