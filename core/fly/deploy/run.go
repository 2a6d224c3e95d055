package deploy

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/fly/flyctl"
	"github.com/exatlas/atlas/core/fly/tokens"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/process"
)

// deployment is one deploy.
type deployment struct {
	*plan
	service  *Service
	path     string // of the executable
	env      []string
	secret   string
	from     tokens.Source
	warnings []string
	cut      string // how a line went on that came in pieces: its last characters

	ring      []FlyDeployLine // a ring once it is full
	start     int
	complaint string // of the last line that says Error
	begins    bool   // whether that line begins with the word
	image     string
	url       string
}

// open finds everything a deploy needs.
func (s *Service) open(ctx context.Context, p *Params) (*deployment, *spec.Error) {
	named, _ := s.Program.Lookup(flyctl.EnvApp)
	plan, err := prepare(p, named)
	if err != nil {
		return nil, err
	}
	d := &deployment{plan: plan, service: s}
	if d.path, err = s.Program.Find(); err != nil {
		return nil, err
	}
	token, from, warnings, failure := s.Tokens.ForDeploy(ctx, plan.app)
	if failure != nil {
		return nil, spec.AsError(failure)
	}
	d.secret, d.from, d.warnings = token.Reveal(), from, warnings
	d.env = s.Program.Env(token)
	return d, nil
}

// longestKept bounds a line of the result.
const longestKept = 4 << 10

// run runs the program and tells its lines to those who follow, where it has a
// ticket: while the one who started it has no room, the program waits.
func (d *deployment) run(ctx context.Context, t *ticket) (*FlyDeploy, *spec.Error) {
	d.service.running.Add(1)
	defer d.service.running.Add(-1)
	got, err := process.Run(ctx, process.Command{Path: d.path, Args: d.args, Dir: d.folder, Env: d.env, Idle: d.idle, Total: d.total, Grace: d.service.Grace, Joined: true, Starting: d.service.Program.Starting,
		Line: func(ctx context.Context, l process.Line) {
			line := d.line(l)
			d.keep(line)
			if t == nil {
				return
			}
			d.service.board.tell(ctx, t, events.Data, EventLine, encode(line))
			if phase, ok := phaseOf(line.Text); ok && !line.Part {
				d.service.board.tell(ctx, t, events.Data, EventPhase, encode(map[string]string{"phase": phase, "text": line.Text}))
			}
		}})
	if err != nil {
		d.exited(t, &FlyDeploy{Outcome: "failed", ExitCode: -1}, 0, err)
		return nil, err
	}
	out := &FlyDeploy{App: d.app, Directory: d.folder, ExitCode: got.ExitCode, Signal: got.Signal, Warnings: d.warnings, DurationMS: got.Took.Milliseconds(), Lines: got.Lines,
		Tail: append(append([]FlyDeployLine{}, d.ring[d.start:]...), d.ring[:d.start]...), Image: d.image, URL: d.url, TokenFrom: string(d.from)}
	good, failure := d.judge(out, &got)
	d.exited(t, out, got.Took, failure)
	return good, failure
}

// judge tells a deploy that went well from one that did not. Only the exit code
// counts.
func (d *deployment) judge(out *FlyDeploy, got *process.Result) (*FlyDeploy, *spec.Error) {
	e := &spec.Error{Provider: "fly", Operation: "deploy"}
	switch {
	case got.Reason == process.Exited && got.ExitCode == 0:
		out.Outcome = "succeeded"
		return out, nil
	case got.Reason == process.Idle:
		out.Outcome, e.Kind = "idle", spec.KindTimeout
		e.Message, e.Hint = "the deploy printed nothing for "+d.idle.String()+" and was ended", "look at fly status; raise idle_timeout_ms where builds are silent for long"
	case got.Reason == process.Total:
		out.Outcome, e.Kind = "timeout", spec.KindTimeout
		e.Message, e.Hint = "the deploy took longer than "+d.total.String()+" and was ended", "look at fly status; raise timeout_ms"
	case got.Reason == process.Cancelled:
		out.Outcome, e.Kind = "cancelled", spec.KindCancelled
		e.Message, e.Hint = "the deploy was cancelled; machines may be partly replaced", "look at fly status, or deploy again"
	default:
		out.Outcome, e.Kind = "failed", spec.KindProvider
		e.Message = "fly deploy failed with exit code " + strconv.Itoa(got.ExitCode)
		if got.Signal != "" {
			e.Message = "fly deploy was ended by " + got.Signal
		}
		e.Hint = "the last lines are in the details"
		switch { // superfly/flyctl, 2026-08
		case got.ExitCode == 126:
			e.Hint = "flyctl waited in vain; look at fly status; wait_timeout_ms is how long it waits for a machine"
		case got.ExitCode == 127 || got.Signal != "":
			e.Hint = "it was interrupted; machines may be partly replaced; look at fly status, or deploy again"
		}
		if d.complaint != "" {
			e.Message += ": " + d.complaint
		}
		if strings.Contains(d.complaint, "no access token available") {
			e.Kind, e.Hint = spec.KindUnauthorized, "run fly auth login, set FLY_API_TOKEN, or give a token with fly.tokens.set_manual"
		}
	}
	e.UnknownOutcome = out.Outcome != "failed" || got.ExitCode != 1
	e.Details = encode(out)
	return nil, e
}

// line is a line as it is shown: without the token, should the program print it.
// Where there was one the line as it came is left out, since colours may stand in
// the middle of what is then no token any more.
func (d *deployment) line(l process.Line) FlyDeployLine {
	out := FlyDeployLine{Text: d.redact(&l), Rewrite: l.Rewrite, Part: l.Part}
	if l.Raw != l.Text && out.Text == l.Text {
		out.Raw = fly.Scrub(l.Raw, d.secret)
	}
	return out
}

// longestToken is how many characters of a line's pieces are looked at together.
const longestToken = 16 << 10

// redact takes tokens out of a line, also one whose piece before ended with the
// beginning of it.
func (d *deployment) redact(l *process.Line) string {
	before := d.cut
	if d.cut = ""; l.Part {
		d.cut = l.Text[max(0, len(l.Text)-longestToken):]
	}
	text := fly.Scrub(l.Text, d.secret)
	if before == "" {
		return text
	}
	// What follows the border is the rest of a token where both pieces together
	// hold one that neither holds alone.
	head := l.Text[:min(len(l.Text), longestToken)]
	whole := fly.Scrub(before+head, d.secret)
	if whole == fly.Scrub(before, d.secret)+fly.Scrub(head, d.secret) {
		return text
	}
	rest := strings.TrimLeftFunc(l.Text, func(r rune) bool { return r > ' ' && r != '"' && r != '\'' })
	return spec.Redacted + fly.Scrub(rest, d.secret)
}

// keep notes what the result tells of a line.
func (d *deployment) keep(l FlyDeployLine) {
	if len(l.Text) > longestKept {
		l.Text, l.Part = strings.ToValidUTF8(l.Text[:longestKept], ""), true
	}
	l.Raw = "" // events have it
	if len(d.ring) < d.tail {
		d.ring = append(d.ring, l)
	} else {
		d.ring[d.start] = l
		d.start = (d.start + 1) % len(d.ring)
	}
	d.complain(l.Text)
	if image := imageOf(l.Text); image != "" {
		d.image = image
	}
	if url := urlOf(l.Text); url != "" {
		d.url = url
	}
}

// complain notes what a line complains of. The word may stand behind a line that
// was begun on the other output, which counts until one begins with it.
func (d *deployment) complain(text string) {
	const word = "Error:"
	at := strings.Index(text, word)
	if at < 0 || at > 0 && (d.begins || unicode.IsLetter(rune(text[at-1]))) {
		return
	}
	text = strings.TrimSpace(text[at+len(word):])
	d.complaint, d.begins = strings.ToValidUTF8(text[:min(500, len(text))], ""), at == 0
}
