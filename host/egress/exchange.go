package egress

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/valyala/fasthttp"
)

// answer is what one exchange brought.
type answer struct {
	response *Response
	location string // of a redirect
	limits   limits
}

// send carries a message to its origin and reads the answer. A kept connection
// that turns out to be dead is replaced by a new one, once, where nothing was
// sent on it or sending twice does no harm.
func (c *Client) send(ctx context.Context, p *Policy, m *message) (answer, *Failure) {
	sent := false
	for fresh := false; ; fresh = true {
		on, failure := c.acquire(ctx, m.origin(), c.patience(m), fresh)
		if failure != nil {
			failure.Sent = sent
			return answer{}, failure
		}
		got, failure, stale := c.exchange(ctx, on, p, m)
		if stale && !fresh {
			sent = failure.Sent
			continue
		}
		if failure != nil {
			failure.Sent = failure.Sent || sent
		}
		return got, failure
	}
}

// patience is what one attempt may take until its answer is there. A body that
// stays open need not even begin before the first of it is there.
func (c *Client) patience(m *message) time.Duration {
	d := c.options.ChangeTimeout
	switch {
	case m.req.Timeout > 0:
		d = m.req.Timeout
	case safe(m.method):
		d = c.options.AnswerTimeout
	}
	if m.req.Read != nil {
		d += time.Duration(m.req.Read.IdleMS) * time.Millisecond
	}
	return d
}

// exchange carries a message over one connection, and gives that back. stale
// means that a kept connection broke before the first byte of an answer, and
// that the message may be sent again.
func (c *Client) exchange(ctx context.Context, on *conn, p *Policy, m *message) (got answer, failure *Failure, stale bool) {
	stop := func() bool { return true }
	patience := c.patience(m)
	over := time.Now().Add(patience)
	_ = on.SetDeadline(over) // before the context may end: abort sets an earlier one
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, on.abort)
	}
	written, err := c.write(on, m, p)
	answered, keep := false, false
	if err == nil || written > 0 {
		writeErr := err
		if err != nil {
			// A server that refuses a large body may answer before it has read it.
			_ = on.SetReadDeadline(time.Now().Add(time.Second))
		}
		if err == nil || ends(ctx) == nil { // asked after the deadline is set: abort sets one, too
			got, keep, answered, err = c.read(ctx, on, m)
		}
		if writeErr != nil {
			keep = false
			if err != nil {
				err = writeErr
			}
		}
	}
	if !stop() {
		keep = false // its deadline lies in the past
	} else if keep {
		_ = on.SetDeadline(time.Time{})
	}
	reused := on.reused
	c.release(on, keep)
	if err == nil {
		return got, nil, false
	}
	if ends(ctx) != nil {
		return answer{}, ended(ctx, "waiting for "+m.at.host, written > 0), false
	}
	if whole := m.req.Read == nil; (whole || timedOut(err)) && !time.Now().Before(over) { // the wait for more of a stream ends without an error
		return answer{}, late(m.at.host, patience, written > 0), false
	}
	return answer{}, c.explain(err, m.at.host, written > 0), reused && !answered && (written == 0 || m.again())
}

// read reads the answer to m. answered reports whether a byte of one came.
func (c *Client) read(ctx context.Context, from *conn, m *message) (got answer, keep, answered bool, err error) {
	defer from.giveReader()
	if err = from.await(); err != nil {
		return got, false, false, err
	}
	reader := from.reader
	framing, err := final(reader)
	if err != nil {
		return got, false, true, err
	}
	response := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(response)
	response.Header.SetNoDefaultContentType(true)
	response.SkipBody = m.method == "HEAD"
	response.StreamBody = m.req.Read != nil
	if err = response.ReadLimitBody(reader, c.options.MaxResponseBytes); err != nil {
		return got, false, true, err
	}
	var body []byte
	cut := false
	if response.StreamBody && response.BodyStream() != nil {
		if plain(response) {
			body, cut, err = c.drain(ctx, from, response.BodyStream(), m.req.Read)
		} else {
			err = errEncoding // nobody could search it for the credential, either
		}
		_ = from.Close() // before the stream is closed, so that it is not read to its end
		_ = response.CloseBodyStream()
	} else {
		body, err = c.decode(response)
		keep = framing.trusted() && !response.StreamBody && !framing.closes(response) && reader.Buffered() == 0 && from.spent()
	}
	if err != nil {
		return got, false, true, err
	}
	// A body whose end is that of the connection may have been cut anywhere, too.
	got = digest(response, m.redactBody(body, cut || response.StreamBody || framing.closes(response)), m)
	return got, keep, true, nil
}

var errEncoding = errors.New("a content encoding that was not asked for")

// plain reports whether the body is as it was before it was sent.
func plain(response *fasthttp.Response) bool {
	encoding := response.Header.ContentEncoding()
	return len(encoding) == 0 || strings.EqualFold(string(encoding), "identity")
}

// decode returns a copy of the body, decompressed.
func (c *Client) decode(response *fasthttp.Response) ([]byte, error) {
	switch encoding := lower(string(response.Header.ContentEncoding())); {
	case plain(response) || len(response.Body()) == 0:
	case encoding == "gzip" || encoding == "x-gzip":
		body, err := response.BodyGunzipWithLimit(c.options.MaxResponseBytes)
		if err != nil && !errors.Is(err, fasthttp.ErrBodyTooLarge) {
			err = io.ErrUnexpectedEOF
		}
		return body, err
	default:
		return nil, errEncoding
	}
	if body := response.Body(); len(body) <= inlineBody*4 {
		return append(make([]byte, 0, len(body)), body...), nil
	}
	return response.SwapBody(nil), nil
}

// drain reads a body that may stay open. The end of time is the end of the body.
func (c *Client) drain(ctx context.Context, from *conn, stream io.Reader, how *Read) (body []byte, cut bool, err error) {
	most := how.MaxBytes
	if most <= 0 || most > c.options.MaxResponseBytes {
		most = c.options.MaxResponseBytes
	}
	body = make([]byte, 0, min(most, 4096))
	if how.IdleMS <= 0 { // the answer is there, so its time no longer runs
		_ = from.SetReadDeadline(time.Time{})
	}
	for len(body) < most {
		if how.IdleMS > 0 {
			_ = from.SetReadDeadline(time.Now().Add(time.Duration(how.IdleMS) * time.Millisecond))
		}
		if ctx.Err() != nil { // asked after the deadline is set: abort sets one, too
			break
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := stream.Read(body[len(body):min(cap(body), most)])
		body = body[:len(body)+n]
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return body, false, nil
		case timedOut(err) && !errors.Is(ctx.Err(), context.Canceled):
			return body, true, nil
		default:
			return nil, false, err
		}
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, false, ctx.Err()
	}
	return body, true, nil
}

// explain turns an error of an exchange into a failure, in words of its own:
// the library's quote the answer, and an answer may hold anything.
func (c *Client) explain(err error, host string, sent bool) *Failure {
	var network *net.OpError
	var broke fasthttp.ErrBrokenChunk
	var odd headError
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return &Failure{Error: spec.NewError(spec.KindProvider, "the answer of "+host+" is larger than the limit"), Sent: sent}
	case errors.Is(err, errEncoding):
		return &Failure{Error: spec.NewError(spec.KindProvider, "the answer of "+host+" has "+errEncoding.Error()), Sent: sent}
	case errors.As(err, &odd):
		return broken("the answer of "+host+" is not valid HTTP: "+odd.Error(), sent)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return broken(host+" closed the connection without a whole answer", sent)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &broke):
		return broken("the answer of "+host+" was cut", sent)
	case errors.As(err, &network):
		return broken("the connection to "+host+" broke: "+reason(err), sent)
	}
	return broken("the answer of "+host+" is not valid HTTP", sent)
}
