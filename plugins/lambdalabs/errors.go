package lambdalabs

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	maxRaw     = 8 << 10 // of an error body that is passed on
	busyMS     = 10_000  // how long to stay away after a 429, of which Lambda says nothing
	launchesMS = 12_000  // the same for launches
	leastEcho  = 8       // bytes of a secret that count as an echo of it
)

// secretMembers are the members whose values are hidden in raw answers and
// errors. Jupyter's are live credentials that come with every listing.
var secretMembers = [...]string{"jupyter_token", "jupyter_url", "private_key", "user_data", "password", "secret", "token"}

// codeCapacity is the code of a launch that found no room.
const codeCapacity = "instance-operations/launch/insufficient-capacity"

// problem is Lambda's error body.
type problem struct {
	own                       bool // it is one
	code, message, suggestion string
}

func readProblem(text string) problem {
	r := jsonx.New(jsonx.Field(text, "error"))
	var p problem
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "code":
			p.code = r.Text()
		case "message":
			p.message = r.Text()
		case "suggestion":
			p.suggestion = r.Text()
		default:
			r.Skip()
		}
	}
	p.own = p.code != ""
	return p
}

// failure makes an error of an answer that is not a success. Lambda promises its
// codes alone, so they decide; a code that came later is taken by its status.
func failure(c *call, response *sdk.Response) *spec.Error {
	p := readProblem(response.Body)
	prose := rest.ReadProblem(response.Body)
	if p.own {
		prose.Text = p.message
	}
	e := rest.Error(response, &prose)
	classify(e, &p, c)
	rest.SetRetryable(e)
	e.Retryable = e.Retryable || strings.HasPrefix(p.code, "provider/")
	if e.Hint == "" {
		e.Hint = p.suggestion
	}
	e.Message, e.Hint = conceal(e.Message, c.secrets), conceal(e.Hint, c.secrets)
	switch {
	case !p.own || len(response.Body) > maxRaw:
	case len(c.secrets) == 0:
		e.Raw = rest.Redact(response.Body, secretMembers[:], nil)
	default:
		// An error may repeat the request in members of any name.
		e.Raw = p.encode(c.secrets)
	}
	return e
}

// encode writes what the error says, without what it repeats of the request.
func (p *problem) encode(secrets []string) spec.Raw {
	w := jsonx.Writer{}
	w.Open('{')
	w.Key("error")
	w.Open('{')
	w.Key("code")
	w.Text(conceal(p.code, secrets))
	w.Key("message")
	w.Text(conceal(p.message, secrets))
	w.TextField("suggestion", conceal(p.suggestion, secrets))
	w.Close('}')
	w.Close('}')
	return w.Buf
}

// classify sets the kind and the hint where Lambda means more than the status
// says.
func classify(e *spec.Error, p *problem, c *call) {
	launch := c.path == launchPath
	switch {
	case e.Status == 429:
		if e.RetryAfterMS == 0 {
			e.RetryAfterMS = busyMS
			if launch {
				e.RetryAfterMS = launchesMS
			}
		}
		e.Hint = "Lambda takes one request a second and one launch in 12 seconds, of all programs together that use the account"
	case strings.HasSuffix(p.code, "/insufficient-capacity"):
		e.Kind = spec.KindCapacity
		e.Hint = "what Lambda lists as available may be gone a second later; try another region or type, or later"
	case p.code == "global/quota-exceeded":
		e.Kind = spec.KindFunds
		e.Hint = "the account's quota is reached: terminate machines, or ask Lambda's support for more"
	case p.code == "global/account-inactive":
		e.Kind = spec.KindForbidden
		e.Hint = "Lambda wants a verified e-mail address and a valid payment method first"
	case p.code == "global/invalid-address":
		e.Kind = spec.KindFunds
		e.Hint = "Lambda wants a valid billing address first"
	case p.code == "global/invalid-api-key" || e.Status == 401:
		e.Kind = spec.KindUnauthorized
		e.Hint = "set providers.lambda_labs.api_key or LAMBDA_LABS_API_KEY to a key of Lambda's console"
	case strings.HasPrefix(p.code, "provider/"):
		// Something behind Lambda failed, whatever the status. A launch may have
		// gone through all the same.
		e.Kind = spec.KindProvider
		e.Hint = "something behind Lambda failed; try again shortly"
		e.UnknownOutcome = launch
	case p.code == "global/object-does-not-exist" && (launch || c.method == "POST" && e.Status == 400):
		e.Kind = spec.KindValidation
		e.Hint = "an SSH key, filesystem, image, firewall ruleset, type or region of that name does not exist there"
	case p.code == "global/object-does-not-exist" || p.code == "global/not-found":
		e.Kind = spec.KindNotFound
	case p.code == "global/duplicate" || p.code == "global/conflict" || strings.HasSuffix(p.code, "-in-use"):
		e.Kind = spec.KindConflict
	case p.code == "instance-operations/launch/file-system-in-wrong-region":
		e.Kind = spec.KindValidation
		e.Hint = "a filesystem can be mounted in its own region only"
	case e.Status == 403 && !p.own:
		e.Hint = "something in front of Lambda refused the request; the network or the client is blocked, the key is not at fault"
	case e.Status == 404 && !p.own:
		// A page of something between must not pass for a machine that is gone.
		e.Kind = spec.KindProvider
		e.Message = "not found, and not in Lambda's words"
		e.Hint = "check base_url, and what is between this machine and Lambda"
	case e.Status == 410: // of an API that ended, which must not pass for a machine that is gone either
		e.Kind = spec.KindProvider
		e.Hint = "Lambda has retired this API; a newer plugin is needed"
	}
}

// taken reports whether a refusal may mean that a name is in use. The document has
// no code of its own for that but for filesystems; clients report several.
func taken(e *spec.Error) bool { return e.Kind == spec.KindConflict || e.Kind == spec.KindValidation }

// conceal hides what a text repeats of the secrets, cut off or not, and all of
// it from where it begins to repeat the machine's script.
func conceal(text string, secrets []string) string {
	if len(secrets) == 0 {
		return text
	}
	if at := strings.Index(text, scriptHead); at >= 0 {
		text = text[:at] + spec.Redacted
	}
	text = rest.Hide(text, secrets)
	for _, secret := range secrets {
		if len(secret) < leastEcho {
			continue
		}
		for from := 0; ; {
			at := strings.Index(text[from:], secret[:leastEcho])
			if at < 0 {
				break
			}
			at += from
			end := at + leastEcho
			for end < len(text) && end-at < len(secret) && text[end] == secret[end-at] {
				end++
			}
			text = text[:at] + spec.Redacted + text[end:]
			from = at + len(spec.Redacted)
		}
	}
	return text
}
