package fly

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestErrors_HaveTheKindThatFlyMeans(t *testing.T) {
	for _, row := range []struct {
		status int
		body   string
		kind   spec.Kind
		hint   string
	}{
		{400, `{"error":"bad parameters"}`, spec.KindValidation, ""},
		{400, `{"error":"GPU machines are no longer supported"}`, spec.KindValidation, "2026-08-01"},
		{400, `{"error":"no capacity"}`, spec.KindCapacity, ""},
		{401, `{"error":"Authenticate: token validation error"}`, spec.KindUnauthorized, "FLY_ACCESS_TOKEN"},
		{401, ``, spec.KindUnauthorized, ""},
		{402, `{"error":"pay"}`, spec.KindFunds, ""},
		{403, `{"error":"unauthorized"}`, spec.KindForbidden, "provider_opts.app"},
		{403, `{"error":"machines: over the allowed quota"}`, spec.KindFunds, "quota"},
		{403, `{"error":"We need your payment information: add a credit card"}`, spec.KindFunds, ""},
		{404, `{"error":"machine not found"}`, spec.KindNotFound, ""},
		{408, `{"error":"launch timed out"}`, spec.KindTimeout, "all the same"},
		{409, `{"error":"machine lease currently held by x"}`, spec.KindConflict, "lease"},
		{409, `{"error":"already_exists"}`, spec.KindConflict, "taken"},
		{409, `{"error":"aborted: insufficient memory available to fulfill request"}`, spec.KindCapacity, ""},
		{410, `{"error":"this API is gone"}`, spec.KindProvider, "newer plugin"},
		{412, `{"error":"version mismatch"}`, spec.KindConflict, "meanwhile"},
		{412, `{"error":"insufficient resources to create new machine with existing volume"}`, spec.KindCapacity, ""},
		{422, `{"error":"Validation failed: Name has already been taken"}`, spec.KindConflict, "global"},
		{422, `{"error":"x","status":"name_taken"}`, spec.KindConflict, "global"},
		{422, `{"error":"invalid config"}`, spec.KindValidation, ""},
		{422, `{"error":"x","status":"insufficient_capacity"}`, spec.KindCapacity, ""},
		{422, `{"error":"x","status":"volume_placement_failed"}`, spec.KindCapacity, ""},
		{422, `{"message":"could not reserve resource for machine"}`, spec.KindCapacity, ""},
		{429, `rate limited`, spec.KindRateLimited, ""},
		{500, `{"error":"boom","status":"unknown"}`, spec.KindProvider, ""},
		{500, `{"error":"insufficient resources"}`, spec.KindCapacity, ""},
		{502, `<html>bad gateway</html>`, spec.KindProvider, ""},
		{503, ``, spec.KindProvider, ""},
	} {
		response := says(row.status, row.body, "fly-request-id", "01ABC-ord")
		e := failure(&response, nil)
		if e.Kind != row.kind || e.Status != row.status || !strings.Contains(e.Hint, row.hint) || !strings.HasSuffix(e.Message, "(fly-request-id 01ABC-ord)") {
			t.Errorf("%d %s: %+v", row.status, row.body, e)
		}
		if e.Retryable != (row.kind == spec.KindCapacity || row.kind == spec.KindRateLimited || row.kind == spec.KindTimeout || row.status >= 500 || row.hint == "lease") {
			t.Errorf("%d %s: retryable %v", row.status, row.body, e.Retryable)
		}
	}
}

func TestErrors_DoNotTakeAStrangersPageForFlys(t *testing.T) {
	response := says(404, `404 page not found`)
	if e := failure(&response, nil); e.Kind != spec.KindProvider || !strings.Contains(e.Hint, "base_url") {
		t.Errorf("%+v", e)
	}
	response = says(404, ``, "fly-request-id", "01")
	if e := failure(&response, nil); e.Kind != spec.KindNotFound {
		t.Errorf("%+v", e)
	}
	response = says(429, `{"error":"slow down"}`, "retry-after", "7")
	if e := failure(&response, nil); e.RetryAfterMS != 7000 {
		t.Errorf("%+v", e)
	}
}

func TestLease_IsReadInEitherShape(t *testing.T) {
	for body, want := range map[string]string{`{"status":"success","data":{"nonce":"a"}}`: "a", `{"nonce":"b"}`: "b", `{}`: "", `x`: ""} {
		if got := readNonce(body); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
}
