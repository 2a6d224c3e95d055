package fly

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// ownPrefix begins the names of apps that were made for one machine. It is what
// they are known by when the machine is terminated, since Fly's apps carry no
// labels.
const ownPrefix = "atlas-m-"

// maxName bounds the names of apps.
const maxName = 63

// ownApp is the name of the app made for the machine of a request id, and of the
// machine in any app. It is "" where the id cannot be part of a name.
func ownApp(requestID string) string {
	if app := ownPrefix + requestID; requestID != "" && plain(app) {
		return app
	}
	return ""
}

// own reports whether an app was made for one machine.
func own(app string) bool { return len(app) > len(ownPrefix) && strings.HasPrefix(app, ownPrefix) }

// plain reports whether text may stand in the name of an app.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return text != "" && len(text) <= maxName
}

// place names a machine at Fly.
type place struct{ app, machine string }

// id is the compute's identifier.
func (p place) id() string { return p.app + "/" + p.machine }

// path is the machine's path, or that of something below it.
func (p place) path(below string) string {
	return appPath(p.app, "/machines/"+rest.Escape(p.machine)+below)
}

// appPath is the path of something below an app.
func appPath(app, below string) string { return "/apps/" + rest.Escape(app) + below }

// parseID reads the identifier of a compute. One without an app is a machine of
// the app in the operator's settings.
func parseID(env sdk.Env, id string) (place, *spec.Error) {
	app, machine, found := strings.Cut(id, "/")
	if !found {
		app, machine = env.Config[settingApp], id
	}
	if app == "" || machine == "" || strings.Contains(machine, "/") {
		return place{}, invalid("id is not app/machine", "take the id that compute.spawn or compute.list gave")
	}
	return place{app, machine}, nil
}
