package mock

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// maxRaw bounds the error body that is passed on.
const maxRaw = 8 << 10

// failure makes an error of an answer that is not a success: the mock cloud's
// code word decides where it sends one, the status otherwise.
func failure(response *sdk.Response, secrets []string) *spec.Error {
	problem := rest.ReadProblem(response.Body)
	e := rest.Error(response, &problem)
	switch problem.Code {
	case "no_capacity":
		e.Kind = spec.KindCapacity
		e.Hint = "try another GPU, tier or region, or later"
	case "no_funds":
		e.Kind = spec.KindFunds
	case "conflict":
		e.Kind = spec.KindConflict
	case "invalid":
		e.Kind = spec.KindValidation
	}
	if e.Kind == spec.KindNotFound && problem.Code != "not_found" {
		e.Kind = spec.KindProvider
		e.Hint = "what answered is not the mock cloud; check base_url"
	}
	rest.SetRetryable(e)
	e.Message = rest.Hide(e.Message, secrets)
	if problem.JSON && len(response.Body) <= maxRaw {
		e.Raw = rest.Redact(response.Body, secretMembers[:], secrets)
	}
	return e
}
