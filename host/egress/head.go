package egress

import (
	"bufio"
	"bytes"

	"github.com/valyala/fasthttp"
)

// headError says what is wrong with the head of an answer, in words that hold nothing
// of it.
type headError string

func (e headError) Error() string { return string(e) }

const (
	errProtocol headError = "it does not begin as an answer"
	errStatus   headError = "its status is none"
	errLines    headError = "its lines do not end as they should"
	errHead     headError = "its header is larger than 8 KiB"
	errInterim  headError = "it is announced without end"
)

// mostInterim is how many answers may come before the one that counts.
const mostInterim = 100

// final reads to the head of the answer that counts, which others may come before
// (RFC 9110, 15.2), and leaves it in the reader. What is wrong with it is told as soon
// as it is there, since who waits for more may wait in vain.
func final(reader *bufio.Reader) (f framing, err error) {
	for before := range mostInterim {
		head, err := headOf(reader)
		if err != nil {
			return f, err
		}
		first, lines, _ := bytes.Cut(head, []byte("\r\n"))
		switch status := statusOf(first); {
		case status < 100 || status > 599:
			return f, errStatus
		case status == 101: // nobody asked for that
			return f, errProtocol
		case status >= 200:
			f = framingOf(lines)
			f.apart = before > 0 || !bytes.HasPrefix(first, []byte("HTTP/1."))
			return f, nil
		}
		_, _ = reader.Discard(len(head) + len("\r\n\r\n"))
	}
	return f, errInterim
}

// headOf waits for a whole head and returns it without its last line ends.
func headOf(reader *bufio.Reader) ([]byte, error) {
	for checked := 0; ; {
		if _, err := reader.Peek(checked + 1); err == bufio.ErrBufferFull {
			return nil, errHead
		} else if err != nil {
			return nil, err
		}
		head, _ := reader.Peek(reader.Buffered())
		if begin := "HTTP/"; !bytes.HasPrefix(head, []byte(begin)[:min(len(begin), len(head))]) {
			return nil, errProtocol
		}
		for ; checked < len(head); checked++ {
			if head[checked] != '\n' {
				continue
			}
			if head[checked-1] != '\r' {
				return nil, errLines
			}
			if bytes.HasSuffix(head[:checked+1], []byte("\r\n\r\n")) {
				return head[:checked-3], nil
			}
		}
	}
}

// statusOf returns the status of a first line, 0 where it has none.
func statusOf(first []byte) (status int) {
	_, rest, _ := bytes.Cut(first, []byte(" "))
	digits, _, _ := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	if len(digits) != 3 {
		return 0
	}
	for _, b := range digits {
		if b < '0' || b > '9' {
			return 0
		}
		status = status*10 + int(b-'0')
	}
	return status
}

// framing is what the head of an answer tells of where its body ends.
type framing struct {
	length, chunks bool
	apart          bool // it came after another, or in another version than asked for
}

func framingOf(lines []byte) (f framing) {
	for len(lines) > 0 {
		var line []byte
		line, lines, _ = bytes.Cut(lines, []byte("\r\n"))
		name, _, _ := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		f.length = f.length || bytes.EqualFold(name, []byte("content-length"))
		f.chunks = f.chunks || bytes.EqualFold(name, []byte("transfer-encoding"))
	}
	return f
}

// trusted reports whether the head tells in one way only where the body ends: with both
// a length and chunks that may be elsewhere for whatever stands between here and the
// cloud, and what follows be taken for the answer to the next request (RFC 9112, 6.3).
// Nor is an answer trusted so far that comes after another.
func (f framing) trusted() bool { return !f.apart && !(f.length && f.chunks) }

// closes reports whether the connection ends with the answer, or the answer with the
// connection: the library does not say so of one without a length that speaks of an
// upgrade.
func (f framing) closes(response *fasthttp.Response) bool {
	return response.ConnectionClose() || response.Header.ConnectionUpgrade() && !f.length && !f.chunks
}
