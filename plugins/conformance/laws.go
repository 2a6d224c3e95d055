package conformance

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// The laws of every call.
const (
	lawAnswers   = "an operation always answers a value or an error; it never traps, hangs or leaves its limits"
	lawError     = "an error has a kind that callers can act on, and a message"
	lawValue     = "a value is what docs/methods.md says of its type"
	lawSecret    = "no answer, error or log shows a secret"
	lawAddress   = "requests go below the addresses the host gave, with what the caller said escaped"
	lawNoRetry   = "a plugin never sends the same request again after a failure: the host retries"
	lawStatus    = "the kind of an error follows the HTTP status"
	lawFails     = "a failure of the cloud is never taken for success"
	lawConfirmed = "a machine is given back only where the cloud says so in its own words"
	lawClean     = "what a create left is taken away only where the cloud says so in its own words"
	lawWait      = "Retry-After of a 429 comes through as retry_after_ms"
	lawUnknown   = "a create whose fate is not known has unknown_outcome"
	lawKnown     = "a create that the cloud refused has no unknown_outcome"
	lawOffline   = "what the provider lacks is unsupported before any request"
	lawRefused   = "a request that cannot be right is refused before anything is changed at the cloud"
	lawRecorded  = "the recorded answers give the recorded result"
	lawTheSame   = "unknown members of an answer change nothing"
	lawEnds      = "a listing whose pages never end is given up"
	lawCancelled = "a call that is cancelled or out of time ends with that kind"
	lawApart     = "calls in flight at once do not get each other's answers"
	lawGrowth    = "memory does not grow with the number of calls"
	lawManifest  = "the manifest is complete and true"
)

// The laws by which no machine is lost, taken for another, or rented twice.
const (
	lawCarries = "a create carries its request id as it is, and all that it was asked for, or is refused"
	lawFound   = "a listing gives back the request id of a create"
	lawOnce    = "a create is sent once, whatever the cloud answers"
	lawOwn     = "an operation answers the machine it was asked about, and find_compute no other than those"
	lawWhole   = "a listing holds every machine of every page, or is an error"
	lawGone    = "a machine that the cloud does not know is terminated: its id, status terminated and no native_status"
	lawState   = "a state that nobody knows is provisioning"
	lawUnseen  = "not_found is the cloud's own word, never that of something between"
)

// always are the laws of every trial.
func (s *suite) always(t *trial) []law {
	return []law{
		{lawAnswers, func(o *outcome) string {
			if o.err != nil && (o.err.Kind == spec.KindPlugin || o.err.Kind == spec.KindInternal) {
				return describe(o)
			}
			return ""
		}},
		{lawError, func(o *outcome) string {
			if o.err != nil && (!spec.KnownKind(o.err.Kind) || strings.TrimSpace(o.err.Message) == "") {
				return describe(o)
			}
			return ""
		}},
		{lawValue, func(o *outcome) string {
			if o.err != nil {
				return ""
			}
			if wrong := checkValue(t.operation, s.manifest.Name, o.value); wrong != "" {
				return wrong + " in " + string(o.value)
			}
			return ""
		}},
		{lawSecret, func(o *outcome) string { return shown(o, canary, envCanary) }},
		{lawAddress, s.astray},
	}
}

// describe is an outcome in one line.
func describe(o *outcome) string {
	if o.err == nil {
		return "the value " + string(o.value)
	}
	text := "the error " + string(o.err.Kind)
	if o.err.Status != 0 {
		text += ", status " + strconv.Itoa(o.err.Status)
	}
	if o.err.RetryAfterMS != 0 {
		text += ", retry after " + strconv.FormatInt(o.err.RetryAfterMS, 10) + " ms"
	}
	if o.err.UnknownOutcome {
		text += ", unknown outcome"
	}
	return text + ": " + o.err.Message
}

// shown returns where a secret is shown, "" where it is not.
func shown(o *outcome, secrets ...string) string {
	for _, secret := range secrets {
		if strings.Contains(string(o.value), secret) {
			return "the value holds " + secret
		}
		if strings.Contains(o.logs, secret) {
			return "the log holds " + secret
		}
		if e := o.err; e != nil && strings.Contains(e.Message+e.Hint+string(e.Raw)+string(e.Details), secret) {
			return "the error holds " + secret + ": " + e.Message
		}
		for _, one := range o.sent {
			if strings.Contains(one.url, secret) {
				return "the URL of a request holds " + secret
			}
		}
	}
	return ""
}

// astray returns the first request that leaves the addresses of the manifest.
func (s *suite) astray(o *outcome) string {
	for _, one := range o.sent {
		below := len(s.manifest.URLs) == 0
		for _, u := range s.manifest.URLs {
			base, _, _ := strings.Cut(u.URL, "{")
			below = below || strings.HasPrefix(one.url, strings.TrimRight(base, "/"))
		}
		for _, pattern := range s.manifest.Hosts { // an address that the cloud itself has told
			host, _, _ := strings.Cut(strings.TrimPrefix(one.url, "https://"), "/")
			below = below || host == pattern || strings.HasPrefix(pattern, "*.") && strings.HasSuffix(host, pattern[1:])
		}
		path, _, _ := strings.Cut(one.url, "?")
		if !below || strings.Contains(path, "/../") || strings.HasSuffix(path, "/..") || strings.Contains(one.url, "#") {
			return one.method + " " + one.url
		}
	}
	return ""
}

// kindsOf lists the kinds that an error of that status may have; nil: any but
// those of success.
func kindsOf(status int) []spec.Kind {
	switch status {
	case http.StatusUnauthorized:
		return []spec.Kind{spec.KindUnauthorized}
	case http.StatusPaymentRequired:
		return []spec.Kind{spec.KindFunds}
	case http.StatusForbidden:
		return []spec.Kind{spec.KindForbidden, spec.KindUnauthorized}
	case http.StatusNotFound, http.StatusGone: // provider: what answered is not the cloud
		return []spec.Kind{spec.KindNotFound, spec.KindProvider, spec.KindValidation, spec.KindCapacity}
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return []spec.Kind{spec.KindTimeout, spec.KindProvider, spec.KindTransport}
	case http.StatusConflict:
		return []spec.Kind{spec.KindConflict, spec.KindCapacity, spec.KindValidation}
	case http.StatusTooManyRequests:
		return []spec.Kind{spec.KindRateLimited}
	}
	if status < 400 { // a redirect that the host does not follow
		return []spec.Kind{spec.KindUnknown, spec.KindProvider, spec.KindValidation}
	}
	if status >= 500 {
		return []spec.Kind{spec.KindProvider, spec.KindTimeout, spec.KindTransport, spec.KindCapacity}
	}
	return []spec.Kind{spec.KindValidation, spec.KindCapacity, spec.KindConflict, spec.KindFunds, spec.KindNotFound, spec.KindProvider, spec.KindUnsupported, spec.KindForbidden}
}

// follows is the law of kinds for an answer of that status.
func follows(status int) law {
	return law{lawStatus, func(o *outcome) string {
		if o.err == nil || o.err.Status != status && (o.err.Status != 0 || len(o.sent) > 1) {
			return "" // another answer's
		}
		if kinds := kindsOf(status); !slices.Contains(kinds, o.err.Kind) {
			return describe(o) + " on HTTP status " + strconv.Itoa(status) + "; right are " + join(kinds)
		}
		return ""
	}}
}

func join(kinds []spec.Kind) string {
	var words []string
	for _, k := range kinds {
		words = append(words, string(k))
	}
	return strings.Join(words, ", ")
}

// fails is the law that a failure is none to pass over, but for the statuses that
// are what was asked for; and find_compute may look in one place after another.
func fails(operation string, status int) law {
	return law{lawFails, func(o *outcome) string {
		gone := status == http.StatusNotFound || status == http.StatusGone
		elsewhere := operation == spec.OpFind && len(o.sent) > 1 && (gone || status == http.StatusForbidden)
		if o.err != nil || len(o.sent) == 0 || settles(operation, status) || elsewhere {
			return ""
		}
		return describe(o)
	}}
}

// settles reports whether a status may be what was asked for: a terminated machine
// may be gone, and what a create left may be so, or never have been this account's.
func settles(operation string, status int) bool {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return operation == spec.OpTerminate || operation == spec.OpCleanUp
	case http.StatusForbidden:
		return operation == spec.OpCleanUp
	}
	return false
}

// waits is the law of Retry-After.
func waits(seconds int64) law {
	return law{lawWait, func(o *outcome) string {
		if o.err == nil || o.err.Kind != spec.KindRateLimited || o.err.RetryAfterMS == seconds*1000 {
			return ""
		}
		return describe(o) + "; Retry-After was " + strconv.FormatInt(seconds, 10)
	}}
}

// creates reports whether doing an operation twice does it twice.
func creates(operation string) bool { return operation == spec.OpSpawn || operation == spec.OpRunJob }

// unsure is the law of creates whose fate is not known. A plugin that cleaned up
// after itself knows.
func unsure(operation, method, url string) law {
	return law{lawUnknown, func(o *outcome) string {
		if o.err == nil || !creates(operation) || o.err.UnknownOutcome {
			return ""
		}
		after := false
		for _, one := range o.sent {
			if after && one.method == http.MethodDelete {
				return ""
			}
			after = after || one.method == method && one.url == url
		}
		if !after {
			return ""
		}
		return describe(o)
	}}
}
