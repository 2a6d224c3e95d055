package provider

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
)

// script answers requests from a list and keeps what was sent.
type script struct {
	answers []sdk.Response
	sent    []string
}

func (s *script) Do(r sdk.Request) (sdk.Response, *spec.Error) {
	s.sent = append(s.sent, r.Method+" "+r.URL+" "+string(r.Body))
	if len(s.answers) == 0 {
		return sdk.Response{}, spec.NewError(spec.KindTransport, "nothing answers")
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	return answer, nil
}

// run carries an operation out as the host does.
func run(operation, request string, answers ...sdk.Response) (output string, sent []string) {
	s := &script{answers: answers}
	output = string(sdk.Handle(New(), operation, []byte(`{"request":`+request+`,"context":{"urls":{"api":"https://sim/"}}}`), s, nil))
	return output, s.sent
}

func says(status int, body string) sdk.Response {
	return sdk.Response{Status: status, Body: body, Lookup: func(name string) string {
		return map[string]string{"retry-after": "7"}[name]
	}}
}

const order = `{"name":"n","request_id":"r","gpu":"a100","gpu_count":2,"env":{"TOKEN":"secret-value"},"ports":[{"internal":8000}]}`

func TestSpawn_AsksOnceAndWithTheLabel(t *testing.T) {
	output, sent := run(spec.OpSpawn, order, says(201, `{"id":"m-1","state":"building","labels":{"atlas-request":"r"},"hourly_usd":-3,"ports":[{"port":8000,"kind":"http","url":"u"}]}`))
	want := `POST https://sim/v1/machines {"name":"n","size":"a100-2","ports":[{"port":8000,"kind":"http"}],"variables":{"TOKEN":"secret-value"},"labels":{"atlas-request":"r"}}`
	if len(sent) != 1 || sent[0] != want {
		t.Errorf("sent %q, want %q", sent, want)
	}
	for _, part := range []string{`"provider":"` + name + `"`, `"status":"provisioning"`, `"request_id":"r"`, `"url":"u"`} {
		if !strings.Contains(output, part) {
			t.Errorf("no %s in %s", part, output)
		}
	}
	if strings.Contains(output, "cost_per_hour") {
		t.Errorf("a negative price is told: %s", output)
	}
}

func TestFailures_HaveTheRightKind(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{409, `{"error":{"code":"sold_out","message":"none is free"}}`, `"kind":"capacity"`},
		{409, `{"error":{"code":"too_expensive","message":"it costs more"}}`, `"kind":"budget"`},
		{409, `{"error":{"code":"wrong_state","message":"it is on"}}`, `"kind":"conflict"`},
		{404, `{"error":{"code":"no_such_machine"}}`, `"kind":"not_found"`},
		{404, `<h1>nginx</h1>`, `"kind":"provider"`},
		{429, `{"error":{"code":"too_many_requests"}}`, `"retry_after_ms":7000`},
		{422, `{"error":{"code":"invalid","message":"secret-value is no token"}}`, `[redacted] is no token`},
	} {
		if output, _ := run(spec.OpSpawn, order, says(c.status, c.body)); !strings.Contains(output, c.want) {
			t.Errorf("%d %s: no %s in %s", c.status, c.body, c.want, output)
		}
	}
}

func TestTerminate_TakesGoneForDone(t *testing.T) {
	if output, _ := run(spec.OpTerminate, `{"id":"m-1"}`, says(404, `{"error":{"code":"no_such_machine"}}`)); output != `{"value":{"id":"m-1","provider":"`+name+`","status":"terminated","gpu_count":0,"ports":[]}}` {
		t.Errorf("%s", output)
	}
	if output, _ := run(spec.OpTerminate, `{"id":"m-1"}`, says(200, `<html>maintenance</html>`)); !strings.Contains(output, `"kind":"provider"`) {
		t.Errorf("a page of something between: %s", output)
	}
	if output, sent := run(spec.OpTerminate, `{"id":"../sizes"}`); len(sent) != 0 || !strings.Contains(output, `"kind":"validation"`) {
		t.Errorf("%s after %q", output, sent)
	}
}

func TestFind_ReadsEveryPage(t *testing.T) {
	output, sent := run(spec.OpFind, `{"request_ids":["r-2"]}`, says(200, `{"machines":[{"id":"m-1","labels":{"atlas-request":"r-1"}}],"next_page":"p 1"}`),
		says(200, `{"machines":[{"id":"m-2","labels":{"atlas-request":"r-2"}}],"next_page":null}`))
	if len(sent) != 2 || !strings.Contains(sent[1], "&page=p%201") || strings.Contains(output, "m-1") || !strings.Contains(output, "m-2") {
		t.Errorf("%s after %q", output, sent)
	}
}
