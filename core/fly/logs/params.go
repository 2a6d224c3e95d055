package logs

import "github.com/exatlas/atlas/core/spec"

// FetchParams asks for one page.
type FetchParams struct {
	App       string `json:"app" required:"true" minlen:"1" maxlen:"63" doc:"Name of the app."`
	NextToken string `json:"next_token" maxlen:"512" doc:"Cursor of an earlier answer or of a line, or any time in nanoseconds since 1970. Absent: the newest lines of the last day."`
	Region    string `json:"region" maxlen:"64" doc:"Lines of this region alone."`
	Instance  string `json:"instance" maxlen:"64" doc:"Lines of this machine alone."`
}

// SubscribeParams asks for lines as they are written.
type SubscribeParams struct {
	App      string `json:"app" required:"true" minlen:"1" maxlen:"63" doc:"Name of the app."`
	From     string `json:"from" maxlen:"512" doc:"Cursor to resume from: that of the last line seen, or of fly.logs.fetch. Absent: new lines alone."`
	Recent   bool   `json:"recent" doc:"Begins with the newest lines of the last day, 100 at the most, where from is absent."`
	Region   string `json:"region" maxlen:"64" doc:"Lines of this region alone."`
	Instance string `json:"instance" maxlen:"64" doc:"Lines of this machine alone."`
}

// Line is one line of an app's log.
type Line struct {
	App       string `json:"app" doc:"Name of the app."`
	Timestamp string `json:"timestamp" doc:"When it was written, as Fly tells it, RFC 3339 UTC."`
	Message   string `json:"message" doc:"Its text."`
	Level     string `json:"level,omitempty" doc:"Its level, where Fly tells one."`
	Region    string `json:"region,omitempty" doc:"Region of the machine."`
	Instance  string `json:"instance,omitempty" doc:"The machine."`
	Source    string `json:"source,omitempty" doc:"Who wrote it: app, runner, proxy and others."`
	Cursor    string `json:"cursor,omitempty" doc:"Where to resume behind it and all lines before it: from of fly.logs.subscribe, next_token of fly.logs.fetch."`

	at int64 // ns since 1970; 0: not known
}

// FlyLogs is the result of fly.logs.fetch.
type FlyLogs struct {
	Items     []Line `json:"items" doc:"The lines, oldest first."`
	NextToken string `json:"next_token,omitempty" doc:"Cursor of what comes after them."`
}

// Events of a subscription.
const (
	EventLine    = "line"
	EventStalled = "stalled" // Fly does not answer; the stream goes on trying
	EventResumed = "resumed" // it answers again
	EventError   = "error"   // the last event
)

// check finds what is wrong with a request before anything is sent.
func check(app, cursor, region, instance string) *spec.Error {
	if err := checkApp(app); err != nil {
		return err
	}
	for i := 0; i < len(cursor); i++ {
		if c := cursor[i]; c <= ' ' || c >= 0x7f {
			return &spec.Error{Kind: spec.KindValidation, Message: "params: the cursor is none", Hint: "take it from an earlier answer"}
		}
	}
	if _, _, ok := resume(cursor); !ok {
		return &spec.Error{Kind: spec.KindValidation, Message: "params: the cursor is none", Hint: "take it from an earlier answer"}
	}
	return checkWords(region, instance)
}
