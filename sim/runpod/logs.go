package runpod

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// logLine is one line of a pod's log.
type logLine struct {
	at        time.Time
	seq       int64
	container bool
	text      string
}

const (
	heartbeat   = 10 * time.Second // virtual time between two lines of a pod that runs
	keepLines   = 1000
	keepAlive   = 15 * time.Second // real time between two comments of an idle stream
	defaultTail = 100
)

// say appends a line; the caller holds the write lock.
func (p *pod) say(at time.Time, container bool, text string) {
	p.logSeq++
	p.log = append(p.log, logLine{at: at, seq: p.logSeq, container: container, text: text})
}

// grow writes down everything the pod said until now. Lines come into being
// when somebody reads them, at the times they were said.
func (p *pod) grow(now time.Time) {
	if p.phase == phaseUp || p.phase == phaseStuck || p.phase == phaseUnready {
		p.narrate(now)
	}
	if len(p.log) > 2*keepLines {
		p.log = append([]logLine{}, p.log[len(p.log)-keepLines:]...)
	}
}

// narrate goes through the steps of a boot, then through the heartbeats.
func (p *pod) narrate(now time.Time) {
	steps := []struct {
		at        time.Time
		container bool
		text      string
	}{
		{p.up, false, "create container " + p.image},
		{p.starting, false, p.image + ": pulling image"},
		{p.running, false, "start container"},
		{p.running, true, "Model loaded."},
		{p.running, true, "listening on " + strings.Join(p.ports, ", ")},
	}
	for p.told < len(steps) {
		s := steps[p.told]
		if s.at.After(now) || p.told > 1 && p.phase == phaseStuck {
			return
		}
		if p.phase == phaseUnready && s.container {
			return
		}
		p.say(s.at, s.container, s.text)
		p.told++
	}
	for beats := int(now.Sub(p.running) / heartbeat); p.told-len(steps) < beats; {
		if missing := beats - (p.told - len(steps)); missing > keepLines {
			p.told += missing - keepLines
			p.logSeq += int64(missing - keepLines)
		}
		p.told++
		beat := p.told - len(steps)
		p.say(p.running.Add(time.Duration(beat)*heartbeat), true, "heartbeat "+strconv.Itoa(beat))
	}
}

// nextLine is when the pod will say something again.
func (p *pod) nextLine(now time.Time) time.Time {
	for _, at := range []time.Time{p.starting, p.running} {
		if at.After(now) {
			return at
		}
	}
	return p.running.Add((now.Sub(p.running)/heartbeat + 1) * heartbeat)
}

// turn ends a chapter of the log at a change of the pod and wakes its readers;
// the caller holds the write lock.
func (p *pod) turn(now time.Time, text string) {
	if p.up.IsZero() {
		return // the first chapter
	}
	p.grow(now)
	if text != "" {
		p.say(now, false, text)
	}
	p.told = 0
	if p.watch != nil {
		close(p.watch)
		p.watch = nil
	}
}

// logQuery is what a reader asks for.
type logQuery struct {
	source string
	tail   int // -1: all
	since  time.Time
	after  int64 // seq of Last-Event-ID
}

// readLogQuery reads the parameters. Last-Event-ID wins over the others.
func readLogQuery(ctx *fasthttp.RequestCtx) (q logQuery, wrong string) {
	args := ctx.QueryArgs()
	q.tail = defaultTail
	if q.source = string(args.Peek("source")); q.source != "" && q.source != "container" && q.source != "system" {
		return q, "query.source: value must be one of 'container', 'system'"
	}
	if text := args.Peek("since"); text != nil {
		at, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			return q, "query.since: not an RFC 3339 time"
		}
		q.since, q.tail = at, -1
	}
	if text := args.Peek("tail"); text != nil {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 0 || n > 5000 {
			return q, "query.tail: must be an integer from 0 to 5000"
		}
		q.tail = n
	}
	if id := ctx.Request.Header.Peek("Last-Event-ID"); len(id) > 0 {
		text, seq, _ := bytes.Cut(id, []byte("/"))
		at, err := time.Parse(time.RFC3339, string(text))
		n, errSeq := strconv.ParseInt(string(seq), 10, 64)
		if err != nil || len(seq) > 0 && errSeq != nil {
			return q, "header.Last-Event-ID: malformed"
		}
		q.tail, q.since, q.after = -1, time.Time{}, n
		if n == 0 {
			q.since = at.Add(time.Second)
		}
	}
	return q, ""
}

// pick appends the events of the lines after seq that a reader asked for, and
// tells the last seq it has seen.
func (p *pod) pick(b []byte, q logQuery, after int64, first bool) ([]byte, int64) {
	from := len(p.log)
	for from > 0 && p.log[from-1].seq > after {
		from--
	}
	lines := make([]*logLine, 0, len(p.log)-from)
	for i := from; i < len(p.log); i++ {
		l := &p.log[i]
		if q.source == "container" && !l.container || q.source == "system" && l.container || l.at.Before(q.since) {
			continue
		}
		lines = append(lines, l)
	}
	if first && q.tail >= 0 && len(lines) > q.tail {
		lines = lines[len(lines)-q.tail:]
	}
	for _, l := range lines {
		b = appendEvent(b, l)
	}
	return b, max(after, p.logSeq)
}

func appendEvent(b []byte, l *logLine) []byte {
	at := l.at.UTC().Format("2006-01-02T15:04:05Z")
	seq := strconv.FormatInt(l.seq, 10)
	b = append(append(append(b, "id: "...), at...), '/')
	b = append(append(b, "000000000000"[min(len(seq), 12):]...), seq...)
	b = append(append(append(b, "\ndata: {\"ts\":\""...), at...), `","source":`...)
	if l.container {
		b = append(b, `"container"`...)
	} else {
		b = append(b, `"system"`...)
	}
	return append(simkit.AppendString(append(b, `,"line":`...), l.text), "}\n\n"...)
}

// podLogs answers GET /v2/pods/{id}/logs: server-sent events, for as long as the
// pod exists and the reader stays.
func (c *Cloud) podLogs(ctx *fasthttp.RequestCtx, a *simkit.Account, parts []string) {
	q, wrong := readLogQuery(ctx)
	if wrong != "" {
		invalid(ctx, wrong)
		return
	}
	c.mu.RLock()
	p := c.own(a, parts[1])
	c.mu.RUnlock()
	if p == nil {
		problem(ctx, 404, "pod not found")
		return
	}
	ctx.Response.Header.SetContentType("text/event-stream")
	ctx.Response.Header.Set("Cache-Control", "no-cache")
	ctx.Response.Header.Set("X-Accel-Buffering", "no")
	out, err := simkit.BeginStream(ctx)
	if err != nil {
		return
	}
	defer out.End()
	after, first := q.after, true
	for {
		now := c.Clock.Now()
		c.mu.Lock()
		p.grow(now)
		var b []byte
		b, after = p.pick(nil, q, after, first)
		gone, next := p.phase == phaseGone, p.nextLine(now)
		if p.phase == phaseExited || p.phase == phaseError {
			next = now.Add(24 * time.Hour)
		}
		if p.watch == nil {
			p.watch = make(chan struct{})
		}
		watch := p.watch
		c.mu.Unlock()
		if !first && len(b) == 0 {
			b = []byte(": keep-alive\n\n")
		}
		if out.Write(b) != nil || gone {
			return
		}
		first = false
		c.Clock.WaitAtMost(next, keepAlive, c.Closed, watch)
		if c.closing() {
			return
		}
	}
}
