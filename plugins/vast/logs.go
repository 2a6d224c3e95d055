package vast

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
	"github.com/exatlas/atlas/plugins/sdk/rest"
)

const (
	defaultTail = 1000 // lines, as Vast's own client asks for
	maxTail     = 5000
	lookMS      = 300 // pace of looking for a log, kept by the host
	defaultLook = 15  // times
	maxLook     = 30  // as Vast's own client
	markLines   = 20  // last lines that a cursor knows a log by
)

// getLogs reads the last lines of a machine's log: Vast copies them into a file
// that appears at an address a few seconds after. The cursor is a mark of the
// last lines that were read; the lines after them are new. Where a log has moved
// on by more than Vast gives, or repeats itself over that many lines, some are
// missing.
func getLogs(env sdk.Env, request *spec.LogsRequest) (*spec.LogsPage, *spec.Error) {
	url, err := instanceURL(env, "request_logs/", request.ID)
	if err != nil {
		return nil, err
	}
	tail := defaultTail
	switch {
	case request.Since != "":
		return nil, unsupported("lines of a log at Vast.ai have no times to begin at", "use tail, or the cursor of an earlier answer")
	case request.Source != "" && request.Source != "container" && request.Source != "system":
		return nil, invalid("source is neither container nor system")
	case request.Cursor != "":
		tail = maxTail
	case request.Tail > 0:
		tail = min(request.Tail, maxTail)
	}
	last, err := parseMark(request.Cursor)
	if err != nil {
		return nil, err
	}
	w := jsonx.Writer{}
	w.Open('{')
	w.TextField("tail", strconv.Itoa(tail))
	if request.Source == "system" {
		w.TextField("daemon_logs", "true")
	}
	w.Close('}')
	response, err := ask(env, sdk.Request{Method: "PUT", URL: url, Body: w.Buf, Aside: true})
	if err != nil {
		return nil, err
	}
	result := jsonx.New(jsonx.Field(response.Body, "result_url"))
	at := result.Text()
	if !strings.HasPrefix(at, "https://") && !strings.HasPrefix(at, "http://") {
		return nil, rest.Unreadable(&response, "address of a log")
	}
	text, arrived, err := fetch(env, at, request.WaitMS)
	if err != nil {
		return nil, err
	}
	page := &spec.LogsPage{Lines: []spec.LogLine{}, Cursor: request.Cursor}
	if !arrived {
		return page, nil
	}
	lines := linesOf(text)
	source := request.Source
	if source == "" {
		source = "container"
	}
	for _, line := range lines[last.after(lines):] {
		page.Lines = append(page.Lines, spec.LogLine{Source: source, Line: line})
	}
	if len(lines) > 0 {
		page.Cursor = markOf(lines).String()
	}
	return page, nil
}

// fetch looks for the file until it is there. S3 answers 403 or 404 before. The
// guest does not wait: the host keeps the pace that the manifest declares for
// such a file.
func fetch(env sdk.Env, url string, waitMS int64) (text string, arrived bool, err *spec.Error) {
	times := defaultLook
	if waitMS > 0 {
		times = int(min(max(waitMS/lookMS, 1), maxLook))
	}
	for range times {
		response, err := env.HTTP.Do(sdk.Request{Method: "GET", URL: url})
		switch {
		case err != nil:
			return "", false, err
		case response.Status == 200:
			return response.Body, true, nil
		case response.Status != 403 && response.Status != 404:
			e := failure(&response, nil)
			e.Message = "the file of the log: " + e.Message
			return "", false, e
		}
	}
	return "", false, nil
}

// linesOf cuts a log into lines. A last line without an end is one, too: the file
// does not grow.
func linesOf(text string) []string {
	text = strings.TrimRight(text, "\r\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], "\r")
	}
	return lines
}

// mark is what a log is known by: the number and the hash of some last lines.
type mark struct {
	count int
	hash  uint64
}

func markOf(lines []string) mark {
	lines = lines[max(0, len(lines)-markLines):]
	sum := fnv.New64a()
	for _, line := range lines {
		_, _ = sum.Write([]byte(line)) // never fails
		_, _ = sum.Write([]byte{'\n'})
	}
	return mark{len(lines), sum.Sum64()}
}

func (m mark) String() string { return strconv.Itoa(m.count) + "." + strconv.FormatUint(m.hash, 16) }

func parseMark(cursor string) (mark, *spec.Error) {
	if cursor == "" {
		return mark{}, nil
	}
	count, hash, _ := strings.Cut(cursor, ".")
	n, err := strconv.Atoi(count)
	sum, also := strconv.ParseUint(hash, 16, 64)
	if err != nil || also != nil || n < 1 || n > markLines {
		return mark{}, invalid("cursor is none of get_logs")
	}
	return mark{n, sum}, nil
}

// after returns where the lines after the mark begin: its last occurrence, or the
// beginning where it does not occur.
func (m mark) after(lines []string) int {
	if m.count == 0 {
		return 0
	}
	for end := len(lines); end >= m.count; end-- {
		if markOf(lines[end-m.count:end]) == m {
			return end
		}
	}
	return 0
}
