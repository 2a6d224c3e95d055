package vast

import (
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	pageSize = 25 // Vast's largest
	maxNamed = 20 // machines that a filter by label names
)

func get(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	url, err := instanceURL(env, "", request.ID)
	if err != nil {
		return nil, err
	}
	response, err := ask(env, sdk.Request{Method: "GET", URL: url})
	if err != nil {
		return nil, err
	}
	if !jsonx.IsObject(response.Body) || !jsonx.Has(response.Body, "instances") {
		return nil, rest.Unreadable(&response, "instance")
	}
	text := jsonx.Field(response.Body, "instances") // the name is plural, the value is one object
	if text == "" {
		return nil, &spec.Error{Kind: spec.KindNotFound, Status: response.Status, Message: "no machine " + request.ID}
	}
	compute, ok := toCompute(env, text)
	if !ok {
		return nil, rest.Unreadable(&response, "instance")
	}
	return &compute, nil
}

// list returns the machines; the core applies the filters.
func list(env sdk.Env, request *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	return instances(env, "", request.Cursor, func(*spec.Compute) bool { return true })
}

// find returns the machines that carry one of the request ids or names. Where
// the names hold the ids and are few, Vast looks for the labels itself, which
// takes one page instead of all; should it refuse to, all pages are read.
func find(env sdk.Env, request *spec.FindRequest) (*spec.ComputePage, *spec.Error) {
	if len(request.RequestIDs) == 0 && len(request.Names) == 0 {
		return nil, invalid("neither a request id nor a name to find")
	}
	wanted := func(c *spec.Compute) bool {
		return c.RequestID != "" && slices.Contains(request.RequestIDs, c.RequestID) || c.Name != "" && slices.Contains(request.Names, c.Name)
	}
	if request.Cursor == "" && len(request.RequestIDs) > 0 && len(request.Names) <= maxNamed && named(request) {
		filter := `{"label":{"in":` + string(jsonx.AppendStrings(nil, request.Names)) + `}}`
		if found, err := instances(env, filter, "", wanted); err == nil || err.Kind != spec.KindValidation {
			return found, err
		}
	}
	return instances(env, "", request.Cursor, wanted)
}

// named reports whether each request id has a name that holds it, which is then
// the label, and each name holds one.
func named(request *spec.FindRequest) bool {
	if len(request.RequestIDs) != len(request.Names) {
		return false
	}
	for _, id := range request.RequestIDs {
		if !slices.ContainsFunc(request.Names, func(name string) bool { return strings.Contains(name, id) }) {
			return false
		}
	}
	return !slices.ContainsFunc(request.Names, func(name string) bool {
		return !slices.ContainsFunc(request.RequestIDs, func(id string) bool { return strings.Contains(name, id) })
	})
}

// instances reads the listing.
func instances(env sdk.Env, filter, from string, keep func(*spec.Compute) bool) (*spec.ComputePage, *spec.Error) {
	all := &spec.ComputePage{Items: []spec.Compute{}}
	return rest.Pages(all, from, "instances", func(token string) (string, int, *spec.Error) {
		var query rest.Query
		query.AddInt("limit", pageSize)
		query.Add("order_by", `[{"col":"id","dir":"asc"}]`)
		query.Add("select_filters", filter)
		query.Add("after_token", token)
		response, err := ask(env, sdk.Request{Method: "GET", URL: api(env, "/api/v1/instances/") + query.String()})
		if err != nil {
			return "", 0, err
		}
		next, ok := instancesPage(env, &response, keep, all)
		if !ok {
			return "", 0, rest.Unreadable(&response, "list of instances")
		}
		return next, pageSize, nil
	})
}

// instancesPage adds one page to all and returns the token of the next. A page
// without a list of whole instances is not ok: taking it for an empty one would
// make rented machines look gone.
func instancesPage(env sdk.Env, response *sdk.Response, keep func(*spec.Compute) bool, all *spec.ComputePage) (next string, ok bool) {
	listed, whole := false, true
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "instances":
			listed = r.Kind() == jsonx.Array
			for more := r.Array(); more; more = r.NextElement() {
				if r.Kind() == jsonx.Null {
					r.Skip()
					continue
				}
				compute, ok := toCompute(env, r.Raw())
				whole = whole && ok
				if ok && keep(&compute) {
					all.Items = append(all.Items, compute)
				}
			}
		case "next_token":
			next = r.Text()
		default:
			r.Skip()
		}
	}
	return next, r.Done() && listed && whole
}

// stop keeps the machine's disk, which goes on costing.
func stop(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return nil, turn(env, request.ID, "stopped")
}

// start asks for the machine's own GPUs back. Vast says yes at once, and the
// machine runs when they are free.
func start(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return nil, turn(env, request.ID, "running")
}

func turn(env sdk.Env, id, state string) *spec.Error {
	url, err := instanceURL(env, "", id)
	if err != nil {
		return err
	}
	return act(env, sdk.Request{Method: "PUT", URL: url, Body: []byte(`{"state":"` + state + `"}`)})
}

// terminate destroys a machine. One that is not there any more is what was asked
// for.
func terminate(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	err := destroy(env, request.ID, false)
	if err != nil && err.Kind == spec.KindNotFound {
		return sdk.Gone(name, request.ID), nil
	}
	return nil, err
}

// destroy sends the object that Vast's own client sends with it. undo says that
// it takes back all that the operation did.
func destroy(env sdk.Env, id string, undo bool) *spec.Error {
	url, err := instanceURL(env, "", id)
	if err != nil {
		return err
	}
	response, err := ask(env, sdk.Request{Method: "DELETE", URL: url, Body: []byte(`{}`), Undo: undo})
	if err == nil && !confirmed(&response) {
		err = rest.Unconfirmed(&response)
	}
	return err
}
