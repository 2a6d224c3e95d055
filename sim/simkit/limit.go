package simkit

import (
	"strconv"
	"sync"
	"time"
)

// Window is one rate limit: at most Quota requests in Seconds.
type Window struct {
	Name    string `json:"name"` // as it stands in the RateLimit header
	Quota   int    `json:"quota"`
	Seconds int    `json:"seconds"`
}

// Limiter counts requests in fixed windows on the virtual clock, for each name
// it is asked about. Without windows it lets everything pass and costs nothing.
type Limiter struct {
	mu      sync.Mutex
	windows []Window
	policy  string
	used    map[string][]usage
}

type usage struct {
	start time.Time
	n     int
}

// NewLimiter returns a limiter of these windows.
func NewLimiter(windows []Window) *Limiter {
	l := &Limiter{windows: windows, used: map[string][]usage{}}
	for i, w := range windows {
		if i > 0 {
			l.policy += ", "
		}
		l.policy += strconv.Quote(w.Name) + ";q=" + strconv.Itoa(w.Quota) + ";w=" + strconv.Itoa(w.Seconds)
	}
	return l
}

// Verdict is the answer of Take.
type Verdict struct {
	OK         bool
	Window     string // name of the window that is exhausted
	RetryAfter int    // seconds until it starts anew, at least 1
	Header     string // RateLimit
	Policy     string // RateLimit-Policy
}

// Off reports whether there are no windows.
func (l *Limiter) Off() bool { return l == nil || len(l.windows) == 0 }

// Take counts one request. A refused request uses no quota.
func (l *Limiter) Take(name string, now time.Time) Verdict {
	if l.Off() {
		return Verdict{OK: true}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	used := l.used[name]
	if used == nil {
		used = make([]usage, len(l.windows))
		l.used[name] = used
	}
	v := Verdict{OK: true, Policy: l.policy}
	for i, w := range l.windows {
		length := time.Duration(w.Seconds) * time.Second
		if used[i].n == 0 || now.Sub(used[i].start) >= length {
			used[i] = usage{start: now}
		}
		if v.OK && used[i].n >= w.Quota {
			v.OK, v.Window, v.RetryAfter = false, w.Name, secondsUp(used[i].start.Add(length).Sub(now))
		}
	}
	buf := make([]byte, 0, 96)
	for i, w := range l.windows {
		if v.OK {
			used[i].n++
		}
		if i > 0 {
			buf = append(buf, ", "...)
		}
		left := used[i].start.Add(time.Duration(w.Seconds) * time.Second).Sub(now)
		buf = strconv.AppendQuote(buf, w.Name)
		buf = append(buf, ";r="...)
		buf = strconv.AppendInt(buf, int64(w.Quota-used[i].n), 10)
		buf = append(buf, ";t="...)
		buf = strconv.AppendInt(buf, int64(secondsUp(left)), 10)
	}
	v.Header = string(buf)
	return v
}

// secondsUp rounds up to whole seconds, at least one.
func secondsUp(d time.Duration) int {
	return max(int((d+time.Second-1)/time.Second), 1)
}

func (l *Limiter) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used = map[string][]usage{}
}
