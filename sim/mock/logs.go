package mock

import (
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/exatlas/atlas/sim/simkit"
)

// line is one line of a machine's log; its number is its place in the log, from
// 1.
type line struct {
	at           time.Time
	source, text string
}

// say appends a line, which may lie in the future.
func (m *machine) say(at time.Time, source, text string) {
	m.lines = append(m.lines, line{at, source, text})
}

// forget drops what the machine would have said after now.
func (m *machine) forget(now time.Time) {
	for len(m.lines) > 0 && m.lines[len(m.lines)-1].at.After(now) {
		m.lines = m.lines[:len(m.lines)-1]
	}
}

// logQuery is what a reader asks for.
type logQuery struct {
	after  int // -1: not given
	tail   int
	source string
	since  time.Time
	wait   time.Duration
}

func readLogQuery(args *fasthttp.Args) (q logQuery, wrong string) {
	q = logQuery{after: -1, tail: 100, source: string(args.Peek("source"))}
	for _, field := range []struct {
		name string
		into *int
		most int
	}{{"after", &q.after, 1 << 40}, {"tail", &q.tail, 5000}} {
		if text := args.Peek(field.name); len(text) > 0 {
			n, err := strconv.Atoi(string(text))
			if err != nil || n < 0 || n > field.most {
				return q, "query." + field.name + ": malformed"
			}
			*field.into = n
		}
	}
	if text := args.Peek("wait_ms"); len(text) > 0 {
		n, err := strconv.Atoi(string(text))
		if err != nil || n < 0 {
			return q, "query.wait_ms: malformed"
		}
		q.wait = time.Duration(min(n, 10_000)) * time.Millisecond
	}
	if text := args.Peek("since"); len(text) > 0 {
		at, err := time.Parse(time.RFC3339, string(text))
		if err != nil {
			return q, "query.since: not an RFC 3339 time"
		}
		q.since = at
	}
	if q.source != "" && q.source != "container" && q.source != "system" {
		return q, "query.source: container or system"
	}
	return q, ""
}

// pick chooses the numbers of the lines to answer with, and the last number
// there is by now.
func (m *machine) pick(q logQuery, now time.Time) (numbers []int, last int) {
	for i := range m.lines {
		l := &m.lines[i]
		if l.at.After(now) {
			break
		}
		last = i + 1
		if i < q.after || q.source != "" && l.source != q.source || q.after < 0 && l.at.Before(q.since) {
			continue
		}
		numbers = append(numbers, i+1)
	}
	if q.after < 0 && q.since.IsZero() && len(numbers) > q.tail {
		numbers = numbers[len(numbers)-q.tail:]
	}
	return numbers, max(last, q.after)
}

// logs answers GET /v1/machines/{id}/logs.
func (c *Cloud) logs(ctx *fasthttp.RequestCtx, id string) {
	q, wrong := readLogQuery(ctx.QueryArgs())
	if wrong != "" {
		problem(ctx, 422, "the request is invalid", wrong)
		return
	}
	// Held in real time: a reader waits in real time too, however fast the
	// machines' clock runs.
	deadline := time.Now().Add(q.wait)
	for {
		now := c.Clock.Now()
		c.mu.RLock()
		m := c.machines[id]
		if m == nil {
			c.mu.RUnlock()
			problem(ctx, 404, "no such machine")
			return
		}
		numbers, last := m.pick(q, now)
		left := time.Until(deadline)
		if len(numbers) > 0 || left <= 0 {
			b := m.appendLines(nil, numbers, last)
			c.mu.RUnlock()
			answer(ctx, 200, b)
			return
		}
		next := now.Add(time.Hour)
		if last < len(m.lines) {
			next = m.lines[last].at
		}
		c.mu.RUnlock()
		// A change of the machine by a call shows within this patience.
		c.Clock.WaitAtMost(next, min(left, 20*time.Millisecond), c.Closed, nil)
		select {
		case <-c.Closed:
			return
		default:
		}
	}
}

func (m *machine) appendLines(b []byte, numbers []int, last int) []byte {
	b = append(b, `{"lines":[`...)
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		l := &m.lines[n-1]
		b = simkit.AppendInt(append(b, `{"seq":`...), n)
		b = simkit.AppendTime(append(b, `,"time":`...), l.at)
		b = simkit.AppendString(append(b, `,"source":`...), l.source)
		b = append(simkit.AppendString(append(b, `,"text":`...), l.text), '}')
	}
	b = append(b, `],"next":"`...)
	return append(simkit.AppendInt(b, last), `"}`...)
}
