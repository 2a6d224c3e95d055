package host

import (
	"encoding/json"
	"testing"

	"github.com/valyala/fastjson"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/host/egress"
)

func TestExchange_IsSettledWhereTheFateOfAWriteIsKnown(t *testing.T) {
	for _, row := range []struct {
		method string
		aside  bool
		status int
		want   bool
	}{
		{"POST", false, 201, false}, {"POST", true, 201, true}, {"DELETE", true, 204, true},
		{"POST", false, 422, true}, {"POST", false, 429, true}, {"POST", false, 307, true},
		{"POST", false, 408, false}, {"POST", true, 408, false}, {"POST", false, 500, false}, {"POST", true, 503, false},
		{"GET", false, 200, true}, {"GET", false, 500, true},
	} {
		x := &exchange{started: true, aside: row.aside, answer: &egress.Response{Status: row.status}}
		x.request.Method = row.method
		if got := x.settled(); got != row.want {
			t.Errorf("%+v: settled %v", row, got)
		}
	}
	for _, sent := range []bool{true, false} {
		x := &exchange{started: true, aside: true, failure: &egress.Failure{Sent: sent}}
		x.request.Method = "POST"
		if x.settled() == sent {
			t.Errorf("no answer, sent %v: settled %v", sent, x.settled())
		}
	}
}

func TestCall_KnowsItsOutcomeOnceAllIsTakenBack(t *testing.T) {
	request := func(method string, status int, undo bool) *exchange {
		x := &exchange{started: true, undo: undo}
		x.request.Method = method
		if status == 0 {
			x.failure = &egress.Failure{Sent: true}
		} else {
			x.answer = &egress.Response{Status: status}
		}
		return x
	}
	for _, row := range []struct {
		undo int // status of the request that takes back, 0: none came
		want bool
	}{{200, false}, {204, false}, {404, true}, {500, true}, {0, true}} {
		for ended := range 3 { // a guest ends a request when it begins the next, if at all
			c := &call{}
			for i, x := range []*exchange{request("PUT", 200, false), request("DELETE", row.undo, true)} {
				c.exchanges = append(c.exchanges, x)
				if i < ended {
					c.end(x)
				}
			}
			if got := c.unknownOutcome(); got != row.want {
				t.Errorf("undo answered %d, %d requests ended: unknown outcome %v", row.undo, ended, got)
			}
		}
	}
}

// TestHeadersJSON_IsJSONWhateverTheCloudSends has what Go quotes in another way than
// JSON does, beside a quote, which makes quoting necessary.
func TestHeadersJSON_IsJSONWhateverTheCloudSends(t *testing.T) {
	for sent, want := range map[string]string{`W/"x"`: `W/"x"`, "\"\x7f": "\"\x7f", "\"\x01\x1b\t": "\"\x01\x1b\t", "\"\U000e0001": "\"\U000e0001", "\"\u2028<": "\"\u2028<", "\"\xff": "\"\ufffd"} {
		var got map[string]string
		text := headersJSON([]egress.Header{{Name: "x", Value: sent}, {Name: "y", Value: "1"}, {Name: "y", Value: "2"}})
		if err := json.Unmarshal(text, &got); err != nil || got["x"] != want || got["y"] != "1, 2" {
			t.Errorf("%q: %s, %v", sent, text, err)
		}
	}
	x := &exchange{failure: &egress.Failure{Error: spec.NewError(spec.KindTransport, "\"\x7f")}}
	var got struct{ Kind, Message string }
	if err := json.Unmarshal(x.failureText(), &got); err != nil || got.Kind != "transport" || got.Message != "\"\x7f" {
		t.Errorf("a failure is %s, %v", x.failureText(), err)
	}
}

// TestParseRequest_TakesAnEndlessIdleTimeForALongOne has a guest that says for ever.
func TestParseRequest_TakesAnEndlessIdleTimeForALongOne(t *testing.T) {
	for sent, want := range map[string]int64{"1500": 1500, "9223372036854775807": longestIdleMS, "9223372036855": longestIdleMS} {
		var x exchange
		if err := parseRequest(&fastjson.Parser{}, []byte(`{"url":"https://api.example.com/","read":{"idle_ms":`+sent+`}}`), &x); err != nil || x.request.Read.IdleMS != want {
			t.Errorf("%s: %+v, %v", sent, x.request.Read, err)
		}
	}
}
