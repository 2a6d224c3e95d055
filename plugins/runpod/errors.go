package runpod

import (
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// maxRaw bounds the error body that is passed on.
const maxRaw = 8 << 10

// failure makes an error of an answer that is not a success. No text of secrets
// occurs in it.
func failure(response *sdk.Response, secrets []string) *spec.Error {
	problem := rest.ReadProblem(response.Body)
	e := rest.Error(response, &problem)
	classify(e, &problem, response)
	rest.SetRetryable(e)
	e.Message = rest.Hide(e.Message, secrets)
	if problem.JSON && len(response.Body) <= maxRaw {
		e.Raw = rest.Redact(response.Body, secretMembers[:], secrets)
	}
	return e
}

// classify sets the kind and the hint where RunPod means more than the status
// says.
func classify(e *spec.Error, problem *rest.Problem, response *sdk.Response) {
	prose := strings.ToLower(e.Message)
	switch {
	case e.Status == 403 && !problem.JSON:
		// Cloudflare, in front of RunPod: "error code: 1010" and its kin.
		e.Hint = "RunPod's edge refused the request before RunPod saw it; the network or the client is blocked, the key is not at fault"
	case e.Status == 404 && !problem.JSON && len(response.Body) > 0:
		// RunPod says "not found" in JSON. A page of something between must not
		// pass for a machine that is gone.
		foreign(e)
	case e.Status == 410:
		e.Kind = spec.KindProvider
		e.Hint = "RunPod has retired this API; a newer plugin is needed"
	case (e.Status == 400 || e.Status >= 500) && contains(prose, funds[:]), e.Status == 402:
		e.Kind = spec.KindFunds
		e.Hint = "add credit or raise the spend limit in RunPod's console; a new pod needs an hour's credit"
	case (e.Status == 400 || e.Status == 409 || e.Status >= 500) && contains(prose, capacity[:]):
		e.Kind = spec.KindCapacity
		e.Hint = "RunPod has none free now; try another GPU, tier or region, or later"
	case e.Status == 401:
		e.Hint = "set providers.runpod.api_key or RUNPOD_API_KEY to a key of RunPod's console"
	case e.Status == 403:
		e.Hint = "the key lacks the right for this, or the account may not use this pool"
	case e.Status == 409:
		e.Hint = "the pod's state does not permit this now, or the pod is locked or belongs to a cluster"
	case e.Status == 413:
		e.Hint = "RunPod takes 102400 bytes, the template included"
	case e.Status == 429:
		e.RetryAfterMS = max(e.RetryAfterMS, windowMS(response.Header("ratelimit")))
	}
}

// foreign makes of a "not found" what it is where RunPod has not said it.
func foreign(e *spec.Error) {
	e.Kind = spec.KindProvider
	e.Message = "not found, and not in RunPod's words"
	e.Hint = "check base_url, and what is between this machine and RunPod"
}

// capacity are the sentences that mean "none free, nothing created", in lower
// case: those observed at RunPod's older APIs, and likely kin. REST v2 documents
// that it has no code for it.
var capacity = [...]string{
	"no instances currently available", "no instances available", "no longer any instances available",
	"does not have the resources", "not enough free gpu", "could not find any pods with required specifications",
	"no capacity", "insufficient capacity", "out of capacity", "capacity exhausted", "could not be placed", "out of stock", "sold out",
	"no gpus available", "no gpu available", "no machines available", "no resources available", "insufficient resources",
	"no available machine", "no available gpu", "not enough capacity",
}

// funds are the sentences that mean the account cannot pay.
var funds = [...]string{"insufficient balance", "insufficient funds", "insufficient credit", "balance is too low", "not enough credit", "spend limit", "spending limit"}

func contains(prose string, sentences []string) bool {
	for _, sentence := range sentences {
		if strings.Contains(prose, sentence) {
			return true
		}
	}
	return false
}

// windowMS reads RateLimit ("minute";r=0;t=12, "hour";r=2800;t=1812) and returns
// the longest time until an exhausted window opens. Retry-After alone tells of
// one window, and another may be exhausted longer.
func windowMS(header string) int64 {
	longest := int64(0)
	for _, window := range strings.Split(header, ",") {
		left, seconds := int64(1), int64(0)
		for _, part := range strings.Split(window, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			number, err := strconv.ParseInt(value, 10, 32)
			if err != nil {
				continue
			}
			switch key {
			case "r":
				left = number
			case "t":
				seconds = number
			}
		}
		if left <= 0 {
			longest = max(longest, seconds*1000)
		}
	}
	return longest
}
