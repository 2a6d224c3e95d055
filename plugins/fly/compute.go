package fly

import (
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	maxPages = 60 // of a listing, at 1000 machines a page
	maxLooks = 25 // request ids that are looked for in their own apps; beyond it the listing alone counts
)

func get(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	p, err := parseID(env, request.ID)
	if err != nil {
		return nil, err
	}
	return look(env, p)
}

func look(env sdk.Env, p place) (*spec.Compute, *spec.Error) {
	c, _, err := lookVersion(env, p)
	return c, err
}

// lookVersion is look that also tells the version of the machine, by which alone
// Fly waits for it to stop.
func lookVersion(env sdk.Env, p place) (*spec.Compute, string, *spec.Error) {
	response, err := ask(env, call{method: "GET", path: p.path("")})
	if err != nil {
		return nil, "", err
	}
	compute, ok := toCompute(env, p.app, response.Body)
	if !ok {
		return nil, "", rest.Unreadable(&response, "machine")
	}
	version := jsonx.New(jsonx.Field(response.Body, "instance_id"))
	return &compute, version.Text(), nil
}

// list returns every machine that the token shows; the core applies the filters.
func list(env sdk.Env, _ *spec.ListRequest) (*spec.ComputePage, *spec.Error) {
	return everything(env, func(c *spec.Compute) bool { return c.Status != spec.StatusTerminated })
}

// find returns the machines that carry one of the request ids or names. A request
// id is looked for in the app of its own name first: unlike the listing of an
// organization, that of an app is up to date.
func find(env sdk.Env, request *spec.FindRequest) (*spec.ComputePage, *spec.Error) {
	if len(request.RequestIDs) == 0 && len(request.Names) == 0 {
		return nil, invalid("neither a request id nor a name to find", "")
	}
	wanted := func(c *spec.Compute) bool {
		return c.Status != spec.StatusTerminated &&
			(c.RequestID != "" && slices.Contains(request.RequestIDs, c.RequestID) || c.Name != "" && slices.Contains(request.Names, c.Name))
	}
	found := &spec.ComputePage{Items: []spec.Compute{}}
	if len(request.RequestIDs) <= maxLooks {
		for _, id := range request.RequestIDs {
			if app := ownApp(id); app != "" {
				if err := addApp(env, app, wanted, found); err != nil {
					return nil, err
				}
			}
		}
		if covered(request, found) {
			return found, nil
		}
	}
	rest, err := everything(env, wanted)
	if err != nil {
		return nil, err
	}
	add(found, rest)
	return found, nil
}

// covered reports whether every request id is found and every name belongs to one
// of them: a name that holds a request id is of that machine alone.
func covered(request *spec.FindRequest, found *spec.ComputePage) bool {
	for _, id := range request.RequestIDs {
		if !slices.ContainsFunc(found.Items, func(c spec.Compute) bool { return c.RequestID == id }) {
			return false
		}
	}
	for _, named := range request.Names {
		if !slices.ContainsFunc(request.RequestIDs, func(id string) bool { return id != "" && strings.Contains(named, id) }) {
			return false
		}
	}
	return true
}

// everything lists what the token shows, and beside it the operator's app, whose
// own listing is up to date.
func everything(env sdk.Env, keep func(*spec.Compute) bool) (*spec.ComputePage, *spec.Error) {
	s, err := scopeOf(env)
	if err != nil {
		return nil, err
	}
	if app := env.Config[settingApp]; app != "" && !slices.Contains(s.apps, app) {
		s.apps = append(s.apps, app)
	}
	all := &spec.ComputePage{Items: []spec.Compute{}}
	for _, app := range s.apps {
		if err := addApp(env, app, keep, all); err != nil {
			return nil, err
		}
	}
	for _, org := range s.orgs {
		part, err := machinesOfOrg(env, org, keep)
		if err != nil {
			return nil, err
		}
		add(all, part)
	}
	return all, nil
}

// addApp adds the machines of an app. An app that is not there, or another
// organization's, has none.
func addApp(env sdk.Env, app string, keep func(*spec.Compute) bool, to *spec.ComputePage) *spec.Error {
	part, err := machinesOf(env, app, keep)
	if err == nil {
		add(to, part)
	} else if err.Kind != spec.KindNotFound && err.Kind != spec.KindForbidden {
		return err
	}
	return nil
}

// add appends what is not there yet.
func add(to, part *spec.ComputePage) {
	known := make(map[string]bool, len(to.Items))
	for i := range to.Items {
		known[to.Items[i].ID] = true
	}
	for i := range part.Items {
		if !known[part.Items[i].ID] {
			to.Items = append(to.Items, part.Items[i])
		}
	}
}

// machinesOf lists an app. The answer is one list without pages.
func machinesOf(env sdk.Env, app string, keep func(*spec.Compute) bool) (*spec.ComputePage, *spec.Error) {
	response, err := ask(env, call{method: "GET", path: appPath(app, "/machines")})
	if err != nil {
		return nil, err
	}
	all := &spec.ComputePage{Items: []spec.Compute{}}
	r := jsonx.New(response.Body)
	whole := r.Kind() == jsonx.Array
	if whole {
		whole = readMachines(env, &r, app, keep, all)
	}
	if !whole || !r.Done() {
		return nil, rest.Unreadable(&response, "list of machines")
	}
	return all, nil
}

// readMachines adds a list of machines and reports whether each was one: taking a
// list that is not whole for one would make rented machines look gone.
func readMachines(env sdk.Env, r *jsonx.Reader, app string, keep func(*spec.Compute) bool, all *spec.ComputePage) bool {
	whole := true
	for more := r.Array(); more; more = r.NextElement() {
		if r.Kind() == jsonx.Null {
			r.Skip()
			continue
		}
		compute, ok := toCompute(env, app, r.Raw())
		whole = whole && ok
		if ok && keep(&compute) {
			all.Items = append(all.Items, compute)
		}
	}
	return whole
}

// machinesOfOrg lists an organization. Pages may be short or empty and still not
// be the last.
func machinesOfOrg(env sdk.Env, org string, keep func(*spec.Compute) bool) (*spec.ComputePage, *spec.Error) {
	all := &spec.ComputePage{Items: []spec.Compute{}}
	cursor, seen := "", []string{}
	for range maxPages {
		var query rest.Query
		query.Add("cursor", cursor)
		response, err := ask(env, call{method: "GET", path: "/orgs/" + rest.Escape(org) + "/machines" + query.String()})
		if err != nil {
			return nil, err
		}
		next, ok, err := orgPage(env, &response, keep, all)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, rest.Unreadable(&response, "list of machines")
		case next == "":
			return all, nil
		case slices.Contains(seen, next):
			return nil, &spec.Error{Kind: spec.KindProvider, Message: "the listing of machines does not end", Retryable: true}
		}
		cursor, seen = next, append(seen, next)
	}
	return nil, &spec.Error{Kind: spec.KindProvider, Message: "the listing of machines does not end", Retryable: true}
}

// orgPage adds one page and returns the cursor of the next. A page that lacks a
// region is an error, since what runs there would look gone.
func orgPage(env sdk.Env, response *sdk.Response, keep func(*spec.Compute) bool, all *spec.ComputePage) (next string, ok bool, err *spec.Error) {
	listed, whole := false, true
	var dark []string
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "machines":
			listed = r.Kind() == jsonx.Array || r.Kind() == jsonx.Null
			whole = readMachines(env, &r, "", keep, all)
		case "next_cursor":
			next = r.Text()
		case "error_regions":
			dark = r.Texts()
		default:
			r.Skip()
		}
	}
	if len(dark) > 0 {
		err = &spec.Error{Kind: spec.KindProvider, Status: response.Status, Retryable: true, Message: "the listing lacks the machines of " + strings.Join(dark, ", "),
			Hint: "Fly could not ask these regions; try again"}
	}
	return next, r.Done() && listed && whole, err
}
