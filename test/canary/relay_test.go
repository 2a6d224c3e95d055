package canary

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mark is the word that the relay replaces by the credential, wherever the cloud
// says it: tests put it into what clouds repeat.
const mark = "MARKWORD"

// relay stands between a client and a simulated cloud and echoes the credential.
type relay struct {
	*httptest.Server
	cloud  string
	client *http.Client

	mu        sync.Mutex
	mode      string           // what becomes of the next answers, "" for the cloud's own
	change    chan struct{}    // closed with the next change of mode
	status    int              // of mode problem, plain and job
	echoes    int              // answers that held a credential
	elsewhere *httptest.Server // where mode away redirects to
	stolen    []string         // credentials that came there
}

func newRelay(t testing.TB, cloud string) *relay {
	r := &relay{cloud: cloud, change: make(chan struct{}), client: &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	r.elsewhere = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stolen = append(r.stolen, q.Header.Get("Authorization"))
	}))
	t.Cleanup(func() {
		r.Server.Close()
		r.elsewhere.Close()
		r.client.CloseIdleConnections()
	})
	return r
}

// set chooses what becomes of the next answers.
func (r *relay) set(mode string, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode, r.status = mode, status
	close(r.change)
	r.change = make(chan struct{})
}

func (r *relay) echoed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.echoes
}

func (r *relay) serve(w http.ResponseWriter, q *http.Request) {
	header := q.Header.Get("Authorization")
	r.mu.Lock()
	mode, status, change := r.mode, r.status, r.change
	if header != "" {
		r.echoes++
	}
	r.mu.Unlock()
	all := spellings(header + " ")
	text := strings.Join(all, " ")
	for i, spelling := range all {
		w.Header().Set("X-Echo-"+strconv.Itoa(i), spelling)
	}
	w.Header().Set("X-Request-Id", header)
	if !strings.ContainsAny(header, "<>+/=&, ") {
		w.Header().Set(strings.TrimPrefix(header, "Bearer "), "a name")
	}
	switch mode {
	case "problem":
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"title":"`+text+`","status":`+strconv.Itoa(status)+`,"detail":"no: `+text+`","errors":["`+text+`"],"request":{"headers":{"authorization":"`+all[0]+`","x":["`+text+`"]}},"`+all[1]+`":1}`)
	case "plain":
		w.WriteHeader(status)
		_, _ = io.WriteString(w, header+" "+text)
	case "job":
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":"`+text+`"}`)
	case "page":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>"+header+text)
	case "away":
		http.Redirect(w, q, r.elsewhere.URL+"/"+all[3], http.StatusTemporaryRedirect)
	case "circle":
		w.Header().Set("Location", q.URL.Path+"?"+all[3])
		w.WriteHeader(http.StatusFound)
	case "cut":
		cut(w, text)
	case "rubbish":
		hijacked(w, func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 "+header+"\r\n"+text+"\r\n\r\n") })
	case "reset":
		hijacked(w, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) })
	case "hang":
		_, _ = io.Copy(io.Discard, q.Body) // the server notices that a client is gone only after that
		select {
		case <-q.Context().Done():
		case <-change:
			hijacked(w, func(net.Conn) {})
		}
	default:
		r.forward(w, q, text, mode == "dear")
	}
}

// cut promises more than it sends.
func cut(w http.ResponseWriter, text string) {
	hijacked(w, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n{\"id\":\""+text)
	})
}

func hijacked(w http.ResponseWriter, f func(net.Conn)) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	f(c)
	_ = c.Close()
}

// forward asks the cloud and hands its answer on, with the mark replaced, and
// compressed where the client takes that. With dear, all machines cost more.
func (r *relay) forward(w http.ResponseWriter, q *http.Request, text string, dear bool) {
	body, _ := io.ReadAll(q.Body)
	ask, err := http.NewRequestWithContext(q.Context(), q.Method, r.cloud+q.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	ask.Header = q.Header.Clone()
	ask.Header.Set("Accept-Encoding", "identity")
	answer, err := r.client.Do(ask)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	for name, values := range answer.Header {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		w.WriteHeader(answer.StatusCode)
		r.stream(w, answer.Body, text)
		return
	}
	said, _ := io.ReadAll(answer.Body)
	said = bytes.ReplaceAll(said, []byte(mark), []byte(text))
	if dear {
		said = regexp.MustCompile(`"cost":[0-9.]+`).ReplaceAll(said, []byte(`"cost":99`))
	}
	if strings.Contains(q.Header.Get("Accept-Encoding"), "gzip") && len(said) > 0 {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(answer.StatusCode)
		packed := gzip.NewWriter(w)
		_, _ = packed.Write(said)
		_ = packed.Close()
		return
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(said)
}

// stream hands an open stream on in small pieces, which cut the credential
// anywhere.
func (r *relay) stream(w http.ResponseWriter, from io.Reader, text string) {
	piece := make([]byte, 4096)
	for {
		n, err := from.Read(piece)
		said := bytes.ReplaceAll(piece[:n], []byte(mark), []byte(text))
		for len(said) > 0 {
			next := min(7, len(said))
			if _, err := w.Write(said[:next]); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			said = said[next:]
		}
		if err != nil {
			return
		}
	}
}
