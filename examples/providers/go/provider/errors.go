package provider

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// failure makes an error of an answer that is no success: the status decides its
// kind, and Acme's code word where the status does not tell enough.
func failure(response *sdk.Response, secrets []string) *spec.Error {
	problem := rest.ReadProblem(response.Body)
	e := rest.Error(response, &problem)
	switch {
	case e.Kind == spec.KindConflict && problem.Code == "sold_out":
		e.Kind = spec.KindCapacity
		e.Hint = "try another GPU or zone, or later"
	case e.Kind == spec.KindConflict && problem.Code == "too_expensive":
		e.Kind = spec.KindBudget
	case e.Kind == spec.KindNotFound && problem.Code != "no_such_machine":
		e.Kind = spec.KindProvider
		e.Hint = "what answered is not Acme; check base_url"
	}
	rest.SetRetryable(e)
	e.Message = rest.Hide(e.Message, secrets)
	return e
}
