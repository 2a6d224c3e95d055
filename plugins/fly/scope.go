package fly

import (
	"slices"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// personal is the slug under which every user finds the organization that is
// theirs alone.
const personal = "personal"

// scope is what a token may see: whole organizations, or single apps. A token
// made for an app cannot list an organization, not even to find its own app.
type scope struct {
	orgs []string
	apps []string
}

// scopeOf tells what to look at: the operator's organization, or what the token
// says of itself.
func scopeOf(env sdk.Env) (scope, *spec.Error) {
	if org := env.Config[settingOrg]; org != "" {
		return scope{orgs: []string{org}}, nil
	}
	response, err := ask(env, call{method: "GET", path: "/tokens/current"})
	if err != nil {
		return scope{}, err
	}
	var s scope
	listed := false
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() != "tokens" {
			r.Skip()
			continue
		}
		listed = r.Kind() == jsonx.Array
		for more := r.Array(); more; more = r.NextElement() {
			s.token(&r)
		}
	}
	if !r.Done() || !listed {
		return scope{}, rest.Unreadable(&response, "description of a token")
	}
	if len(s.orgs)+len(s.apps) == 0 {
		s.orgs = []string{personal}
	}
	return s, nil
}

// token adds what one of the tokens may see.
func (s *scope) token(r *jsonx.Reader) {
	org := ""
	var apps []string
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "org_slug":
			org = r.Text()
		case "apps":
			apps = r.Texts()
		default:
			r.Skip()
		}
	}
	switch {
	case len(apps) > 0:
		for _, app := range apps {
			if !slices.Contains(s.apps, app) {
				s.apps = append(s.apps, app)
			}
		}
	case org != "" && !slices.Contains(s.orgs, org):
		s.orgs = append(s.orgs, org)
	}
}
