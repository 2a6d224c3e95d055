package egress

import "time"

// Header is one header line.
type Header struct {
	Name  string
	Value string
}

// Request is one HTTP request as a guest asks for it. It carries no credential.
type Request struct {
	Method string // GET, HEAD, POST, PUT, PATCH or DELETE
	URL    string
	Header []Header
	Body   []byte
	Read   *Read // nil: the whole body

	Operation string // what it is sent for, such as get_compute; it is told and not sent

	Timeout  time.Duration // that one attempt may take until its answer is there; 0: the client's
	Attempts int           // how often it is sent at most; 0: the client's

	// Once says of a request that it must not be carried out twice, whatever its
	// method: a GET that takes away what it reads. It is sent again as a POST is,
	// only where nothing of it arrived, or after a 429.
	Once bool
}

// Read is for bodies that stay open, such as server-sent events: what has
// arrived is the answer once no byte came for IdleMS, MaxBytes are there, the
// body ended or the context's deadline passed.
type Read struct {
	IdleMS   int64 // 0: no idle limit
	MaxBytes int   // 0: the client's limit of a body
}

// Response is the answer of a server, whatever its status.
type Response struct {
	Status int
	Header []Header // names in lower case
	Body   []byte

	// RetryAfter is how long the server asks to wait, 0 where it does not say.
	// It is the longest of Retry-After and the exhausted RateLimit windows, and
	// the header retry-after is set to it.
	RetryAfter time.Duration
}

// Get returns the value of the header with that lower-case name, or "".
func (r *Response) Get(name string) string {
	for i := range r.Header {
		if r.Header[i].Name == name {
			return r.Header[i].Value
		}
	}
	return ""
}
