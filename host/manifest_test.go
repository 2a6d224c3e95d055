package host

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestManifest_RefusesTimesThatAreMeantInOtherUnits(t *testing.T) {
	for wrong, edit := range map[string]func(map[string]any){
		"":                    func(m map[string]any) { m["listing_lag_ms"] = 600_000 },
		"its listing_lag_ms":  func(m map[string]any) { m["listing_lag_ms"] = 15_000_000_000 },
		"its listing_lag_ms ": func(m map[string]any) { m["listing_lag_ms"] = -1 },
		"a rate limit has a window_ms": func(m map[string]any) {
			m["rate_limits"] = []map[string]any{{"requests": 1, "window_ms": int64(1) << 60}}
		},
		"a rate limit has a window_ms above": func(m map[string]any) {
			m["rate_limits"] = []map[string]any{{"requests": 1, "window_ms": 60_000, "burst": 1 << 40}}
		},
	} {
		_, err := readManifest(manifestOf("acme", edit), map[string]bool{spec.OpDescribe: true})
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Message, wrong)) {
			t.Errorf("%v, want %q", err, wrong)
		}
	}
}

func TestOutput_CutsARetryAfterThatNoClockCounts(t *testing.T) {
	for said, want := range map[string]int64{"-1": 0, "2500": 2500, "9223372036854775807": 7 * 24 * 60 * 60 * 1000} {
		_, err := readOutput([]byte(`{"error":{"kind":"rate_limited","message":"slowly","retry_after_ms":` + said + `}}`))
		if err == nil || err.Kind != spec.KindRateLimited || err.RetryAfterMS != want {
			t.Errorf("%s: %+v, want %d", said, err, want)
		}
	}
}
