package vast

import (
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// logPath is where logs are put, as in the bucket of the live service.
const logPath = "/vast.ai/instance_logs/"

// tick is how often the simulated server writes a line.
const tick = 10 * time.Second

// mostLines bounds a log.
const mostLines = 20_000

// file is a copy of a log.
type file struct {
	text   string
	misses int // requests for it that come too early
}

// requestLogs answers PUT /api/v0/instances/request_logs/{id}/: with where the
// copy will be.
func (c *Cloud) requestLogs(r *request) {
	i := c.own(r)
	if i == nil {
		problem(r.RequestCtx, 404, "invalid_id", "Invalid instance id.")
		return
	}
	lines := i.log(c.Clock.Now())
	if r.body != nil && simkit.Text(r.body, "daemon_logs") == "true" {
		lines = []string{"create_contract " + strconv.FormatInt(i.id, 10), "pull " + i.image}
	}
	if r.body != nil {
		if grep := simkit.Text(r.body, "filter"); grep != "" {
			kept := lines[:0:0]
			for _, line := range lines {
				if strings.Contains(line, grep) {
					kept = append(kept, line)
				}
			}
			lines = kept
		}
		if n, err := strconv.Atoi(simkit.Text(r.body, "tail")); err == nil && n >= 0 && n < len(lines) {
			lines = lines[len(lines)-n:]
		}
	}
	text := ""
	if len(lines) > 0 {
		text = strings.Join(lines, "\n") + "\n"
	}
	name := c.IDs.New(40, "0123456789abcdef") + ".log"
	c.files[name] = &file{text: text, misses: c.o.LogMisses}
	b := simkit.AppendString([]byte(`{"success":true,"result_url":`), "http://"+string(r.Host())+logPath+name)
	answer(r.RequestCtx, 200, append(b, `,"msg":"logs requested"}`...))
}

// log is what the container has written by now.
func (i *instance) log(now time.Time) []string {
	if i.booted.IsZero() || now.Before(i.booted) {
		return nil
	}
	lines := []string{"starting " + i.image, "server listens"}
	for n := range min(int64(now.Sub(i.booted)/tick), mostLines) {
		lines = append(lines, "tick "+strconv.FormatInt(n+1, 10))
	}
	return lines
}

// serveFile answers as S3 does: 403 in XML until the file is there, and without
// any key.
func (c *Cloud) serveFile(ctx *fasthttp.RequestCtx, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.files[name]
	if f != nil && f.misses > 0 {
		f.misses--
		f = nil
	}
	if f == nil {
		ctx.SetStatusCode(403)
		ctx.Response.Header.SetContentType("application/xml")
		ctx.Response.SetBodyString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code></Error>")
		return
	}
	ctx.SetStatusCode(200)
	ctx.Response.Header.SetContentType("binary/octet-stream")
	ctx.Response.SetBodyString(f.text)
}
