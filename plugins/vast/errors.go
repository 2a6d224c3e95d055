package vast

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// maxRaw bounds the error body that is passed on.
const maxRaw = 8 << 10

// failure makes an error of an answer that is not a success. No text of secrets
// occurs in it.
func failure(response *sdk.Response, secrets []string) *spec.Error {
	problem := rest.ReadProblem(response.Body)
	code := ""
	if problem.JSON {
		code, problem = vastProblem(response.Body, problem)
	}
	e := rest.Error(response, &problem)
	classify(e, code, problem.JSON)
	rest.SetRetryable(e)
	e.Message = rest.Hide(e.Message, secrets)
	if problem.JSON && len(response.Body) <= maxRaw {
		e.Raw = rest.Redact(response.Body, secretMembers[:], secrets)
	}
	return e
}

// vastProblem reads Vast's own shape, {"success":false,"error":code,"msg":text},
// of which any member may be missing.
func vastProblem(body string, problem rest.Problem) (code string, out rest.Problem) {
	r := jsonx.New(body)
	said := ""
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "error":
			code = r.Text()
		case "msg":
			said = r.Text()
		default:
			r.Skip()
		}
	}
	if said != "" {
		problem.Text = rest.ReadProblem(said).Text // its first line, at most so long
	}
	return code, problem
}

// classify sets the kind and the hint. Vast's status is the last thing to go by:
// a bad key may be 404, an offer that is gone 400, 404 or 410, a refusal 200.
// code is its code word, own tells that Vast itself spoke and not something
// between.
func classify(e *spec.Error, code string, own bool) {
	prose := strings.ToLower(code + " " + e.Message)
	switch {
	case e.Status == 429 || contains(prose, "too frequent", "rate_limit_exceeded"):
		e.Kind = spec.KindRateLimited
		e.RetryAfterMS = max(e.RetryAfterMS, thresholdMS(prose))
		e.Hint = "Vast.ai limits each endpoint by itself; the host keeps to the published paces, and other users of the key count, too"
	case e.Status == 401 || contains(prose, "auth_error", "invalid user key", "two factor", "session expired"):
		e.Kind = spec.KindUnauthorized
		e.Hint = "set providers.vast.api_key or VAST_API_KEY to a key of the account's keys page; an account with two-factor authentication needs a key made for the API"
	case contains(prose, "no_such_ask", "no longer available", "is not available"):
		e.Kind = spec.KindCapacity
		e.Hint = "somebody else rented this offer, or its host withdrew it; take another one"
	case e.Status == 402 || e.Status == 411 || contains(prose, "missing_billing", "insufficient", "spend_rate_limit", "lacks credit", "add credit", "not enough credit"):
		e.Kind = spec.KindFunds
		e.Hint = "add credit in Vast.ai's console; a new account has a limit on what it may spend an hour"
	case code == "deprecated_endpoint" || e.Status == 410 && own:
		e.Kind = spec.KindProvider
		e.Hint = "Vast.ai has retired this API; a newer plugin is needed"
	case contains(prose, "bid") && contains(prose, "too low", "below", "outbid", "higher"):
		e.Kind = spec.KindCapacity
		e.Hint = "the bid is below what the machine goes for now; raise bid_per_hour"
	case contains(prose, "no_such_instance", "not_found", "invalid_id"):
		e.Kind = spec.KindNotFound
	case e.Status == 404 && !own:
		// Vast says "not found" in JSON. A page of something between must not pass
		// for a machine that is gone.
		e.Kind = spec.KindProvider
		e.Message = "not found, and not in Vast.ai's words"
		e.Hint = "check base_url, and what is between this machine and Vast.ai"
	case e.Status == 403 && strings.Contains(prose, "not your own"):
		e.Hint = "the account is a host's, which can rent its own machines alone: use an account that hosts none"
	case e.Status == 403:
		e.Hint = "the key lacks the right for this; renting needs the rights misc, instance_read and instance_write, bills billing_read"
	case e.Status >= 200 && e.Status < 300:
		e.Kind = spec.KindProvider
		if contains(prose, "invalid_") {
			e.Kind = spec.KindValidation
		}
	case strings.Contains(prose, "no_ssh_key_for_vm"):
		e.Hint = "a virtual machine needs an SSH key in the account before it is rented"
	}
}

// thresholdMS reads "API requests too frequent: endpoint threshold=4.5": the
// least number of seconds between two requests.
func thresholdMS(prose string) int64 {
	_, text, found := strings.Cut(prose, "threshold=")
	if !found {
		return 0
	}
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || text[end] == '.') {
		end++
	}
	seconds, err := strconv.ParseFloat(strings.TrimRight(text[:end], "."), 64)
	if err != nil || seconds <= 0 || seconds > 3600 {
		return 0
	}
	return int64(seconds*1000 + 0.5)
}

func contains(prose string, words ...string) bool {
	for _, word := range words {
		if strings.Contains(prose, word) {
			return true
		}
	}
	return false
}
