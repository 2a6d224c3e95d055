package flyctl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// The variables flyctl takes a token from, the first that is set alone.
const (
	EnvAccessToken = "FLY_ACCESS_TOKEN"
	EnvAPIToken    = "FLY_API_TOKEN"
)

// EnvApp is the variable that names the app, before its configuration does.
const EnvApp = "FLY_APP"

// Program is Fly's command line on this machine.
type Program struct {
	Configured string          // path set by the operator; empty: looked for
	Environ    func() []string // all variables, as name=value; nil: there are none
	Starting   func(func())    // as that of process.Command
}

// Lookup reads one variable. Set tells one that is set and empty from one that is
// not set, because flyctl does.
func (p Program) Lookup(name string) (value string, set bool) {
	if p.Environ == nil {
		return "", false
	}
	for _, entry := range p.Environ() {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// Find returns the path of the executable: the configured one, else flyctl or fly
// on PATH or where Fly's installer puts it. flyctl comes first wherever it lies: it
// is there beside every fly of Fly's, and Concourse has a fly, too, which must not
// get the token.
func (p Program) Find() (string, *spec.Error) {
	const install = "install it (https://fly.io/docs/flyctl/install), or set fly.cli to its path"
	if p.Configured != "" {
		path, err := filepath.Abs(p.Configured)
		if err == nil && executable(path) {
			return path, nil
		}
		return "", &spec.Error{Kind: spec.KindNotFound, Message: "fly.cli names no executable file", Hint: install}
	}
	var folders []string
	if list, _ := p.Lookup("PATH"); list != "" {
		folders = filepath.SplitList(list)
	}
	if home, _ := p.Lookup("FLYCTL_INSTALL"); home != "" {
		folders = append(folders, filepath.Join(home, "bin"))
	}
	if home, _ := p.Lookup("HOME"); home != "" {
		folders = append(folders, filepath.Join(home, ".fly", "bin"))
	}
	for _, name := range []string{"flyctl", "fly"} {
		for _, folder := range folders {
			if !filepath.IsAbs(folder) {
				continue // what lies in the working folder is not trusted
			}
			if path := filepath.Join(folder, name); executable(path) {
				return path, nil
			}
		}
	}
	return "", &spec.Error{Kind: spec.KindNotFound, Message: "neither flyctl nor fly was found on PATH", Hint: install}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// Env is the environment of a run: that of this process, without colours and
// update checks, without what is dropped, and with the token, where one is given,
// in the variable that flyctl prefers.
func (p Program) Env(token spec.Secret, dropped ...string) []string {
	dropped = append(dropped, "NO_COLOR", "FLY_NO_UPDATE_CHECK", "FLY_UPDATE_CHECK")
	if !token.Empty() {
		dropped = append(dropped, EnvAccessToken, EnvAPIToken)
	}
	var env []string
	if p.Environ != nil {
		for _, entry := range p.Environ() {
			if name, _, ok := strings.Cut(entry, "="); ok && !slices.Contains(dropped, name) {
				env = append(env, entry)
			}
		}
	}
	env = append(env, "NO_COLOR=1", "FLY_NO_UPDATE_CHECK=1")
	if !token.Empty() {
		env = append(env, EnvAccessToken+"="+token.Reveal())
	}
	return env
}
