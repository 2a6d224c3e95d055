package egress

import (
	"iter"
	"strconv"
	"strings"
	"time"
)

// limits are the lines of an answer that tell when to ask again.
type limits struct {
	retryAfter string
	remaining  string // RateLimit: "minute";r=0;t=12, "hour";r=2800;t=1812
	policy     string // RateLimit-Policy: "minute";q=60;w=60, "hour";q=3000;w=3600
}

// longestHold bounds what a server may ask for; more is a mistake.
const longestHold = 7 * 24 * time.Hour

// wait returns how long to wait before the next request: the longest of
// Retry-After and the exhausted windows. A server's Retry-After may name the
// window that refused a request, though another one is exhausted, too.
func (l *limits) wait(now time.Time) time.Duration {
	wait := retryAfter(l.retryAfter, now)
	for w := range windows(l.remaining) {
		if w.count == 0 {
			wait = max(wait, w.span)
		}
	}
	return wait
}

// retryAfter reads Retry-After, which holds seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		return bounded(seconds)
	}
	for _, layout := range [...]string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", "Mon Jan _2 15:04:05 2006", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return bounded(at.Sub(now).Seconds())
		}
	}
	return 0
}

func bounded(seconds float64) time.Duration {
	if !(seconds > 0) {
		return 0
	}
	return time.Duration(min(seconds, longestHold.Seconds()) * float64(time.Second))
}

// quota is a member of a RateLimit header (requests left, time to the reset) or
// of a RateLimit-Policy header (requests a window, its length).
type quota struct {
	name  string
	count int64
	span  time.Duration
}

// windows iterates over the members of a RateLimit header.
func windows(text string) iter.Seq[quota] { return members(text, "r", "t") }

// quotas iterates over the members of a RateLimit-Policy header.
func quotas(text string) iter.Seq[quota] { return members(text, "q", "w") }

// members reads a list of structured fields (RFC 9651) as far as these headers
// use it, and skips members that lack one of the two parameters.
func members(text, count, span string) iter.Seq[quota] {
	return func(yield func(quota) bool) {
		for text := text; text != ""; {
			var member string
			member, text, _ = strings.Cut(text, ",")
			name, parameters, _ := strings.Cut(member, ";")
			one := quota{name: strings.Trim(strings.TrimSpace(name), `"`), count: -1, span: -1}
			for parameters != "" {
				var parameter string
				parameter, parameters, _ = strings.Cut(parameters, ";")
				key, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
				number, err := strconv.ParseInt(value, 10, 64)
				if err != nil || number < 0 {
					continue
				}
				switch key {
				case count:
					one.count = number
				case span:
					one.span = bounded(float64(number))
				}
			}
			if one.count >= 0 && one.span >= 0 && !yield(one) {
				return
			}
		}
	}
}
