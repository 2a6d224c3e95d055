package egress

import (
	"cmp"
	"context"
	"hash/maphash"
	"net/url"
	"strconv"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// maxRedirects is how many redirects of one request are followed.
const maxRedirects = 5

func hashOf(seed maphash.Seed, key string) uint64 { return maphash.String(seed, key) }

// Do sends one request and returns the answer, whatever its status. Redirects of
// GET and HEAD are followed. What is safe to send again is sent again: any
// request answered 429; GET, HEAD and DELETE answered 500, 502, 503 or 504, not at
// all or not in time; any request of which certainly nothing was sent.
func (c *Client) Do(ctx context.Context, p *Policy, key spec.Secret, req *Request) (*Response, *Failure) {
	if wrong := req.validate(); wrong != nil {
		return nil, unsent(wrong)
	}
	at, granted, refused := p.locate(req.URL)
	if refused != nil {
		return nil, unsent(refused)
	}
	m := message{method: req.Method, at: at, route: granted, key: key.Reveal(), req: req}
	if p.credential != nil && m.key != "" {
		if p.credential.Scheme == "fly" {
			m.key = flyTokens(m.key)
		}
		if m.prefix, refused = p.prefix(m.key); refused != nil {
			return nil, unsent(refused)
		}
		m.within = within(p.credential.Scheme, m.key)
	}
	if ctx.Err() != nil {
		return nil, ended(ctx, "starting", false)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(c.options.Timeout, req.Timeout*time.Duration(cmp.Or(req.Attempts, mostLate))))
		defer cancel()
	}
	return c.attempts(ctx, p, p.account(m.key), &m)
}

// mostLate is how often a request is sent whose answers do not come in time, where
// its caller does not say. A server that is broken says so at once and is worth
// more attempts than one that hangs: whoever waits for that has waited long.
const mostLate = 3

// enough reports whether so many attempts, of which the answers of so many did not
// come in time, are all that there may be.
func (c *Client) enough(m *message, attempts, lates int) bool {
	if m.req.Attempts > 0 {
		return attempts >= m.req.Attempts
	}
	return attempts >= c.options.Attempts || lates >= mostLate
}

// attempts sends a message until its outcome is final. A failure tells of all
// attempts: what one of them may have done stays unknown whatever came after it.
func (c *Client) attempts(ctx context.Context, p *Policy, a *account, m *message) (*Response, *Failure) {
	first, got, sent, lates := *m, answer{}, false, 0
	for attempt := 1; ; attempt++ {
		*m = first // redirects have changed it
		probe, missed, failure := c.pace(ctx, a, m, attempt)
		if failure != nil {
			if failure.Kind == spec.KindRateLimited && got.response != nil {
				return got.response, nil // the server's own words
			}
			failure.Sent = failure.Sent || sent
			return nil, failure
		}
		attempt += missed
		got, failure = c.paced(ctx, p, a, m, attempt, probe)
		if failure != nil {
			failure.Sent = failure.Sent || sent
			if failure.late {
				lates++
			}
		}
		pause, again := c.again(m, got, failure, attempt)
		if !again || c.enough(m, attempt, lates) || !c.bearable(ctx, c.options.Clock.Now(), pause) {
			return got.response, failure
		}
		sent = failure != nil && failure.Sent || failure == nil && (sent || got.response.Status != 429)
		if !c.pause(ctx, pause) {
			return nil, ended(ctx, "waiting to ask "+first.at.host+" again", sent)
		}
	}
}

// paced makes an attempt whose time has come. One that asks whether a hold is over
// says so to those who wait for it, whatever becomes of it.
func (c *Client) paced(ctx context.Context, p *Policy, a *account, m *message, attempt int, probe probe) (answer, *Failure) {
	if probe.hold != nil {
		defer func() { a.asked(c.options.Clock.Now(), probe) }()
	}
	return c.follow(ctx, p, a, m, attempt)
}

// again decides whether an attempt is followed by another, and after what pause.
func (c *Client) again(m *message, got answer, failure *Failure, attempt int) (time.Duration, bool) {
	if failure != nil {
		passing := failure.Kind == spec.KindTransport || failure.late
		return c.backoff(attempt, 1), passing && (m.again() || !failure.Sent) && !certificate(failure.Err)
	}
	switch got.response.Status {
	case 429:
		return max(c.backoff(attempt, 5), got.response.RetryAfter), true
	case 500, 502, 503, 504:
		return max(c.backoff(attempt, 1), got.response.RetryAfter), m.again()
	}
	return 0, false
}

// backoff doubles with each attempt; its second half is left to chance, so that
// calls which failed together do not come back together.
func (c *Client) backoff(attempt, factor int) time.Duration {
	pause := min(c.options.BackoffBase*time.Duration(factor)<<min(attempt-1, 16), c.options.BackoffMax)
	return pause/2 + time.Duration(c.options.Random()*float64(pause/2))
}

// follow makes one attempt: it sends a message and follows redirects, checking
// each as it checked the first.
func (c *Client) follow(ctx context.Context, p *Policy, a *account, m *message, attempt int) (answer, *Failure) {
	for hop := 0; ; hop++ {
		start := time.Now()
		got, failure := c.send(ctx, p, m)
		if failure == nil {
			c.heed(a, m, &got)
		}
		if c.options.Observer != nil {
			if told := c.options.Observer(); told != nil {
				told(happened(p, m, got.response, failure, attempt, time.Since(start)))
			}
		}
		if failure != nil || !redirect(got.response.Status) || got.location == "" {
			return got, failure
		}
		if failure = c.turn(p, m, got, hop); failure != nil {
			return answer{}, failure
		}
	}
}

// heed takes in the limits that an answer tells of.
func (c *Client) heed(a *account, m *message, got *answer) {
	if got.limits == (limits{}) {
		return
	}
	now := c.options.Clock.Now()
	a.learn(now, m.origin(), &got.limits)
	if got.response.Status != 429 && got.response.Status != 503 {
		return
	}
	wait := got.limits.wait(now)
	if wait <= 0 {
		return
	}
	got.response.RetryAfter = wait
	if got.response.Status == 429 {
		a.refused(now, m, wait)
	}
	seconds := strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
	for i := range got.response.Header {
		if got.response.Header[i].Name == "retry-after" {
			got.response.Header[i].Value = seconds
			return
		}
	}
	got.response.Header = append(got.response.Header, Header{Name: "retry-after", Value: seconds})
}

// redirect reports whether a status sends the client elsewhere.
func redirect(status int) bool {
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308
}

// turn points a message at the place it is redirected to.
func (c *Client) turn(p *Policy, m *message, got answer, hop int) *Failure {
	stop := func(kind spec.Kind, message, hint string) *Failure {
		message = redactText(m.redactText(message), lower(m.key)) // a host's name is in lower case
		return &Failure{Error: &spec.Error{Kind: kind, Status: got.response.Status, Message: message, Hint: hint}, Sent: true}
	}
	from := m.at.host
	if m.method != "GET" && m.method != "HEAD" {
		return stop(spec.KindProvider, from+" redirects a "+m.method+", which is not followed", "the address of the API may be out of date")
	}
	if hop == maxRedirects {
		return stop(spec.KindProvider, from+" redirects in circles", "")
	}
	at, wrong := parseURL(m.at.resolve(got.location))
	if wrong != "" { // not the plugin's doing
		return stop(spec.KindPlugin, from+" redirects to an address that is refused: "+wrong, "something between here and the cloud may answer in its place, or the address of the API be out of date")
	}
	granted, ok := p.grant(&at)
	if !ok {
		refused := p.refusal(&at)
		return stop(spec.KindPlugin, from+" redirects to an address that is refused: "+refused.Message, refused.Hint)
	}
	m.at, m.route = at, granted
	return nil
}

// resolve returns the absolute URL of a location that was given at t.
func (t *target) resolve(location string) string {
	scheme := "http://"
	if t.secure {
		scheme = "https://"
	}
	base, err := url.Parse(scheme + t.authority + t.path)
	if err != nil {
		return location // the strict parser decides
	}
	next, err := url.Parse(location)
	if err != nil || next.IsAbs() {
		return location
	}
	return base.ResolveReference(next).String()
}

// happened is the event of an attempt.
func happened(p *Policy, m *message, got *Response, failure *Failure, attempt int, took time.Duration) Event {
	e := Event{Provider: p.provider, Operation: m.req.Operation, Method: m.method, Host: m.at.authority, Path: m.redactText(m.at.barePath()), Attempt: attempt, Duration: took}
	if failure != nil {
		e.Status, e.Err = failure.Status, failure.Kind
	} else {
		e.Status = got.Status
	}
	return e
}
