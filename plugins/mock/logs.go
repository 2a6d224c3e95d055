package mock

import (
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

// maxWaitMS is how long the mock cloud holds an answer at most.
const maxWaitMS = 10_000

// getLogs reads a stretch of a machine's log.
func getLogs(env sdk.Env, request *spec.LogsRequest) (*spec.LogsPage, *spec.Error) {
	var query rest.Query
	query.Add("after", request.Cursor)
	if request.Tail > 0 {
		query.AddInt("tail", int64(request.Tail))
	}
	query.Add("source", request.Source)
	query.Add("since", request.Since)
	if request.WaitMS > 0 {
		query.AddInt("wait_ms", min(request.WaitMS, maxWaitMS))
	}
	path, err := machinePath(request.ID, "/logs"+query.String())
	if err != nil {
		return nil, err
	}
	response, err := ask(env, "GET", path, nil)
	if err != nil {
		return nil, err
	}
	page := &spec.LogsPage{Lines: []spec.LogLine{}, Cursor: request.Cursor}
	listed := false
	r := jsonx.New(response.Body)
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "lines":
			listed = r.Kind() == jsonx.Array
			for more := r.Array(); more; more = r.NextElement() {
				page.Lines = append(page.Lines, toLine(&r))
			}
		case "next":
			if next := r.Text(); next != "" {
				page.Cursor = next
			}
		default:
			r.Skip()
		}
	}
	if !r.Done() || !listed {
		return nil, rest.Unreadable(&response, "log")
	}
	return page, nil
}

func toLine(r *jsonx.Reader) spec.LogLine {
	var line spec.LogLine
	for more := r.Object(); more; more = r.NextMember() {
		switch r.Key() {
		case "time":
			line.Time = rest.UTC(r.Text())
		case "source":
			line.Source = r.Text()
		case "text":
			line.Line = r.Text()
		default:
			r.Skip()
		}
	}
	return line
}
