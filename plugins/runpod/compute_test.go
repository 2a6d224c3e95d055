package runpod

import (
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/leak"
	"github.com/exatlas/atlas/plugins/sdk"
)

func TestMain(m *testing.M) { leak.Main(m) }

// says is a cloud that answers everything alike.
type says struct {
	status int
	body   string
}

func (s says) Do(sdk.Request) (sdk.Response, *spec.Error) {
	return sdk.Response{Status: s.status, Body: s.body, Lookup: func(string) string { return "" }}, nil
}

func TestTerminate_IsDoneOnlyWhereRunPodSaysSo(t *testing.T) {
	for _, row := range []struct {
		says
		done bool
	}{
		{says{204, ""}, true},
		{says{200, ""}, true},
		{says{202, "\n"}, true},
		{says{404, `{"title":"Not Found","status":404,"detail":"resource not found"}`}, true},
		{says{404, ""}, false},
		{says{200, "<html><body>We are down for maintenance</body></html>"}, false},
		{says{200, `{"success":false}`}, false},
		{says{200, `{"id":"p1","status":"RUNNING"}`}, false},
	} {
		_, err := terminate(sdk.Env{HTTP: row.says}, &spec.IDRequest{ID: "p1"})
		if row.done != (err == nil) {
			t.Errorf("%+v: %v", row.says, err)
		}
		if err != nil && (err.Kind != spec.KindProvider || !err.Retryable || !strings.Contains(err.Message, "confirm")) {
			t.Errorf("%+v: %+v", row.says, err)
		}
	}
}

func TestGet_TellsOfAWayToLogInOnlyWhereThereIsOne(t *testing.T) {
	const proxy = `"proxy":{"host":"ssh.runpod.io","port":22,"username":"p1-1","command":"ssh"}`
	const direct = `"direct":{"host":"1.2.3.4","port":40022,"username":"root","command":"ssh"}`
	for _, row := range []struct{ env, ssh, want string }{
		{`{"PUBLIC_KEY":"ssh-ed25519 AAAA me"}`, proxy + `,"direct":null`, "ssh.runpod.io"},
		{`{"PUBLIC_KEY":"ssh-ed25519 AAAA me"}`, proxy + `,` + direct, "1.2.3.4"},
		{`{"PUBLIC_KEY":""}`, proxy + `,"direct":null`, ""},
		{`{"A":"b"}`, proxy + `,"direct":null`, ""},
		{`null`, `"proxy":null,"direct":null`, ""},
		{`{"A":"b"}`, proxy + `,` + direct, "1.2.3.4"}, // the image may bring a server and keys of its own
	} {
		for _, text := range []string{`{"id":"p1","env":` + row.env + `,"ssh":{` + row.ssh + `}}`, `{"id":"p1","ssh":{` + row.ssh + `},"env":` + row.env + `}`} {
			c, err := get(sdk.Env{HTTP: says{200, text}}, &spec.IDRequest{ID: "p1"})
			host := ""
			if err == nil && c.SSH != nil {
				host = c.SSH.Host
			}
			if err != nil || host != row.want {
				t.Errorf("%s: %v, %q", text, err, host)
			}
		}
	}
}

func TestGet_BelievesNoStrangerThatAPodIsGone(t *testing.T) {
	for _, row := range []struct {
		body string
		kind spec.Kind
	}{
		{`{"title":"Not Found","status":404,"detail":"resource not found"}`, spec.KindNotFound},
		{``, spec.KindProvider},
		{"\n", spec.KindProvider},
		{`<html>not found</html>`, spec.KindProvider},
	} {
		if _, err := get(sdk.Env{HTTP: says{404, row.body}}, &spec.IDRequest{ID: "p1"}); err == nil || err.Kind != row.kind || err.Status != 404 {
			t.Errorf("%q: %+v", row.body, err)
		}
	}
}

func TestStop_IsDoneOnlyWhereRunPodShowsThePod(t *testing.T) {
	for _, row := range []struct {
		says
		done bool
	}{
		{says{200, `{"id":"p1","status":"EXITED"}`}, true},
		{says{200, ""}, false},
		{says{204, ""}, false},
		{says{200, "<html><body>We are down for maintenance</body></html>"}, false},
	} {
		for _, act := range []func(sdk.Env, *spec.IDRequest) (*spec.Compute, *spec.Error){stop, start} {
			c, err := act(sdk.Env{HTTP: row.says}, &spec.IDRequest{ID: "p1"})
			if row.done != (err == nil && c != nil) || err != nil && err.Kind != spec.KindProvider {
				t.Errorf("%+v: %+v %v", row.says, c, err)
			}
		}
	}
}

func TestGetLogs_TakesNoPageForALogWithoutLines(t *testing.T) {
	for body, done := range map[string]bool{"": true, ": ping\n\n": true, "id: 1\ndata: {\"line\":\"a\"}\n\n": true, "id: 1\nda": true,
		"\n<html><body>maintenance</body></html>": false, `{"lines":[]}`: false} {
		if page, err := getLogs(sdk.Env{HTTP: says{200, body}}, &spec.LogsRequest{ID: "p1"}); done != (err == nil) {
			t.Errorf("%q: %+v %v", body, page, err)
		}
	}
}

func TestGetLogs_GoesOnAfterAnEventThatIsLargerThanARead(t *testing.T) {
	const head = "id: 2026-06-01T12:02:03Z/000000000007\ndata: {\"ts\":\"2026-06-01T12:02:03Z\",\"source\":\"container\",\"line\":\""
	fill := func(unit string) string { return strings.Repeat(unit, maxLogBytes/len(unit)+1) }
	for name, row := range map[string]struct{ body, cursor, begins string }{
		"letters":        {head + fill("x"), "2026-06-01T12:02:03Z/000000000007", "xxx"},
		"escapes":        {head + fill(`\ud83d\ude00`), "2026-06-01T12:02:03Z/000000000007", "😀😀"},
		"letters of two": {head + fill("é"), "2026-06-01T12:02:03Z/000000000007", "éé"},
		"no JSON":        {"id: 7\ndata: " + fill("y"), "7", "yyy"},
		"cut after it":   {"id: 7\ndata: " + strings.Repeat("z", maxLogBytes-15) + "\nid", "7", "zzz"},
		"cut identifier": {"data: " + strings.Repeat("z", maxLogBytes-12) + "\nid: 2026", "", ""},
	} {
		for _, short := range []int{0, 1, 5, 8} {
			page, err := getLogs(sdk.Env{HTTP: says{200, row.body[:maxLogBytes-short]}}, &spec.LogsRequest{ID: "p1", Cursor: "before"})
			switch {
			case row.cursor == "":
				if err == nil || err.Kind != spec.KindProvider {
					t.Errorf("%s, %d less: %+v", name, short, err)
				}
			case err != nil || page.Cursor != row.cursor || len(page.Lines) != 1:
				t.Errorf("%s, %d less: %v", name, short, err)
			case !strings.HasPrefix(page.Lines[0].Line, row.begins) || !strings.HasSuffix(page.Lines[0].Line, cutMark) || strings.ContainsRune(page.Lines[0].Line, '\uFFFD'):
				t.Errorf("%s, %d less: %.20q", name, short, page.Lines[0].Line)
			case row.body[:len(head)] == head && (page.Lines[0].Source != "container" || page.Lines[0].Time != "2026-06-01T12:02:03Z"):
				t.Errorf("%s, %d less: %+v", name, short, page.Lines[0].Time)
			}
		}
	}
	page, err := getLogs(sdk.Env{HTTP: says{200, fill(": ping\n")[:maxLogBytes]}}, &spec.LogsRequest{ID: "p1", Cursor: "before"})
	if err != nil || page.Cursor != "before" || len(page.Lines) != 0 {
		t.Errorf("comments alone: %+v %v", page, err)
	}
	page, err = getLogs(sdk.Env{HTTP: says{200, "id: 8\ndata: a\n\n" + (head + fill("x"))[:maxLogBytes-15]}}, &spec.LogsRequest{ID: "p1"})
	if err != nil || page.Cursor != "8" || len(page.Lines) != 1 {
		t.Errorf("an event that is cut after whole ones: %+v %v", page.Cursor, err)
	}
}

// An answer that tells neither of a state nor of chunks is none of RunPod's; taken for
// an empty read it would be asked for again for ever.
func TestStreamJob_TakesNoAnswerThatTellsNothingForAnEmptyRead(t *testing.T) {
	for body, done := range map[string]bool{`{}`: false, `{"error":"x"}`: false, `{"message":"maintenance"}`: false, `null`: false, ``: false,
		`{"status":"IN_PROGRESS"}`: true, `{"stream":[]}`: true, `{"status":"IN_PROGRESS","stream":null}`: true, `{"stream":[{"output":1},null,"x"]}`: true, `[{"output":1}]`: true} {
		chunks, err := streamJob(sdk.Env{HTTP: says{200, body}}, &spec.JobRequest{Endpoint: "e", ID: "j"})
		if done != (err == nil) || err != nil && err.Kind != spec.KindProvider {
			t.Errorf("%q: %+v %v", body, chunks, err)
		}
	}
}
