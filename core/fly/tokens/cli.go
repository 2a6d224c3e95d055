package tokens

import (
	"context"
	"strings"
	"time"

	json "github.com/goccy/go-json"

	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/fly/flyctl"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/process"
)

// The scopes of a token that the CLI makes.
const (
	ScopeAuto     = "auto"     // readonly where the app's organization is found, else deploy
	ScopeReadonly = "readonly" // reads the app's whole organization
	ScopeDeploy   = "deploy"   // manages the one app
)

// mint has flyctl make a token. Standard error is kept apart: notices are written
// there, and a token is never looked for in it.
func mint(ctx context.Context, p flyctl.Program, app, org string, expiry, timeout time.Duration, dropped []string, known ...string) (string, *spec.Error) {
	path, err := p.Find()
	if err != nil {
		return "", err
	}
	args := []string{"tokens", "create", "deploy", "--app", app}
	if org != "" {
		args = []string{"tokens", "create", "readonly", "--org", org}
	}
	args = append(args, "--name", "atlas "+app, "--expiry", expiry.String(), "--json")
	var out strings.Builder
	var complaint string
	result, err := process.Run(ctx, process.Command{Path: path, Args: args, Env: p.Env(spec.Secret{}, dropped...), Total: timeout, Grace: time.Second, Starting: p.Starting,
		Line: func(_ context.Context, l process.Line) {
			switch {
			case l.Stream == process.Stdout && out.Len() < 256<<10:
				out.WriteString(l.Text + "\n")
			case l.Stream == process.Stderr && (complaint == "" || strings.HasPrefix(l.Text, "Error:")):
				complaint = fly.Scrub(l.Text, known...)
			}
		}})
	switch {
	case err != nil:
		return "", err
	case result.Reason == process.Total:
		return "", &spec.Error{Kind: spec.KindTimeout, Message: "fly tokens create did not end in " + timeout.String() + " and was killed", Retryable: true}
	case result.Reason == process.Cancelled:
		return "", &spec.Error{Kind: spec.KindCancelled, Message: "cancelled"}
	case result.ExitCode != 0:
		message := "fly tokens create failed"
		if complaint = strings.TrimSpace(strings.TrimPrefix(complaint, "Error:")); complaint != "" {
			message += ": " + strings.ToValidUTF8(complaint[:min(len(complaint), 300)], "")
		}
		return "", &spec.Error{Kind: spec.KindUnauthorized, Message: message, Hint: "run fly auth login"}
	}
	token := created(out.String())
	if !fly.Readable(token) {
		return "", &spec.Error{Kind: spec.KindProvider, Message: "fly tokens create ended well and printed no token", Hint: "bring flyctl up to date"}
	}
	return token, nil
}

// created takes the token out of what flyctl printed: JSON, or one line from a
// version that prints none.
func created(out string) string {
	out = strings.TrimSpace(out)
	var d struct {
		Token string `json:"token"`
	}
	if strings.HasPrefix(out, "{") {
		if json.Unmarshal([]byte(out), &d) != nil {
			return ""
		}
		return fly.Bare(d.Token)
	}
	for _, line := range strings.Split(out, "\n") {
		if token := fly.Bare(line); fly.Macaroon(token) {
			return token
		}
	}
	return ""
}
