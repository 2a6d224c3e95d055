package fly

import (
	"strconv"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// looks is how often an app that was just made is asked for until it shows.
const looks = 5

// openApp sees to it that the app of a spawn exists, and names the one it is.
func openApp(env sdk.Env, p *plan) *spec.Error {
	if p.app != "" {
		return namedApp(env, p)
	}
	org, err := chooseOrg(env, p)
	if err != nil || p.app != "" { // the token is for one app, which is there
		return err
	}
	p.app, p.made = p.machine, true
	return createApp(env, p, org)
}

// chooseOrg names the organization of a new app. A token for a single app can
// make none: that app is taken then.
func chooseOrg(env sdk.Env, p *plan) (string, *spec.Error) {
	if p.org != "" {
		return p.org, nil
	}
	s, err := scopeOf(env)
	switch {
	case err != nil:
		return "", err
	case len(s.orgs) > 0:
		return s.orgs[0], nil
	case p.app == "" && len(s.apps) == 1:
		p.app = s.apps[0]
		if p.volumeGB > 0 {
			return "", volumeNeedsApp()
		}
		return "", nil
	}
	return "", &spec.Error{Kind: spec.KindForbidden, Message: "the token is made for single apps and cannot make another one",
		Hint: "name one of its apps in provider_opts.app or providers.fly.config, or take a token of the organization"}
}

// namedApp looks for the app that the caller named and makes it where there is
// none. Another spawn may do the same at the same time.
func namedApp(env sdk.Env, p *plan) *spec.Error {
	found, err := haveApp(env, p.app)
	if err != nil || found {
		return err
	}
	org, err := chooseOrg(env, p)
	if err != nil {
		return err
	}
	err = createApp(env, p, org)
	if err != nil && err.Kind == spec.KindConflict {
		if found, other := haveApp(env, p.app); found {
			return nil
		} else if other != nil {
			return other
		}
	}
	return err
}

func haveApp(env sdk.Env, app string) (bool, *spec.Error) {
	_, err := ask(env, call{method: "GET", path: appPath(app, "")})
	if err != nil && err.Kind == spec.KindNotFound {
		return false, nil
	}
	return err == nil, err
}

// createApp makes an app and looks for it until it shows: for a moment Fly may
// answer 404, or 401, to whatever is asked about a new app. The looks follow each
// other at once; where the moment is longer, the spawn comes again with the same
// request id and finds the app that it made.
func createApp(env sdk.Env, p *plan, org string) *spec.Error {
	w := jsonx.Writer{}
	w.Open('{')
	w.TextField("name", p.app)
	w.TextField("org_slug", org)
	w.Close('}')
	if _, err := ask(env, call{method: "POST", path: "/apps?wait=true", body: w.Buf, aside: true}); err != nil {
		if p.found = p.made && err.Kind == spec.KindConflict; !p.found {
			return err
		}
	}
	p.fresh = true
	for try := 1; ; try++ {
		found, err := haveApp(env, p.app)
		switch {
		case found:
			return nil
		case err != nil && err.Status != 401:
			return err
		case try == looks:
			return early(&spec.Error{Message: "the app " + p.app + " was made and does not show"})
		}
	}
}

// early makes of an error one that says that a new app does not show everywhere yet,
// and will in a moment.
func early(err *spec.Error) *spec.Error {
	err.Kind, err.Retryable, err.RetryAfterMS, err.Hint = spec.KindProvider, true, 1000, "Fly does not show the app that was made for the machine everywhere yet; try again"
	return err
}

// assignIPs gives an app the addresses its services need and returns the address
// that is the app's alone, IPv4 before IPv6. Of an app that was there before,
// those it has count.
func assignIPs(env sdk.Env, p *plan) (public string, err *spec.Error) {
	if len(p.ips) == 0 {
		return "", nil
	}
	has := map[string]string{}
	if !p.made || p.found {
		if has, err = assignedIPs(env, p.app); err != nil {
			return "", err
		}
	}
	for _, kind := range p.ips {
		if has[kind] != "" || kind == "shared_v4" && has["v4"] != "" {
			continue
		}
		w := jsonx.Writer{}
		w.Open('{')
		w.TextField("type", kind)
		w.Close('}')
		response, err := ask(env, call{method: "POST", path: appPath(p.app, "/ip_assignments"), body: w.Buf, aside: true})
		if err != nil {
			return "", err
		}
		r := jsonx.New(jsonx.Field(response.Body, "ip"))
		if has[kind] = r.Text(); has[kind] == "" {
			return "", rest.Unreadable(&response, "address")
		}
	}
	if has["v4"] != "" {
		return has["v4"], nil
	}
	return has["v6"], nil
}

// assignedIPs returns the addresses of an app by type.
func assignedIPs(env sdk.Env, app string) (map[string]string, *spec.Error) {
	response, err := ask(env, call{method: "GET", path: appPath(app, "/ip_assignments")})
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() != "ips" {
			r.Skip()
			continue
		}
		for more := r.Array(); more; more = r.NextElement() {
			ip, shared := "", false
			for more := r.Object(); more; more = r.NextMember() {
				switch r.Key() {
				case "ip":
					ip = r.Text()
				case "shared":
					shared = r.Bool()
				default:
					r.Skip()
				}
			}
			all[ipType(ip, shared)] = ip
		}
	}
	if !r.Done() {
		return nil, rest.Unreadable(&response, "list of addresses")
	}
	return all, nil
}

// ipType is the type under which an address is asked for. Flycast addresses,
// which are private, begin with fdaa.
func ipType(ip string, shared bool) string {
	for i := range len(ip) {
		if ip[i] == ':' {
			if len(ip) >= 4 && ip[:4] == "fdaa" {
				return "private_v6"
			}
			return "v6"
		}
	}
	if shared {
		return "shared_v4"
	}
	return "v4"
}

// closeApp deletes an app that was made for one machine, with its volumes and
// addresses, once no machine is in it but the one that is gone.
func closeApp(env sdk.Env, app, machine string) *spec.Error {
	if err := deleteVolumes(env, app); err != nil {
		return err
	}
	response, err := ask(env, call{method: "DELETE", path: appPath(app, ""), aside: true})
	if err == nil && !spoken(&response) {
		err = rest.Unreadable(&response, "confirmation")
	}
	if err == nil || err.Kind == spec.KindNotFound {
		return nil
	}
	left, other := machinesOf(env, app, func(c *spec.Compute) bool {
		return c.Status != spec.StatusTerminated && c.ID != place{app, machine}.id()
	})
	switch {
	case other != nil && other.Kind == spec.KindNotFound:
		return nil
	case other == nil && len(left.Items) > 0:
		return nil // somebody put machines of their own into it: it is theirs now
	}
	gone := "the machine is gone"
	if machine == "" {
		gone = "there is no machine"
	}
	err.Message = gone + ", its app " + strconv.Quote(app) + " is not: " + err.Message
	return err
}

// cleanUp deletes the app of a create that made no machine. An app that is not
// there, or another organization's, is not what the create left.
func cleanUp(env sdk.Env, request *spec.CleanUpRequest) *spec.Error {
	app := ownApp(request.RequestID)
	if app == "" {
		return invalid("request_id is not 1 to 55 of a-z, 0-9 and dash", "")
	}
	left, err := machinesOf(env, app, func(c *spec.Compute) bool { return c.Status != spec.StatusTerminated })
	switch {
	case err != nil && (err.Kind == spec.KindNotFound || err.Kind == spec.KindForbidden && len(err.Raw) > 0): // in Fly's own words
		return nil
	case err != nil:
		return err
	case len(left.Items) > 0:
		return nil // the create came to something after all, and find_compute shows it
	}
	return closeApp(env, app, "")
}
