package fly

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// maxRaw bounds the error body that is passed on.
const maxRaw = 8 << 10

// failure makes an error of an answer that is not a success. No text of secrets
// occurs in it. Fly's support asks for the request id it sends with each answer,
// so the message keeps it.
func failure(response *sdk.Response, secrets []string) *spec.Error {
	problem := rest.ReadProblem(response.Body)
	e := rest.Error(response, &problem)
	code := ""
	if problem.JSON {
		r := jsonx.New(jsonx.Field(response.Body, "status"))
		code = r.Text()
	}
	id := response.Header("fly-request-id")
	classify(e, code, problem.JSON || id != "")
	rest.SetRetryable(e)
	e.Retryable = e.Retryable || leaseHeld(e)
	if id != "" {
		e.Message += " (fly-request-id " + id + ")"
	}
	e.Message = rest.Hide(e.Message, secrets)
	if problem.JSON && len(response.Body) <= maxRaw {
		e.Raw = rest.Redact(response.Body, secretMembers[:], secrets)
	}
	return e
}

// classify sets the kind and the hint where Fly means more than the status says.
// code is the word that Fly puts beside the text in some answers; own tells that
// Fly itself spoke, and not something between.
func classify(e *spec.Error, code string, own bool) {
	prose := strings.ToLower(e.Message)
	switch {
	case e.Status == 404 && !own:
		// A page of something between must not pass for a machine that is gone.
		e.Kind = spec.KindProvider
		e.Message = "not found, and not in Fly's words"
		e.Hint = "check base_url, and what is between this machine and Fly"
	case e.Status == 410: // of an API that ended, which must not pass for a machine that is gone either
		e.Kind = spec.KindProvider
		e.Hint = "Fly has retired this API; a newer plugin is needed"
	case refusing(e.Status) && strings.Contains(prose, "over the allowed quota"): // before shortage: it is the organization's limit, in every region
		e.Kind = spec.KindFunds
		e.Hint = "the organization's quota is reached: terminate machines, or ask Fly for more"
	case shortage(e.Status, code, prose):
		e.Kind = spec.KindCapacity
		e.Hint = "Fly has no room there now: name other regions, or try later; a machine with a volume is bound to the volume's host"
	case e.Status == 402 || (e.Status == 403 || e.Status == 422) && contains(prose, funds[:]):
		e.Kind = spec.KindFunds
		e.Hint = "settle the organization's billing in Fly's dashboard"
	case e.Status == 400 && strings.Contains(prose, "gpu"):
		e.Hint = gpuEnded
	case e.Status == 401:
		e.Hint = "set providers.fly.api_key, FLY_ACCESS_TOKEN or FLY_API_TOKEN; the token may have expired: those of fly auth login last for hours, those of fly tokens create as long as they say"
	case e.Status == 403:
		e.Hint = "the token lacks the right for this, or the app is another organization's; a token made for one app needs that app in provider_opts.app or providers.fly.config"
	case e.Status == 408:
		e.Hint = "Fly gave up waiting; what was asked for may happen all the same"
	case leaseHeld(e):
		e.Hint = "another tool, such as fly deploy, holds the machine's lease; leases last seconds, so try again"
	case e.Status == 409:
		e.Hint = "the machine's state does not permit this now, or the name is taken"
	case e.Status == 412:
		e.Kind = spec.KindConflict
		e.Hint = "the machine changed meanwhile; look at it and try again"
	case taken(e.Status, code, prose):
		e.Kind = spec.KindConflict
		e.Hint = "names of Fly apps are global; choose another one in provider_opts.app"
	}
}

// leaseHeld reports whether a machine is refused for a lease, which passes by itself
// within seconds: that of a deploy, or of a stop whose caller left.
func leaseHeld(e *spec.Error) bool {
	return e.Status == 409 && e.Kind == spec.KindConflict && strings.Contains(strings.ToLower(e.Message), "lease")
}

// shortage reports whether an answer means "no room, nothing created". Fly has
// one code word for it, later ones that begin alike, and many sentences on many
// statuses.
func shortage(status int, code, prose string) bool {
	if code == "insufficient_capacity" || strings.HasPrefix(code, "volume_placement") {
		return true
	}
	return refusing(status) && contains(prose, capacity[:])
}

// refusing reports whether Fly has said on such a status that there is no room, or
// that a limit is reached.
func refusing(status int) bool {
	switch status {
	case 400, 403, 409, 412, 422:
		return true
	}
	return status >= 500
}

// taken reports whether an answer means that an app's name is in use.
func taken(status int, code, prose string) bool {
	return code == "name_taken" || status == 422 && strings.Contains(prose, "already been taken")
}

// capacity are the sentences that mean a shortage, in lower case, as users report
// them.
var capacity = [...]string{"insufficient resources", "insufficient memory", "insufficient capacity", "insufficient cpu", "no capacity",
	"could not reserve resource", "not enough capacity"}

// funds are the sentences that mean the organization cannot pay.
var funds = [...]string{"payment method", "credit card", "billing", "past due", "overdue", "insufficient balance", "insufficient credit"}

func contains(prose string, sentences []string) bool {
	for _, sentence := range sentences {
		if strings.Contains(prose, sentence) {
			return true
		}
	}
	return false
}
