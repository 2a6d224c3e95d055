package deploy

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/fly/apps"
	"github.com/exatlas/atlas/core/spec"
)

// plan is a deploy that can be started.
type plan struct {
	app    string // empty: not known
	folder string
	args   []string
	idle   time.Duration
	total  time.Duration
	tail   int
}

// The defaults of a deploy.
const (
	standardIdle  = 5 * time.Minute
	standardTotal = 30 * time.Minute
	standardTail  = 100
)

// prepare checks a request and puts the command together. named is the app that
// the environment names.
func prepare(p *Params, named string) (*plan, *spec.Error) {
	path := p.Path
	if path == "" {
		path = "."
	}
	folder, err := filepath.Abs(path)
	if err != nil {
		return nil, problem("params.path: there is no working folder", "give an absolute path")
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, &spec.Error{Kind: spec.KindNotFound, Message: "params.path: there is no folder " + folder, Hint: "fly.apps.discover finds what can be deployed"}
	}
	if p.Ticket != "" {
		if err := checkTicket("params.ticket", p.Ticket); err != nil {
			return nil, err
		}
	}
	out := &plan{app: p.App, folder: folder, idle: standardIdle, total: standardTotal, tail: standardTail}
	switch { // the order is flyctl's
	case p.App != "":
		if err := fly.CheckApp("params.app", p.App); err != nil {
			return nil, err
		}
	case named != "":
		out.app = checked(named)
	default:
		out.app = configured(folder, p.Config)
	}
	if p.IdleMS > 0 {
		out.idle = time.Duration(p.IdleMS) * time.Millisecond
	}
	if p.TimeoutMS > 0 {
		out.total = time.Duration(p.TimeoutMS) * time.Millisecond
	}
	if p.TailLines > 0 {
		out.tail = p.TailLines
	}
	if err := checkTexts(p); err != nil {
		return nil, err
	}
	out.args = arguments(p)
	for _, arg := range out.args {
		if fly.HoldsToken(arg) {
			return nil, problem("params: an argument holds a Fly token, which every user of this machine could read", "set it with fly.tokens.set_manual or FLY_API_TOKEN")
		}
		if strings.ContainsRune(arg, 0) {
			return nil, problem("params: an argument holds a zero byte", "")
		}
	}
	return out, nil
}

// configured reads the app's name from the configuration that will be used. One
// that cannot be read is flyctl's to complain about.
func configured(folder, config string) string {
	if config == "" {
		app, _, _ := apps.In(folder)
		return checked(app.Name)
	}
	if !filepath.IsAbs(config) {
		config = filepath.Join(folder, config)
	}
	if info, err := os.Stat(config); err == nil && info.IsDir() {
		app, _, _ := apps.In(config)
		return checked(app.Name)
	}
	app, _ := apps.Read(config)
	return checked(app.Name)
}

func checked(name string) string {
	if fly.CheckApp("", name) != nil {
		return ""
	}
	return name
}

// checkTexts keeps values from being taken for flags.
func checkTexts(p *Params) *spec.Error {
	for field, value := range map[string]string{"config": p.Config, "image": p.Image, "dockerfile": p.Dockerfile, "build_target": p.BuildTarget} {
		if strings.HasPrefix(value, "-") {
			return problem("params."+field+": begins with a dash", "")
		}
	}
	for _, region := range p.Regions {
		if err := fly.CheckWord("params.regions", region); err != nil {
			return err
		}
	}
	for field, values := range map[string]map[string]string{"build_args": p.BuildArgs, "env": p.Env} {
		for name := range values {
			if name == "" || strings.ContainsAny(name, "= \x00") {
				return problem("params."+field+": a name is empty or holds a space or an equals sign", "")
			}
		}
	}
	return checkFlags(p.Args)
}

// arguments is the command line behind fly.
func arguments(p *Params) []string {
	args := []string{"deploy", "--yes"}
	if p.LocalOnly {
		args = append(args, "--local-only")
	} else {
		args = append(args, "--remote-only")
	}
	add := func(flag, value string) {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	add("--app", p.App)
	add("--config", p.Config)
	add("--image", p.Image)
	add("--dockerfile", p.Dockerfile)
	add("--build-target", p.BuildTarget)
	add("--strategy", p.Strategy)
	add("--regions", strings.Join(p.Regions, ","))
	pairs(&args, "--build-arg", p.BuildArgs)
	pairs(&args, "--env", p.Env)
	if p.NoCache {
		args = append(args, "--no-cache")
	}
	if p.Detach {
		args = append(args, "--detach")
	}
	if p.HA != nil && !*p.HA {
		args = append(args, "--ha=false")
	}
	if p.WaitMS > 0 {
		add("--wait-timeout", (time.Duration(p.WaitMS) * time.Millisecond).String())
	}
	return append(args, p.Args...)
}

func pairs(args *[]string, flag string, values map[string]string) {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		*args = append(*args, flag, name+"="+values[name])
	}
}
