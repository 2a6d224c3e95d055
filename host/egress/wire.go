package egress

import (
	"strconv"
)

// inlineBody is the size up to which a body is sent in one piece with its head.
const inlineBody = 16 << 10

// message is one request as it goes to one origin.
type message struct {
	method string
	at     target
	route  route
	prefix string // before the key in the credential's header
	key    string
	within []string // parts of it that are credentials by themselves
	req    *Request
}

// origin names the connections that can carry m.
func (m *message) origin() origin {
	return origin{secure: m.at.secure, private: m.route.private, port: m.at.port, host: m.at.host}
}

func (m *message) way() way { return way{m.origin(), m.method, m.at.barePath()} }

// safe reports whether sending a request of that method twice does what sending
// it once does.
func safe(method string) bool { return method == "GET" || method == "HEAD" || method == "DELETE" }

// again reports whether carrying the message out twice does what doing it once
// does.
func (m *message) again() bool { return safe(m.method) && !m.req.Once }

// appendHead appends the request line and the headers. Everything in them has
// been checked.
func (m *message) appendHead(b []byte, userAgent string, p *Policy) []byte {
	b = append(b, m.method...)
	b = append(b, ' ')
	b = append(b, m.at.path...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, m.at.authority...)
	b = appendLine(b, "User-Agent", userAgent)
	for i := range m.req.Header {
		h := &m.req.Header[i]
		if name := lower(h.Name); reserved(name) || name == p.header {
			continue
		}
		b = appendLine(b, h.Name, h.Value)
	}
	if m.route.credential && m.key != "" {
		b = append(b, "\r\n"...)
		b = append(b, p.header...)
		b = append(b, ": "...)
		b = append(b, m.prefix...)
		b = append(b, m.key...)
	}
	if m.req.Read == nil {
		b = append(b, "\r\nAccept-Encoding: gzip"...)
	}
	if len(m.req.Body) > 0 || m.method == "POST" || m.method == "PUT" || m.method == "PATCH" {
		b = append(b, "\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(m.req.Body)), 10)
	}
	return append(b, "\r\n\r\n"...)
}

func appendLine(b []byte, name, value string) []byte {
	b = append(b, "\r\n"...)
	b = append(b, name...)
	b = append(b, ": "...)
	return append(b, value...)
}

// write sends a request and returns how many bytes the connection took.
func (c *Client) write(to *conn, m *message, p *Policy) (int, error) {
	buffer := c.buffers.Get().(*[]byte)
	b := m.appendHead((*buffer)[:0], c.options.UserAgent, p)
	apart := len(m.req.Body) > inlineBody
	if !apart {
		b = append(b, m.req.Body...)
	}
	n, err := to.Write(b)
	clear(b) // it held the credential
	if cap(b) <= 2*inlineBody {
		*buffer = b[:0]
		c.buffers.Put(buffer)
	}
	if err == nil && apart {
		var more int
		more, err = to.Write(m.req.Body)
		n += more
	}
	return n, err
}
