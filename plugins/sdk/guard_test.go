package sdk

import (
	"net/url"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

type answered struct{}

func (answered) Do(Request) (Response, *spec.Error) { return Response{Status: 200}, nil }

// TestGuard_SendsNoIdentifierThatLeadsElsewhere: the host refuses these as the
// plugin's mistake, and they are the caller's.
func TestGuard_SendsNoIdentifierThatLeadsElsewhere(t *testing.T) {
	for id, sent := range map[string]bool{"abc": true, "a/b": true, "a..b": true, "...": true, "..a": true, "a%2e": true, "..%": true,
		"..": false, ".": false, "../pods": false, "a/../b": false, "a/..": false, `..\b`: false, "./": false} {
		for _, behind := range []string{"", "/logs", "?x=/../y"} {
			_, err := guard{answered{}}.Do(Request{Method: "GET", URL: "https://api.example.com/v2/pods/" + url.PathEscape(id) + behind})
			if (err == nil) != sent || err != nil && err.Kind != spec.KindValidation {
				t.Errorf("%q before %q: %v", id, behind, err)
			}
		}
	}
}
