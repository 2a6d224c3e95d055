package vast

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestErrors_GoByTheCodeBeforeTheStatus(t *testing.T) {
	for _, row := range []struct {
		status int
		body   string
		kind   spec.Kind
		wait   int64
	}{
		{429, `API requests too frequent`, spec.KindRateLimited, 0},
		{429, `API requests too frequent: endpoint threshold=4.5`, spec.KindRateLimited, 4500},
		{429, `{"detail":"API requests too frequent endpoint threshold=2.0"}`, spec.KindRateLimited, 2000},
		{429, `{"success":false,"error":"rate_limit_exceeded","msg":"API requests too frequent endpoint threshold=3.0."}`, spec.KindRateLimited, 3000},
		{429, `threshold=abc`, spec.KindRateLimited, 0},
		{200, `{"success":false,"error":"rate_limit_exceeded"}`, spec.KindRateLimited, 0},
		{401, `{"success":false,"error":"auth_error","msg":"Invalid user key"}`, spec.KindUnauthorized, 0},
		{404, `{"success":false,"error":"auth_error","msg":"Invalid user key"}`, spec.KindUnauthorized, 0},
		{404, `{"success":false,"msg":"Session expired. Please log in again."}`, spec.KindUnauthorized, 0},
		{401, `{"msg":"Two Factor Authentication required"}`, spec.KindUnauthorized, 0},
		{403, `{"success":false,"error":"invalid_args","msg":"error 403/3586: Offer 1 is not your own."}`, spec.KindForbidden, 0},
		{404, `{"success":false,"error":"invalid_args","msg":"error 404/3603: no_such_ask Instance type by id 1 is not available."}`, spec.KindCapacity, 0},
		{410, `{"success":false,"error":"no_such_ask","msg":"gone"}`, spec.KindCapacity, 0},
		{400, `{"success":false,"error":"no_such_ask"}`, spec.KindCapacity, 0},
		{200, `{"success":false,"error":"no_such_ask"}`, spec.KindCapacity, 0},
		{410, `{"success":false,"error":"deprecated_endpoint","msg":"deprecated"}`, spec.KindProvider, 0},
		{404, `{"success":false,"error":"no_such_instance","msg":"no"}`, spec.KindNotFound, 0},
		{404, `{"success":false,"error":"not_found","msg":"Instance not found"}`, spec.KindNotFound, 0},
		{404, `{"success":false,"msg":"something"}`, spec.KindNotFound, 0},
		{404, `<html>`, spec.KindProvider, 0},
		{400, `{"success":false,"error":"missing_billing","msg":"add a card"}`, spec.KindFunds, 0},
		{400, `{"success":false,"error":"spend_rate_limit","msg":"too fast"}`, spec.KindFunds, 0},
		{411, `{"success":false,"msg":"insufficient credit"}`, spec.KindFunds, 0},
		{402, ``, spec.KindFunds, 0},
		{400, `{"success":false,"error":"invalid_price","msg":"bid too low"}`, spec.KindCapacity, 0},
		{400, `{"success":false,"error":"invalid_price","msg":"Please set a price of at least 0.001"}`, spec.KindValidation, 0},
		{400, `{"success":false,"error":"no_ssh_key_for_vm","msg":"no key"}`, spec.KindValidation, 0},
		{400, `{"error":"invalid_request","msg":"Invalid json body"}`, spec.KindValidation, 0},
		{200, `{"success":false,"error":"invalid_args","msg":"x"}`, spec.KindValidation, 0},
		{200, `{"success":false}`, spec.KindProvider, 0},
		{500, `{"detail":"boom"}`, spec.KindProvider, 0},
		{502, `<html>`, spec.KindProvider, 0},
		{504, ``, spec.KindTimeout, 0},
	} {
		response := say(row.status, row.body)
		e := failure(&response, nil)
		if e.Kind != row.kind || e.RetryAfterMS != row.wait || e.Status != row.status || e.Message == "" {
			t.Errorf("%d %s: %+v", row.status, row.body, e)
		}
		if retry := row.kind == spec.KindRateLimited || row.kind == spec.KindCapacity || row.kind == spec.KindTimeout || row.status >= 500; e.Retryable != retry {
			t.Errorf("%d %s: retryable %v", row.status, row.body, e.Retryable)
		}
	}
}

func TestErrors_DoNotBlameTheKeyOfAHost(t *testing.T) {
	own, lacking := say(403, `{"success":false,"error":"invalid_args","msg":"error 403/3586: Offer 1 is not your own. Hosts can only rent their own machines."}`), say(403, `{"success":false,"error":"forbidden","msg":"no"}`)
	if e := failure(&own, nil); !strings.Contains(e.Hint, "the account is a host's") {
		t.Errorf("%+v", e)
	}
	if e := failure(&lacking, nil); !strings.Contains(e.Hint, "the key lacks the right") {
		t.Errorf("%+v", e)
	}
}
