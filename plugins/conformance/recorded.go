package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

// checkRecorded plays every recorded case back as it is.
func (s *suite) checkRecorded() {
	if len(s.recording.Cases) == 0 {
		return
	}
	g := s.report.group("recorded", "the recorded cases as they are")
	for i := range s.recording.Cases {
		c := &s.recording.Cases[i]
		s.judge(g, &trial{name: c.Name, operation: c.Operation, request: c.Request, raw: c.IncludeRaw, cloud: play(c.Exchanges)},
			own(c), gone(c), law{lawRecorded, func(o *outcome) string { return unlike(c, o) }})
	}
}

// unlike tells how an outcome differs from what was recorded.
func unlike(c *Case, o *outcome) string {
	for i, x := range c.Exchanges {
		if i == len(o.sent) {
			return fmt.Sprintf("%d requests were sent, %d are recorded; the next would be %s %s", len(o.sent), len(c.Exchanges), x.Request.Method, x.Request.URL)
		}
		if got := o.sent[i]; got.method != x.Request.Method || got.url != x.Request.URL {
			return fmt.Sprintf("request %d is %s %s, recorded is %s %s", i+1, got.method, got.url, x.Request.Method, x.Request.URL)
		} else if !sameJSON(got.body, x.Request.Body.text) {
			return fmt.Sprintf("the body of request %d is %s, recorded is %s", i+1, got.body, x.Request.Body.text)
		}
	}
	if len(o.sent) > len(c.Exchanges) {
		return fmt.Sprintf("%d requests were sent, %d are recorded", len(o.sent), len(c.Exchanges))
	}
	switch {
	case c.Error != "" && (o.err == nil || o.err.Kind != c.Error):
		return describe(o) + "; recorded is an error " + string(c.Error)
	case c.Error == "" && o.err != nil:
		return describe(o) + "; recorded is a value"
	case c.Error == "" && !sameJSON(string(o.value), string(c.Value)):
		return string(o.value) + "; recorded is " + string(c.Value)
	}
	return ""
}

// sameJSON compares two texts as JSON, or as they are.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// checkBodies replaces each recorded answer by rubbish of the same status.
func (s *suite) checkBodies() {
	if len(s.recording.Cases) == 0 {
		return
	}
	g := s.report.group("bodies", "each recorded body replaced by rubbish, cut, huge")
	s.eachExchange(func(c *Case, at int, where string) {
		x := &c.Exchanges[at]
		for _, m := range rubbish(x.Answer.Body.text) {
			var laws []law
			if at == lastWrite(c) && at == len(c.Exchanges)-1 && x.Answer.Status < 300 {
				laws = append(laws, unsure(c.Operation, x.Request.Method, x.Request.URL))
			}
			if strings.HasPrefix(m.name, "cut") || m.name == "an HTML page" || m.name == "plain text" {
				if len(c.Exchanges) == 1 && jsonOperations(c.Operation) || lists(c.Operation) && x.Answer.Status < 300 {
					laws = append(laws, fails(c.Operation, 0))
				}
			}
			if m.same {
				laws = append(laws, s.unchanged(c))
			}
			s.judge(g, &trial{name: where + " answers " + m.name, operation: c.Operation, request: c.Request, raw: c.IncludeRaw,
				cloud: playWith(c.Exchanges, at, garbled(x, m.text))}, laws...)
		}
	})
}

// checkFields changes each field of each recorded answer.
func (s *suite) checkFields() {
	if len(s.recording.Cases) == 0 {
		return
	}
	g := s.report.group("fields", "each field of each recorded answer missing, null, of another type, absurd")
	s.eachExchange(func(c *Case, at int, where string) {
		x := &c.Exchanges[at]
		for _, m := range mutations(x.Answer.Body.text) {
			var laws []law
			if m.same {
				laws = append(laws, s.unchanged(c))
			}
			if strings.Contains(m.name, "[") && c.Operation == spec.OpList {
				laws = append(laws, whole(c, x.Answer.Body.text))
			}
			if c.Operation == spec.OpList || c.Operation == spec.OpGet || c.Operation == spec.OpSpawn {
				laws = append(laws, provisioning())
			}
			s.judge(g, &trial{name: where + " answers " + m.name, operation: c.Operation, request: c.Request,
				cloud: playWith(c.Exchanges, at, garbled(x, m.text))}, laws...)
		}
	})
}

// unchanged is the law that what a plugin does not know does not matter.
func (s *suite) unchanged(c *Case) law {
	return law{lawTheSame, func(o *outcome) string {
		switch {
		case c.IncludeRaw || c.Error != "":
			return ""
		case o.err != nil:
			return describe(o) + "; without them it is a value"
		case !sameJSON(withoutMaps(o.value), withoutMaps(spec.Raw(c.Value))):
			return string(o.value) + "; without them it is " + string(c.Value)
		}
		return ""
	}}
}

// withoutMaps takes out what mirrors objects of the cloud's: labels and the
// output of jobs. There an unknown member is one of them.
func withoutMaps(value spec.Raw) string {
	var tree any
	if json.Unmarshal(value, &tree) != nil {
		return string(value)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "metadata")
			delete(v, "output")
			delete(v, "chunks")
			for _, one := range v {
				strip(one)
			}
		case []any:
			for _, one := range v {
				strip(one)
			}
		}
	}
	strip(tree)
	return string(encode(tree))
}

// cursor matches the members of answers that lead to the next page.
var cursor = regexp.MustCompile(`"(next|cursor|next_cursor|next_token|next_page|next_page_token|page_token|continuation|continuation_token|nextCursor|nextToken|nextPageToken|continuationToken)":("[^"]*"|null|[0-9]+)`)

// further matches the members by which some clouds say that a page follows.
var further = regexp.MustCompile(`"(has_more|has_next|has_next_page|hasMore|hasNext|hasNextPage)":false`)

// checkPaging answers listings with pages that never end.
func (s *suite) checkPaging() {
	if len(s.recording.Cases) == 0 {
		return
	}
	g := s.report.group("paging", "listings whose pages never end or lead in circles")
	s.eachExchange(func(c *Case, at int, where string) {
		x := &c.Exchanges[at]
		if !cursor.MatchString(x.Answer.Body.text) || x.Request.Method != http.MethodGet {
			return
		}
		for _, kind := range []string{"ever new", "the same"} {
			pages := 0
			endless := func(_ context.Context, _ int, _ *egress.Request) (*egress.Response, *egress.Failure) {
				if pages++; kind == "the same" {
					pages = 1
				}
				a := x.Answer
				a.Body = Body{further.ReplaceAllString(cursor.ReplaceAllString(a.Body.text, fmt.Sprintf(`"$1":"conformance-%d"`, pages)), `"$1":true`)}
				return a.response(), nil
			}
			s.judge(g, &trial{name: where + " leads on to " + kind + " page", operation: c.Operation, request: c.Request, cloud: endless},
				law{lawWhole, func(o *outcome) string {
					if c.Operation == spec.OpList && len(o.sent) == at+1 && o.err == nil && !goesOn(o) {
						return "it asked for no further page, though the answer leads to one"
					}
					return ""
				}}, law{lawEnds, func(o *outcome) string {
					if len(o.sent) > 1 && !goesOn(o) && (o.err == nil || o.err.Kind != spec.KindProvider) {
						return describe(o)
					}
					return ""
				}})
		}
	})
}

// goesOn reports whether an answer leaves the rest to the next call: then it is
// the core that gives a listing up.
func goesOn(o *outcome) bool {
	var page spec.ComputePage
	return o.err == nil && json.Unmarshal(o.value, &page) == nil && page.Next != ""
}

// checkSecrets lets the cloud repeat what was in the request, in answers and in
// errors.
func (s *suite) checkSecrets() {
	g := s.report.group("secrets", "the cloud repeats a machine's environment in answers and errors")
	if !s.exported(spec.OpSpawn) {
		return
	}
	echo := func(status int, shape string) respond {
		return func(_ context.Context, _ int, r *egress.Request) (*egress.Response, *egress.Failure) {
			token := "nothing" // a cloud repeats what it was told
			if bytes.Contains(r.Body, []byte(envCanary)) {
				token = envCanary
			}
			said := bytes.ReplaceAll(r.Body, []byte(`"`), []byte(`'`))
			text := strings.ReplaceAll(shape, "BODY", string(encode("refused: "+string(said)+" "+token)))
			return Answer{Status: status, Body: Body{strings.ReplaceAll(text, "TOKEN", token)}}.response(), nil
		}
	}
	for _, status := range []int{400, 409, 422, 500} {
		for _, shape := range []string{`{"error":BODY}`, `{"title":BODY,"detail":BODY,"errors":[BODY]}`, `{"message":BODY,"env":{"APP_TOKEN":"TOKEN"}}`, `{"msg":BODY,"success":false}`, `BODY`, `refused: TOKEN`} {
			s.judge(g, &trial{name: fmt.Sprintf("%d %s", status, shape), operation: spec.OpSpawn, request: s.spawn, raw: true, cloud: echo(status, shape)})
		}
	}
	for i := range s.recording.Cases {
		c := &s.recording.Cases[i]
		if c.Operation != spec.OpSpawn {
			continue
		}
		for at := range c.Exchanges {
			for _, shape := range []string{`{"error":BODY}`, `{"detail":BODY}`, `{"msg":BODY,"error":"invalid"}`} {
				s.judge(g, &trial{name: fmt.Sprintf("%s: request %d is refused with %s", c.Name, at+1, shape), operation: spec.OpSpawn, raw: true,
					request: with(c.Request, map[string]any{"env": map[string]any{"APP_TOKEN": envCanary}}), cloud: playWith(c.Exchanges, at, echo(400, shape))})
			}
		}
	}
}
