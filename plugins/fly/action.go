package fly

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// A stop is waited for in rounds that are over before the host takes their silence
// for a cloud that hangs, which is after 30 seconds; Fly lets a machine take up to
// five minutes to stop.
const (
	roundSeconds = 20
	maxRounds    = 15
)

// stop halts a machine and waits until it has stopped, as far as Fly and the
// call's deadline let it: Fly answers before the machine has stopped, and does
// not start one that is still stopping.
func stop(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	p, err := parseID(env, request.ID)
	if err != nil {
		return nil, err
	}
	now, version, err := lookVersion(env, p)
	if err != nil || now.Status == spec.StatusStopped {
		return now, err
	}
	err = leased(env, p, func(nonce string) *spec.Error {
		if _, err := ask(env, call{method: "POST", path: p.path("/stop"), body: []byte(`{}`), nonce: nonce}); err != nil {
			return err
		}
		awaitStopped(env, p, version)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return look(env, p)
}

// awaitStopped asks in rounds. 408 means not yet; any other error leaves it to the caller to look.
func awaitStopped(env sdk.Env, p place, version string) {
	if version == "" {
		return
	}
	var query rest.Query
	query.Add("state", "stopped")
	query.AddInt("timeout", roundSeconds)
	query.Add("version", version)
	for range maxRounds {
		_, err := ask(env, call{method: "GET", path: p.path("/wait" + query.String())})
		if err == nil || err.Status != 408 {
			return
		}
	}
}

func start(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	p, err := parseID(env, request.ID)
	if err != nil {
		return nil, err
	}
	err = leased(env, p, func(nonce string) *spec.Error {
		_, err := ask(env, call{method: "POST", path: p.path("/start"), nonce: nonce})
		return err
	})
	if err != nil {
		if err.Kind == spec.KindCapacity {
			err.Hint = "a stopped machine starts on its own host only, which is full: try later, or terminate it and spawn another"
		}
		return nil, err
	}
	return look(env, p)
}

// leased changes a machine under a lease, as flyctl does, so that a deploy does
// not change it at the same time. The lease is short, so that a call that is cut
// blocks nobody for long, and is given back whatever the change came to.
func leased(env sdk.Env, p place, change func(nonce string) *spec.Error) *spec.Error {
	response, err := ask(env, call{method: "POST", path: p.path("/lease"), body: []byte(`{"ttl":13,"description":"atlas"}`), aside: true})
	if err != nil {
		return err
	}
	nonce := readNonce(response.Body)
	if nonce == "" {
		return rest.Unreadable(&response, "lease")
	}
	err = change(nonce)
	// A lease that has run out is not found; one that stays runs out.
	_, _ = ask(env, call{method: "DELETE", path: p.path("/lease"), nonce: nonce, aside: true})
	return err
}

// readNonce reads a lease: in an envelope, as Fly answers, or flat, as its
// contract says.
func readNonce(body string) string {
	if data := jsonx.Field(body, "data"); data != "" {
		body = data
	}
	r := jsonx.New(jsonx.Field(body, "nonce"))
	return r.Text()
}

// terminate destroys a machine, running or not, and with it the app that was made
// for it. A machine that is not there any more is what was asked for; its app may
// be there still. It takes no lease: giving back must not depend on one.
func terminate(env sdk.Env, request *spec.IDRequest) (*spec.Compute, *spec.Error) {
	p, err := parseID(env, request.ID)
	if err != nil {
		return nil, err
	}
	var gone *spec.Compute
	response, err := ask(env, call{method: "DELETE", path: p.path("?force=true")})
	switch {
	case err != nil && err.Kind == spec.KindNotFound:
		gone = sdk.Gone(name, request.ID)
	case err == nil && !confirmed(&response):
		err = rest.Unconfirmed(&response)
		fallthrough
	case err != nil:
		return nil, err
	}
	if own(p.app) {
		if err := closeApp(env, p.app, p.machine); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// confirmed reports whether Fly says that a machine is destroyed: by {"ok":true},
// or by a success without a body.
func confirmed(response *sdk.Response) bool {
	return rest.Blank(response.Body) || rest.Says(response.Body, "ok")
}

// spoken reports whether a success can be Fly's own: an object, or no body. It is
// for what has answers of several shapes, the deletes of apps and volumes.
func spoken(response *sdk.Response) bool {
	return rest.Blank(response.Body) || jsonx.IsObject(response.Body)
}
