package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/exatlas/atlas/core/provider"
	"github.com/exatlas/atlas/core/spec"
)

// shape returns what an operation answers with.
func shape(operation string) any {
	switch operation {
	case spec.OpSpawn, spec.OpGet, spec.OpStop, spec.OpStart, spec.OpTerminate:
		return new(spec.Compute)
	case spec.OpList, spec.OpFind:
		return new(spec.ComputeList)
	case spec.OpRunJob, spec.OpGetJob, spec.OpCancelJob:
		return new(spec.Job)
	case spec.OpStreamJob:
		return new(spec.JobChunks)
	case spec.OpListGPUTypes:
		return new(spec.GPUTypeList)
	case spec.OpSearchOffers:
		return new(spec.OfferList)
	case spec.OpGetLogs:
		return new(spec.LogsPage)
	}
	return nil
}

var statuses = []spec.Status{spec.StatusProvisioning, spec.StatusRunning, spec.StatusStopped, spec.StatusTerminated, spec.StatusFailed}

// wellFormed returns what is wrong with a value, or "".
func wellFormed(operation string, value spec.Raw) string {
	target := shape(operation)
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return "the value is none of the operation: " + err.Error()
	}
	one := func(c *spec.Compute) string {
		act := operation == spec.OpStop || operation == spec.OpStart || operation == spec.OpTerminate
		switch {
		case act && c.ID == "" && c.Status == "": // the cloud only said that it was done
		case c.ID == "":
			return "a machine without an id"
		case !slices.Contains(statuses, c.Status):
			return fmt.Sprintf("the status %q is none of Atlas's", c.Status)
		case c.CostPerHour != nil && *c.CostPerHour < 0:
			return "a negative price"
		}
		return ""
	}
	switch v := target.(type) {
	case *spec.Compute:
		return one(v)
	case *spec.ComputeList:
		for i := range v.Items {
			if problem := one(&v.Items[i]); problem != "" {
				return problem
			}
		}
	case *spec.Job:
		if v.ID == "" {
			return "a job without an id"
		}
	case *spec.OfferList:
		for _, o := range v.Items {
			if o.PricePerHour < 0 || o.GPUCount < 0 {
				return "an offer with a negative price or count"
			}
		}
	}
	return ""
}

// sane returns what is wrong with any error, or "".
func sane(e *spec.Error) string {
	switch {
	case !spec.KnownKind(e.Kind):
		return fmt.Sprintf("the kind %q is none of Atlas's", e.Kind)
	case e.Kind == spec.KindPlugin || e.Kind == spec.KindInternal:
		return "the plugin broke: " + e.Message
	case e.Message == "":
		return "an error without a message"
	case e.RetryAfterMS < 0:
		return "a negative retry_after_ms"
	}
	return ""
}

// fitting returns what is wrong with the error for the first request's HTTP
// status, or "".
func fitting(operation string, status, retryAfter int, e *spec.Error) string {
	var kinds []spec.Kind
	switch {
	case status == 401:
		kinds = []spec.Kind{spec.KindUnauthorized}
	case status == 402:
		kinds = []spec.Kind{spec.KindFunds}
	case status == 403:
		kinds = []spec.Kind{spec.KindForbidden, spec.KindUnauthorized, spec.KindFunds, spec.KindNotFound} // some clouds hide what is another account's
	case status == 404 || status == 410:
		kinds = []spec.Kind{spec.KindNotFound, spec.KindCapacity, spec.KindProvider} // a page of some proxy is no word on the resource
	case status == 408:
		kinds = []spec.Kind{spec.KindTimeout}
	case status == 409:
		kinds = []spec.Kind{spec.KindConflict, spec.KindCapacity}
	case status == 429:
		kinds = []spec.Kind{spec.KindRateLimited}
	case status == 400 || status == 413 || status == 422:
		kinds = []spec.Kind{spec.KindValidation, spec.KindCapacity, spec.KindFunds, spec.KindConflict, spec.KindNotFound}
	case status >= 500:
		kinds = []spec.Kind{spec.KindProvider, spec.KindTimeout, spec.KindCapacity}
	default:
		return ""
	}
	switch {
	case !slices.Contains(kinds, e.Kind):
		return fmt.Sprintf("the answer %d became %s, not one of %v", status, e.Kind, kinds)
	case e.Status != status && e.Kind != spec.KindNotFound:
		return fmt.Sprintf("the error of the answer %d says status %d", status, e.Status)
	case (status == 429 || status >= 500 && !provider.Mutates(operation)) && !e.Retryable:
		return fmt.Sprintf("the answer %d is not said to be retryable", status)
	case status == 429 && retryAfter > 0 && e.RetryAfterMS < int64(retryAfter)*1000:
		return fmt.Sprintf("Retry-After: %d became retry_after_ms %d", retryAfter, e.RetryAfterMS)
	}
	return ""
}

// equal compares two JSON values.
func equal(a, b spec.Raw) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, _ := json.Marshal(x) // of what was decoded
	q, _ := json.Marshal(y)
	return bytes.Equal(p, q)
}
