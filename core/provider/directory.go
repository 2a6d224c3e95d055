package provider

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/core/strict"
)

// Backend carries out provider operations.
type Backend interface {
	// Call returns the operation's value, or a *spec.Error.
	Call(ctx context.Context, call spec.Call) (spec.Raw, error)
	// Manifest returns what a provider says of itself. It is cheap after the
	// first time.
	Manifest(ctx context.Context, provider string) (*spec.Manifest, error)
	// Names lists the providers.
	Names() []string
}

// Settings of a directory.
type Settings struct {
	Default string                 // provider of calls that name none
	Keys    map[string]spec.Secret // credentials from the configuration

	// Accounts are further credentials, by names such as runpod:acme: that of the
	// provider, a colon, that of the account.
	Accounts map[string]spec.Secret

	HTTP   map[string]spec.HTTP // how requests are sent, from the configuration
	Getenv func(string) string  // reads the environment; nil: there is none
}

// Directory resolves providers and credentials.
type Directory struct {
	backend  Backend
	settings Settings

	mu  sync.Mutex
	env map[string]spec.Secret // credentials from the environment, by provider; read once
}

// NewDirectory makes a directory.
func NewDirectory(b Backend, s Settings) *Directory {
	return &Directory{backend: b, settings: s, env: map[string]spec.Secret{}}
}

// Account is one provider with the credential to use there.
type Account struct {
	Provider string // as callers name it, with the account where that is a further one
	Manifest *spec.Manifest
	Key      spec.Secret
	HTTP     spec.HTTP // how requests are sent: the call's own words over the configuration's

	standing spec.HTTP // the configuration's
}

// Standing is the account without what one call said of its requests: for work
// that others share or that outlives the call, such as giving a machine back.
func (a Account) Standing() Account {
	a.HTTP = a.standing
	return a
}

// At resolves the target of a call.
func (d *Directory) At(ctx context.Context, t Target) (Account, error) {
	a, err := d.Find(ctx, t.Provider, t.APIKey)
	a.ask(t.HTTP)
	return a, err
}

func (a *Account) ask(how *spec.HTTP) {
	if how != nil {
		a.HTTP = how.Over(a.standing)
	}
}

// Cloud is the provider's own name, without that of an account.
func Cloud(name string) string {
	cloud, _, _ := strings.Cut(name, ":")
	return cloud
}

// Setting is where the configuration holds the credential of a provider, or of one of
// its accounts.
func Setting(name string) string {
	if cloud, account, further := strings.Cut(name, ":"); further {
		return "providers." + cloud + ".accounts." + account
	}
	return "providers." + name + ".api_key"
}

// Find resolves the provider of a call: the one it names, else the default. The
// credential is the call's own, that of the account it names, else the configured one, else the first of the
// manifest's environment variables that is set; the environment is read once, at
// the provider's first use. Only variables that start with the provider's name
// count, so that a plugin cannot ask for another's credential.
func (d *Directory) Find(ctx context.Context, name string, key spec.Secret) (Account, error) {
	if name == "" {
		name = d.settings.Default
	}
	if name == "" {
		return Account{}, &spec.Error{Kind: spec.KindValidation, Message: "params.provider: missing, and the client has no default_provider",
			Hint: offered("name a provider: ", d.backend.Names())}
	}
	m, err := d.Manifest(ctx, name)
	if err != nil {
		return Account{}, err
	}
	if strings.Contains(name, ":") {
		return d.account(name, key, m)
	}
	if key.Empty() {
		key = d.settings.Keys[name]
	}
	if key.Empty() && m.Credential != nil {
		key = d.fromEnvironment(name, m)
	}
	if key.Empty() && m.Credential != nil {
		return Account{}, missingKey(name, m)
	}
	how := d.settings.HTTP[name]
	return Account{Provider: name, Manifest: m, Key: key, HTTP: how, standing: how}, nil
}

// account resolves a further account.
func (d *Directory) account(name string, key spec.Secret, m *spec.Manifest) (Account, error) {
	own, known := d.settings.Accounts[name]
	switch {
	case known && (key.Empty() || key == own):
		how := d.settings.HTTP[Cloud(name)]
		return Account{Provider: name, Manifest: m, Key: own, HTTP: how, standing: how}, nil
	case known:
		return Account{}, &spec.Error{Kind: spec.KindValidation, Message: "params.api_key: given with an account, which has its own", Hint: "leave it out, or name the provider as " + Cloud(name)}
	}
	e := &spec.Error{Kind: spec.KindValidation, Message: "params.provider: " + Cloud(name) + " has no such account",
		Hint: "give its credential as providers." + Cloud(name) + ".accounts.<name> when opening the client"}
	if names := d.Further(Cloud(name)); len(names) > 0 {
		e.Hint = "the accounts are: " + strings.Join(names, ", ")
	}
	return Account{}, d.traced(e, name)
}

// Further lists the further accounts of a provider as callers name them.
func (d *Directory) Further(cloud string) []string {
	var out []string
	for name := range d.settings.Accounts {
		if Cloud(name) == cloud {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Names lists the providers, each with its further accounts behind it.
func (d *Directory) Names() []string {
	var out []string
	for _, name := range d.backend.Names() {
		out = append(append(out, name), d.Further(name)...)
	}
	return out
}

// FindAll resolves the providers of a call that may go to several.
func (d *Directory) FindAll(ctx context.Context, t Targets) ([]Account, error) {
	names, every := t.Provider, false
	if len(names) == 0 {
		names = []string{""}
	}
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		switch {
		case name == Any && len(names) > 1:
			return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.provider: any stands beside other names", Hint: "give any alone, or a list of names"}
		case name == Any:
			every = true
		case seen[name]:
			return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.provider: the same name twice", Hint: "give each provider once"}
		case name == "" && len(t.Provider) > 0:
			return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.provider: an empty name", Hint: "leave provider out for the client's default_provider"}
		}
		seen[name] = true
	}
	if !t.APIKey.Empty() && (every || len(names) > 1) {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.api_key: given with several providers", Hint: "name one provider, or set providers.<name>.api_key when opening the client"}
	}
	out := make([]Account, 0, len(names))
	if every {
		var err error
		if out, err = d.every(ctx); err != nil {
			return nil, err
		}
		names = nil
	}
	for _, name := range names {
		a, err := d.Find(ctx, name, t.APIKey)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	for i := range out {
		out[i].ask(t.HTTP)
	}
	return out, nil
}

// every lists the accounts of all providers that a credential is configured
// for, without further ones: they offer the same, and are for those who name them.
// A plugin that cannot be used takes no part.
func (d *Directory) every(ctx context.Context) ([]Account, error) {
	var out []Account
	for _, name := range d.backend.Names() {
		m, err := d.backend.Manifest(ctx, name)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			continue
		}
		if !d.Configured(name, m) {
			continue
		}
		if a, err := d.Find(ctx, name, spec.Secret{}); err == nil {
			out = append(out, a)
		}
	}
	if len(d.backend.Names()) == 0 {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.provider: there are no providers", Hint: noPlugins}
	}
	if len(out) == 0 {
		return nil, &spec.Error{Kind: spec.KindUnauthorized, Message: "no credential is configured for any provider; nothing was sent",
			Hint: "set providers.<name>.api_key when opening the client, or a provider's environment variable before it; providers.list names them"}
	}
	return out, nil
}

// Manifest returns a provider's manifest; the error of an unknown name says
// which there are.
func (d *Directory) Manifest(ctx context.Context, name string) (*spec.Manifest, error) {
	m, err := d.backend.Manifest(ctx, Cloud(name))
	if err != nil {
		if e := d.Known(name); e != nil {
			return nil, e
		}
		return nil, err
	}
	return m, nil
}

// Known returns an error that names the nearest provider where there is none of
// that name.
func (d *Directory) Known(name string) error {
	names := d.backend.Names()
	if slices.Contains(names, Cloud(name)) {
		return nil
	}
	e := &spec.Error{Kind: spec.KindValidation, Message: "params.provider: no such provider", Hint: offered("the providers are: ", names)}
	if near := strict.Nearest(Cloud(name), names); near != "" {
		e.Hint = "did you mean " + near + "?"
	}
	if name == Any {
		e.Message, e.Hint = "params.provider: any is for spawns, searches of offers and the reaper; this asks one provider", offered("name it: ", names)
	}
	return d.traced(e, name)
}

// traced adds to the error of a name where a caller that gave none has it from.
func (d *Directory) traced(e *spec.Error, name string) error {
	if name == d.settings.Default {
		e.Hint = sentence(e.Hint) + " The configuration's default_provider says " + name
	}
	return e
}

// sentence ends a hint that another one follows.
func sentence(hint string) string {
	if strings.HasSuffix(hint, "?") {
		return hint
	}
	return hint + "."
}

// noPlugins is what there is to do where no provider is: a Go program that was built
// in a checkout where nobody had built the plugins embeds none.
const noPlugins = "this program was built without plugins: run make plugins in the checkout of Atlas and build it again, or set plugins.dir"

// offered is the hint that lists the providers there are.
func offered(words string, names []string) string {
	if len(names) == 0 {
		return noPlugins
	}
	return words + strings.Join(names, ", ")
}

// Configured reports whether calls to a provider would find a credential.
func (d *Directory) Configured(name string, m *spec.Manifest) bool {
	return !d.settings.Keys[name].Empty() || m.Credential != nil && !d.fromEnvironment(name, m).Empty()
}

// Forget drops what was read for a provider, after its plugin was replaced.
func (d *Directory) Forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.env, name)
}

func (d *Directory) fromEnvironment(name string, m *spec.Manifest) spec.Secret {
	if d.settings.Getenv == nil {
		return spec.Secret{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if key, read := d.env[name]; read {
		return key
	}
	key := spec.Secret{}
	for _, variable := range Variables(name, m) {
		if value := d.settings.Getenv(variable); value != "" {
			key = spec.NewSecret(value)
			break
		}
	}
	d.env[name] = key
	return key
}

// Variables are the environment variables a provider's credential may come from.
func Variables(name string, m *spec.Manifest) []string {
	if m.Credential == nil {
		return []string{}
	}
	out := []string{}
	for _, variable := range m.Credential.Env {
		if strings.HasPrefix(variable, strings.ToUpper(name)+"_") {
			out = append(out, variable)
		}
	}
	return out
}

func missingKey(name string, m *spec.Manifest) *spec.Error {
	hint := "pass api_key, or set " + Setting(name) + " when opening the client"
	if known := Variables(name, m); len(known) > 0 {
		hint += ", or set " + strings.Join(known, " or ") + " before it"
	}
	return &spec.Error{Kind: spec.KindUnauthorized, Provider: name, Message: "no credential; nothing was sent", Hint: hint}
}
