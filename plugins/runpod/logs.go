package runpod

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// How a log is read: RunPod holds the stream open, so the host hands over what
// has come when nothing more came for a while.
const (
	defaultIdleMS = 1000
	maxIdleMS     = 30_000
	maxLogBytes   = 1 << 20
	maxTail       = 5000

	// fullLogBytes is from where on a body is as large as may be: what the host takes
	// out of it, such as the credential, may have made it a little smaller.
	fullLogBytes = maxLogBytes - 8<<10
	maxCharacter = 12 // bytes that a character takes in JSON: a pair of surrogates
	cutMark      = " … [cut]"
)

// getLogs reads a stretch of a pod's log. The cursor is the identifier of the
// last whole event, so an event that was cut is read again, and none twice. One that
// alone is more than is read at a time is handed out as far as it was, or the cursor
// would stay before it for ever.
func getLogs(env sdk.Env, request *spec.LogsRequest) (*spec.LogsPage, *spec.Error) {
	url, err := podURL(env, request.ID, "/logs")
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(request.Cursor, "\r\n") {
		return nil, invalid("cursor is none of get_logs")
	}
	var query rest.Query
	query.Add("source", request.Source)
	ask := sdk.Request{Method: "GET", Header: []sdk.Header{{Name: "accept", Value: "text/event-stream"}},
		ReadIdleMS: defaultIdleMS, ReadMaxBytes: maxLogBytes}
	if request.WaitMS > 0 {
		ask.ReadIdleMS = min(request.WaitMS, maxIdleMS)
	}
	switch { // the first of these that is there decides alone, at RunPod too
	case request.Cursor != "":
		ask.Header = append(ask.Header, sdk.Header{Name: "last-event-id", Value: request.Cursor})
	case request.Since != "":
		query.Add("since", request.Since)
	case request.Tail > 0:
		query.AddInt("tail", int64(min(request.Tail, maxTail)))
	}
	ask.URL = url + query.String()
	response, err := env.HTTP.Do(ask)
	if err != nil {
		return nil, err
	}
	if response.Status < 200 || response.Status > 299 {
		return nil, failure(&response, nil)
	}
	if document(response.Body) {
		return nil, rest.Unreadable(&response, "stream of log lines")
	}
	page := &spec.LogsPage{Lines: []spec.LogLine{}, Cursor: request.Cursor}
	events := rest.NewEvents(response.Body)
	whole := 0
	for event, ok := events.Next(); ok; event, ok = events.Next() {
		if event.ID != "" {
			page.Cursor = event.ID
		}
		if event.Data != "" {
			page.Lines = append(page.Lines, toLine(event.Data))
		}
		whole++
	}
	if whole > 0 || len(response.Body) < fullLogBytes {
		return page, nil
	}
	switch event := beginning(response.Body); {
	case event.Data == "": // comments
	case event.ID == "":
		return nil, &spec.Error{Kind: spec.KindProvider, Status: response.Status, Message: "an event of the log is larger than 1 MiB and does not say where to read on after it"}
	default:
		page.Cursor = event.ID
		page.Lines = append(page.Lines, toCutLine(event.Data))
	}
	return page, nil
}

// beginning is the event that a body begins with and does not end. A last line that
// holds no data may be cut in its name or in an identifier.
func beginning(body string) rest.Event {
	last := strings.LastIndexAny(body, "\r\n") + 1
	if !strings.HasPrefix(body[last:], "data:") {
		body = body[:last]
	}
	events := rest.NewEvents(body + "\n\n")
	event, _ := events.Next()
	return event
}

// toCutLine converts the data of an event that was cut, which is most likely so
// within its line: what is left of the last character goes.
func toCutLine(data string) spec.LogLine {
	line := spec.LogLine{Line: data}
	for most := 0; most <= maxCharacter && most < len(data); most++ {
		if text := data[:len(data)-most] + `"}`; jsonx.IsObject(text) {
			line = toLine(text)
			break
		}
	}
	line.Line = strings.TrimRight(strings.ToValidUTF8(line.Line, ""), "\uFFFD") + cutMark
	return line
}

// toLine converts the data of an event. Data that is no object is the line
// itself.
func toLine(data string) spec.LogLine {
	r := jsonx.New(data)
	line := spec.LogLine{}
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "ts":
			line.Time = rest.UTC(r.Text())
		case "source":
			line.Source = r.Text()
		case "line":
			line.Line = r.Text()
		default:
			r.Skip()
		}
	}
	if !jsonx.IsObject(data) {
		return spec.LogLine{Line: data}
	}
	return line
}

// document reports whether a body is a page or a JSON text, which a stream of events
// never begins like. It would pass for a log without lines.
func document(body string) bool {
	text := strings.TrimSpace(body)
	return text != "" && strings.IndexByte("<{[", text[0]) >= 0
}
