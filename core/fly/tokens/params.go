package tokens

import "github.com/exatlas/atlas/core/spec"

// AppParams names an app.
type AppParams struct {
	App string `json:"app" required:"true" minlen:"1" maxlen:"63" doc:"Name of the app."`
}

// InvalidateParams says that Fly refused a token.
type InvalidateParams struct {
	App   string      `json:"app" required:"true" minlen:"1" maxlen:"63" doc:"Name of the app."`
	Token spec.Secret `json:"token" doc:"The refused token. Absent: the one that fly.tokens.get answers now."`
}

// ManualParams sets a token by hand.
type ManualParams struct {
	App    string      `json:"app" required:"true" minlen:"1" maxlen:"63" doc:"Name of the app."`
	Token  spec.Secret `json:"token" doc:"The token, with or without its scheme word."`
	Remove bool        `json:"remove" doc:"Removes the manual token instead."`
}

// Source tells where a token came from.
type Source string

// The sources.
const (
	SourceManual      Source = "manual"
	SourceStore       Source = "store"
	SourceEnvironment Source = "environment"
	SourceConfig      Source = "config"
	SourceCLI         Source = "cli"
)

// FlyToken is the result of fly.tokens.get and refresh.
type FlyToken struct {
	App       string   `json:"app" doc:"Name of the app."`
	Token     string   `json:"token" doc:"The token without scheme word. A secret."`
	Header    string   `json:"header" doc:"Value of the header Authorization: FlyV1 for macaroons, else Bearer. A secret."`
	Source    Source   `json:"source" enum:"manual,store,environment,config,cli" doc:"Where it came from first: store is one that the CLI made earlier."`
	Cached    bool     `json:"cached" doc:"Whether this process had it in memory."`
	ExpiresAt string   `json:"expires_at,omitempty" doc:"When it expires, RFC 3339 UTC, where the token says so or its maker was told."`
	Warnings  []string `json:"warnings,omitempty" doc:"What the caller should know: a manual token that Fly refused and was passed over, a store that cannot be read."`
}

// String keeps the token out of what is printed; its fields and its JSON have it.
func (t FlyToken) String() string {
	return string(t.Source) + " token of " + t.App + " " + spec.Redacted
}

// GoString does the same for %#v.
func (t FlyToken) GoString() string { return "tokens.FlyToken(" + t.String() + ")" }

// FlyTokenInvalidated is the result of fly.tokens.invalidate.
type FlyTokenInvalidated struct {
	App     string   `json:"app" doc:"Name of the app."`
	Dropped []Source `json:"dropped" doc:"Where the token was let go of."`
}

// FlyTokenManual is the result of fly.tokens.set_manual.
type FlyTokenManual struct {
	App       string `json:"app" doc:"Name of the app."`
	Set       bool   `json:"set" doc:"Whether there is a manual token now. It is in the store."`
	ExpiresAt string `json:"expires_at,omitempty" doc:"When it expires, where the token says so."`
}
