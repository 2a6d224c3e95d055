package mock

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

func get(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return one(env, "GET", request.ID, "")
}

func stop(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return one(env, "POST", request.ID, "/stop")
}

func start(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return one(env, "POST", request.ID, "/start")
}

// terminate deletes a machine. A machine that is not there any more is what was
// asked for.
func terminate(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	compute, err := one(env, "DELETE", request.ID, "")
	if err != nil && err.Kind == spec.KindNotFound {
		return sdk.Gone(name, request.ID), nil
	}
	return compute, err
}

func one(env sdk.Env, method, id, below string) (*spec.Compute, *spec.Error) {
	path, err := machinePath(id, below)
	if err != nil {
		return nil, err
	}
	response, err := ask(env, method, path, nil)
	if err != nil {
		return nil, err
	}
	return machine(env, &response)
}

// machine reads an answer that is one machine.
func machine(env sdk.Env, response *sdk.Response) (*spec.Compute, *spec.Error) {
	compute, ok := toCompute(env, response.Body)
	if !ok {
		return nil, rest.Unreadable(response, "machine")
	}
	return &compute, nil
}

// list lets the mock cloud filter.
func list(env sdk.Env, request *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	var query rest.Query
	query.Add("status", string(request.Status))
	query.Add("name", request.Name)
	query.Add("region", request.Region)
	query.Add("gpu", request.GPU)
	return machines(env, query, request.Cursor)
}

// find asks for machines by request id or name.
func find(env sdk.Env, request *spec.FindRequest) (*spec.ComputePage, *spec.Error) {
	var query rest.Query
	for _, id := range request.RequestIDs {
		query.Add("request_id", id)
	}
	for _, one := range request.Names {
		query.Add("name", one)
	}
	if query.String() == "" {
		return nil, invalid("neither a request id nor a name to find")
	}
	return machines(env, query, request.Cursor)
}

// machines reads a listing.
func machines(env sdk.Env, filter rest.Query, from string) (*spec.ComputePage, *spec.Error) {
	all := &spec.ComputePage{Items: []spec.Compute{}}
	return rest.Pages(all, from, "machines", func(cursor string) (string, int, *spec.Error) {
		query := filter.Clone()
		query.Add("cursor", cursor)
		response, err := ask(env, "GET", "/v1/machines"+query.String(), nil)
		if err != nil {
			return "", 0, err
		}
		before := len(all.Items)
		next, ok := page(env, &response, all)
		if !ok {
			return "", 0, rest.Unreadable(&response, "list of machines")
		}
		return next, len(all.Items) - before, nil
	})
}

func page(env sdk.Env, response *sdk.Response, all *spec.ComputePage) (next string, ok bool) {
	listed, whole := false, true
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "machines":
			listed = r.Kind() == jsonx.Array
			for more := r.Array(); more; more = r.NextElement() {
				compute, ok := toCompute(env, r.Raw())
				whole = whole && ok
				all.Items = append(all.Items, compute)
			}
		case "next":
			next = r.Text()
		default:
			r.Skip()
		}
	}
	return next, r.Done() && listed && whole
}
