package tokens

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/fly/flyctl"
)

// environment reads the token as flyctl does: the first variable that is set
// counts, even when it is empty.
func environment(p flyctl.Program) (token string) {
	for _, name := range []string{flyctl.EnvAccessToken, flyctl.EnvAPIToken} {
		if value, set := p.Lookup(name); set {
			return fly.Bare(value)
		}
	}
	return ""
}

// configFile is where flyctl keeps its login: FLY_CONFIG_DIR where it is set, even
// to nothing, else .fly in the home folder.
func configFile(p flyctl.Program) string {
	if folder, set := p.Lookup("FLY_CONFIG_DIR"); set {
		return filepath.Join(folder, "config.yml")
	}
	home, _ := p.Lookup("HOME")
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".fly", "config.yml")
}

// config reads the token of flyctl's login; why tells why there is none.
func config(p flyctl.Program) (token, why string) {
	path := configFile(p)
	if path == "" {
		return "", "there is no home folder to find config.yml in"
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "there is no config.yml; fly auth login makes it"
	case err != nil || !info.Mode().IsRegular():
		return "", "config.yml cannot be read"
	}
	f, err := os.Open(path)
	if err != nil {
		return "", "config.yml cannot be read"
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return "", "config.yml cannot be read"
	}
	var d struct {
		AccessToken string `yaml:"access_token"`
	}
	if yaml.Unmarshal(text, &d) != nil { // its error may quote the token
		return "", "config.yml is no YAML"
	}
	if d.AccessToken == "" {
		return "", "config.yml holds no access_token; fly auth login writes one"
	}
	return fly.Bare(d.AccessToken), ""
}
