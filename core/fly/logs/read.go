package logs

import (
	"bytes"
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/core/fly"
	"github.com/exatlas/atlas/core/spec"
)

// pageSize is how many lines Fly answers at most. A shorter page is the end of
// what there is now.
const pageSize = 100

// Getter asks the logs API. The root implements it on host/egress.
type Getter interface {
	// Get sends one GET, not again by itself, with the token in its header.
	Get(ctx context.Context, url string, token spec.Secret) (*Answer, *spec.Error)
}

// Answer is an answer of Fly's, whatever its status.
type Answer struct {
	Status     int
	RetryAfter time.Duration
	RequestID  string // the header fly-request-id
	Body       []byte
}

func checkApp(app string) *spec.Error { return fly.CheckApp("params.app", app) }

func checkWords(region, instance string) *spec.Error {
	if err := fly.CheckWord("params.region", region); err != nil {
		return err
	}
	return fly.CheckWord("params.instance", instance)
}

// filter chooses lines.
type filter struct{ region, instance string }

func (f filter) takes(l *Line) bool {
	return (f.region == "" || f.region == l.Region) && (f.instance == "" || f.instance == l.Instance)
}

// page is one answer.
type page struct {
	lines []Line
	next  string
}

// onward is the cursor of the page behind this one. A full page may end amid the
// lines of a moment, which its own cursor then names, and leaves out; so that
// moment is asked for again.
func (p *page) onward() string {
	last := int64(0)
	for i := range p.lines {
		last = max(last, p.lines[i].at)
	}
	if len(p.lines) < pageSize || p.moment() || p.next != strconv.FormatInt(last, 10) {
		return p.next
	}
	return strconv.FormatInt(last-1, 10)
}

// moment reports whether a page is full of the lines of one moment: what Fly has
// of it beyond them it does not show.
func (p *page) moment() bool {
	for i := range p.lines {
		if p.lines[i].at != p.lines[0].at {
			return false
		}
	}
	return len(p.lines) >= pageSize
}

// ask reads one page. A refused token is replaced once.
func (s *Service) ask(ctx context.Context, app, cursor string, f filter) (page, *spec.Error) {
	began := s.Clock.Now()
	out, status, err := s.read(ctx, app, cursor, f)
	s.fetched(began, app, status, len(out.lines), err)
	return out, err
}

func (s *Service) read(ctx context.Context, app, cursor string, f filter) (got page, status int, failed *spec.Error) {
	query := url.Values{}
	if cursor != "" {
		query.Set("next_token", cursor)
	}
	switch { // Fly wants the region left out beside a machine
	case f.instance != "":
		query.Set("instance", f.instance)
	case f.region != "":
		query.Set("region", f.region)
	}
	at := s.Settings.BaseURL + "/api/v1/apps/" + app + "/logs?" + query.Encode()
	for attempt := 0; ; attempt++ {
		token, err := s.Tokens.Token(ctx, app)
		if err != nil {
			return page{}, status, spec.AsError(err)
		}
		answer, failure := s.HTTP.Get(ctx, at, token)
		if failure != nil {
			return page{}, failure.Status, failure
		}
		switch status = answer.Status; {
		case answer.Status == 401 && attempt == 0:
			s.Tokens.Refused(ctx, app, token)
			continue
		case answer.Status < 200 || answer.Status > 299:
			return page{}, status, refusal(answer)
		}
		out, ok := parse(app, answer.Body)
		if !ok {
			return page{}, status, &spec.Error{Kind: spec.KindProvider, Provider: "fly", Operation: "get_logs", Status: answer.Status, Message: "the answer is no page of logs", Retryable: true}
		}
		return out, status, nil
	}
}

// refusal is the error of an answer that is none.
func refusal(a *Answer) *spec.Error {
	e := &spec.Error{Kind: spec.KindOfStatus(a.Status), Provider: "fly", Operation: "get_logs", Status: a.Status, Message: "Fly refused to show the logs",
		RetryAfterMS: a.RetryAfter.Milliseconds(), Retryable: a.Status == 429 || a.Status >= 500}
	switch a.Status {
	case 401:
		e.Message, e.Hint = "Fly refused the token, and a second one", "run fly auth login, or give a token with fly.tokens.set_manual"
	case 403:
		e.Hint = "the token may not see this app"
	case 404:
		e.Message, e.Hint = "Fly knows no such app", "check its name: fly.apps.discover, or fly apps list"
	}
	if a.RequestID != "" {
		e.Message += " (request " + strings.ToValidUTF8(a.RequestID[:min(len(a.RequestID), 80)], "?") + ")"
	}
	return e
}

// parse reads a page: the document of the logs route, or lines of JSON of the
// shape Fly's message stream has.
func parse(app string, body []byte) (page, bool) {
	var p fastjson.Parser
	out := page{}
	if v, err := p.ParseBytes(body); err == nil {
		if v.Type() == fastjson.TypeObject && v.Get("data") != nil {
			for _, record := range v.GetArray("data") {
				out.add(app, record)
			}
			out.next = scalar(v.Get("meta", "next_token"))
			return out, true
		}
		if v.Type() == fastjson.TypeArray {
			for _, record := range v.GetArray() {
				out.add(app, record)
			}
			return out, true
		}
	}
	good, bad := 0, 0
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		v, err := p.ParseBytes(line)
		if err != nil || v.Type() != fastjson.TypeObject || !out.add(app, v) {
			bad++
			continue
		}
		good++
	}
	for i := range out.lines {
		if at := out.lines[i].at; at > 0 {
			out.next = strconv.FormatInt(at, 10)
		}
	}
	return out, good > 0 || bad == 0 && len(bytes.TrimSpace(body)) == 0
}

func scalar(v *fastjson.Value) string {
	if v == nil {
		return ""
	}
	switch v.Type() {
	case fastjson.TypeString:
		text, _ := v.StringBytes()
		return string(text)
	case fastjson.TypeNumber:
		return v.String()
	}
	return ""
}

// first returns the first text that is there among several places.
func first(v *fastjson.Value, places ...[]string) string {
	for _, keys := range places {
		if text := scalar(v.Get(keys...)); text != "" {
			return text
		}
	}
	return ""
}

// add reads one record in either shape.
func (p *page) add(app string, v *fastjson.Value) bool {
	if inner := v.Get("attributes"); inner != nil {
		v = inner
	}
	l := Line{App: app,
		Timestamp: first(v, []string{"timestamp"}),
		Message:   first(v, []string{"message"}),
		Level:     first(v, []string{"level"}, []string{"log", "level"}),
		Instance:  first(v, []string{"instance"}, []string{"meta", "instance"}, []string{"fly", "app", "instance"}),
		Region:    first(v, []string{"region"}, []string{"meta", "region"}, []string{"fly", "region"}),
		Source:    first(v, []string{"meta", "event", "provider"}, []string{"event", "provider"})}
	if l.Timestamp == "" && l.Message == "" {
		return false
	}
	if at, err := time.Parse(time.RFC3339Nano, l.Timestamp); err == nil && at.Year() > 1970 && at.Year() < 2262 {
		l.at = at.UnixNano()
	}
	p.lines = append(p.lines, l)
	return true
}
