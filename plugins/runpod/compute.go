package runpod

import (
	"slices"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

func get(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	url, err := podURL(env, request.ID, "")
	if err != nil {
		return nil, err
	}
	response, err := ask(env, "GET", url, nil)
	if err != nil {
		if err.Kind == spec.KindNotFound && rest.Blank(response.Body) {
			// RunPod says so by a document. A machine that is taken for gone by the
			// word of something between would run on, and cost.
			foreign(err)
		}
		return nil, err
	}
	return onePod(env, &response)
}

// list returns the pods; RunPod has no filters worth sending, the core applies
// them.
func list(env sdk.Env, request *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	return pods(env, request.Cursor, func(*spec.Compute) bool { return true })
}

// find returns the pods that carry one of the request ids or names.
func find(env sdk.Env, request *spec.FindRequest) (*spec.ComputePage, *spec.Error) {
	if len(request.RequestIDs) == 0 && len(request.Names) == 0 {
		return nil, invalid("neither a request id nor a name to find")
	}
	return pods(env, request.Cursor, func(c *spec.Compute) bool {
		return c.RequestID != "" && slices.Contains(request.RequestIDs, c.RequestID) || c.Name != "" && slices.Contains(request.Names, c.Name)
	})
}

// pods reads the listing, of which RunPod gives 1000 a page. The first request
// carries no limit and no cursor, which servers from before paging would refuse.
func pods(env sdk.Env, from string, keep func(*spec.Compute) bool) (*spec.ComputePage, *spec.Error) {
	all := &spec.ComputePage{Items: []spec.Compute{}}
	return rest.Pages(all, from, "pods", func(cursor string) (string, int, *spec.Error) {
		var query rest.Query
		query.Add("cursor", cursor)
		response, err := ask(env, "GET", address(env, "api", defaultAPI)+"/v2/pods"+query.String(), nil)
		if err != nil {
			return "", 0, err
		}
		next, read, ok := podsPage(env, &response, keep, all)
		if !ok {
			return "", 0, rest.Unreadable(&response, "list of pods")
		}
		return next, read, nil
	})
}

// podsPage adds one page to all and returns the cursor of the next. A page
// without a list of whole pods is not ok: taking it for an empty one would make
// rented machines look gone.
func podsPage(env sdk.Env, response *sdk.Response, keep func(*spec.Compute) bool, all *spec.ComputePage) (next string, read int, ok bool) {
	r := jsonx.New(response.Body)
	more, cursor := false, ""
	listed, whole := false, true
	for member := r.Object(); member; member = r.NextMember() {
		switch r.Key() {
		case "pods":
			listed = r.Kind() == jsonx.Array
			for element := r.Array(); element; element = r.NextElement() {
				if r.Kind() == jsonx.Null {
					r.Skip()
					continue
				}
				compute, ok := toCompute(env, r.Raw())
				whole = whole && ok
				read++
				if ok && keep(&compute) {
					all.Items = append(all.Items, compute)
				}
			}
		case "pagination":
			for member := r.Object(); member; member = r.NextMember() {
				switch r.Key() {
				case "hasNextPage":
					more = r.Bool()
				case "nextCursor":
					cursor = r.Text()
				default:
					r.Skip()
				}
			}
		default:
			r.Skip()
		}
	}
	if more && cursor == "" {
		whole = false // a page follows that cannot be asked for
	}
	if !more {
		cursor = ""
	}
	return cursor, read, r.Done() && listed && whole
}

func stop(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	return act(env, request.ID, "stop")
}

// start resumes a pod on the host it was stopped on, whose GPUs may be taken.
func start(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	compute, err := act(env, request.ID, "start")
	if err != nil && err.Kind == spec.KindCapacity {
		err.Hint = "a stopped pod resumes on its own host only; terminate it and spawn another, with a network volume to keep its data"
	}
	return compute, err
}

func act(env sdk.Env, id, action string) (*spec.Compute, *spec.Error) {
	url, err := podURL(env, id, "/action")
	if err != nil {
		return nil, err
	}
	response, err := ask(env, "POST", url, []byte(`{"action":"`+action+`"}`))
	if err != nil {
		return nil, err
	}
	// RunPod answers with the pod. A success without one is of something between, and
	// the pod runs on, and costs.
	return onePod(env, &response)
}

// terminate deletes a pod. A pod that is not there any more is what was asked
// for. RunPod says yes by 204 without a body, so a body is somebody else's, and no
// by a document, so a 404 without one is.
func terminate(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	url, err := podURL(env, request.ID, "")
	if err != nil {
		return nil, err
	}
	response, err := ask(env, "DELETE", url, nil)
	blank := rest.Blank(response.Body)
	switch {
	case err != nil && err.Kind == spec.KindNotFound && !blank:
		return sdk.Gone(name, request.ID), nil
	case err != nil && err.Kind == spec.KindNotFound, err == nil && !blank:
		err = rest.Unconfirmed(&response)
	}
	return nil, err
}

// onePod reads an answer that is one pod.
func onePod(env sdk.Env, response *sdk.Response) (*spec.Compute, *spec.Error) {
	compute, ok := toCompute(env, response.Body)
	if !ok {
		return nil, rest.Unreadable(response, "pod")
	}
	return &compute, nil
}
