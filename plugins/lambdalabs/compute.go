package lambdalabs

import (
	"slices"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

func get(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	if request.ID == "" {
		return nil, invalid("id is empty", "")
	}
	got, err := ask(env, call{method: "GET", path: "/api/v1/instances/" + rest.Escape(request.ID)})
	if err != nil {
		return nil, err
	}
	compute, ok := toCompute(env, got.data)
	if !ok {
		return nil, rest.Unreadable(&got.Response, "instance")
	}
	return &compute, nil
}

// list returns every machine of the account; the core applies the filters.
func list(env sdk.Env, _ *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	return instances(env, func(*spec.Compute) bool { return true })
}

// find returns the machines that carry one of the request ids or names. One on
// its way out is none that could be handed to anybody.
func find(env sdk.Env, request *spec.FindRequest) (*spec.ComputePage, *spec.Error) {
	if len(request.RequestIDs) == 0 && len(request.Names) == 0 {
		return nil, invalid("neither a request id nor a name to find", "")
	}
	return instances(env, func(c *spec.Compute) bool {
		return c.Status != spec.StatusTerminated &&
			(c.RequestID != "" && slices.Contains(request.RequestIDs, c.RequestID) || c.Name != "" && slices.Contains(request.Names, c.Name))
	})
}

// instances reads the listing, which has no pages.
func instances(env sdk.Env, keep func(*spec.Compute) bool) (*spec.ComputePage, *spec.Error) {
	got, err := ask(env, call{method: "GET", path: "/api/v1/instances"})
	if err != nil {
		return nil, err
	}
	all := &spec.ComputePage{Items: []spec.Compute{}}
	whole := elements(got.data, func(text string) bool {
		compute, ok := toCompute(env, text)
		if ok && keep(&compute) {
			all.Items = append(all.Items, compute)
		}
		return ok
	})
	if !whole {
		return nil, rest.Unreadable(&got.Response, "list of instances")
	}
	return all, nil
}

// terminate ends one machine; several in one request would leave open what
// happens to the others when one is unknown. A machine that is not there any
// more is what was asked for. Terminating one that already is has been an error
// of varying shape at Lambda, so an error is looked into, and so is a success that
// does not name the machine, which may be somebody else's.
func terminate(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	if request.ID == "" {
		return nil, invalid("id is empty", "")
	}
	w := jsonx.Writer{}
	w.Open('{')
	w.Key("instance_ids")
	w.Texts([]string{request.ID})
	w.Close('}')
	got, err := ask(env, call{method: "POST", path: "/api/v1/instance-operations/terminate", body: w.Buf})
	switch compute := terminated(env, request.ID, &got); {
	case compute != nil:
		return compute, nil
	case err == nil || err.Status >= 200 && err.Status < 300:
		err = rest.Unconfirmed(&got.Response)
	}
	switch err.Kind {
	case spec.KindNotFound:
		return sdk.Gone(name, request.ID), nil
	case spec.KindProvider, spec.KindConflict, spec.KindUnknown, spec.KindValidation:
	default:
		return nil, err
	}
	if err.Status == 0 {
		return nil, err // nothing came back
	}
	compute, failed := get(env, request)
	switch {
	case failed != nil && failed.Kind == spec.KindNotFound:
		return sdk.Gone(name, request.ID), nil
	case failed == nil && compute.Status == spec.StatusTerminated:
		return compute, nil
	}
	return nil, err
}

// terminated finds the machine in the answer, or returns nil.
func terminated(env sdk.Env, id string, got *answer) *spec.Compute {
	var found *spec.Compute
	elements(jsonx.Field(got.data, "terminated_instances"), func(text string) bool {
		compute, ok := toCompute(env, text)
		if ok && compute.ID == id {
			found = &compute
		}
		return ok
	})
	return found
}
