package provider

import (
	"slices"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

func get(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return one(env, "GET", request.ID, "", nil)
}

func stop(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return one(env, "POST", request.ID, "/power", []byte(`{"state":"off"}`))
}

func start(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return one(env, "POST", request.ID, "/power", []byte(`{"state":"on"}`))
}

// terminate deletes a machine. A machine that is not there any more is what was
// asked for. Acme says yes without a body, so a body is somebody else's: a page of
// something between must not pass for a machine that is given back.
func terminate(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	path, err := machinePath(request.ID, "")
	if err != nil {
		return nil, err
	}
	response, err := ask(env, "DELETE", path, nil)
	switch {
	case err != nil && err.Kind == spec.KindNotFound:
		return sdk.Gone(name, request.ID), nil
	case err == nil && response.Body != "":
		err = rest.Unconfirmed(&response)
	}
	return nil, err
}

// one carries out a request about one machine and reads the machine it answers.
func one(env sdk.Env, method, id, below string, body []byte) (*spec.Compute, *spec.Error) {
	path, err := machinePath(id, below)
	if err != nil {
		return nil, err
	}
	response, err := ask(env, method, path, body)
	if err != nil {
		return nil, err
	}
	return machine(&response)
}

// machine reads an answer that is one machine.
func machine(response *sdk.Response) (*spec.Compute, *spec.Error) {
	compute, ok := toCompute(response.Body)
	if !ok {
		return nil, rest.Unreadable(response, "machine")
	}
	return &compute, nil
}

// list leaves filtering to Atlas: Acme has none.
func list(env sdk.Env, request *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	return machines(env, request.Cursor, func(*spec.Compute) bool { return true })
}

// find looks for machines by what their creates carried.
func find(env sdk.Env, request *spec.FindRequest) (*spec.ComputePage, *spec.Error) {
	return machines(env, request.Cursor, func(c *spec.Compute) bool {
		return c.RequestID != "" && slices.Contains(request.RequestIDs, c.RequestID) || c.Name != "" && slices.Contains(request.Names, c.Name)
	})
}

// machines reads the listing from a page on and keeps what is wanted. After some
// thousand machines rest.Pages answers, and Atlas asks for the rest.
func machines(env sdk.Env, from string, wanted func(*spec.Compute) bool) (*spec.ComputePage, *spec.Error) {
	all := &spec.ComputePage{Items: []spec.Compute{}}
	return rest.Pages(all, from, "machines", func(page string) (string, int, *spec.Error) {
		query := rest.Query{}
		query.AddInt("per_page", 100)
		query.Add("page", page)
		response, err := ask(env, "GET", "/v1/machines"+query.String(), nil)
		if err != nil {
			return "", 0, err
		}
		next, read, ok := readPage(response.Body, all, wanted)
		if !ok {
			return "", 0, rest.Unreadable(&response, "list of machines")
		}
		return next, read, nil
	})
}

// readPage adds the machines of one page. A page that is not whole is not ok: a
// machine that is missing from a listing would be taken for gone.
func readPage(text string, all *spec.ComputePage, wanted func(*spec.Compute) bool) (next string, read int, ok bool) {
	listed, whole := false, true
	r := jsonx.New(text)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "machines":
			listed = r.Kind() == jsonx.Array
			for more := r.Array(); more; more = r.NextElement() {
				compute, ok := toCompute(r.Raw())
				read++
				if whole = whole && ok; whole && wanted(&compute) {
					all.Items = append(all.Items, compute)
				}
			}
		case "next_page":
			next = r.Text()
		default:
			r.Skip()
		}
	}
	return next, read, r.Done() && listed && whole
}
