package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/exatlas/atlas/core/events"
	"github.com/exatlas/atlas/core/orchestrator"
	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// site is a handler on a server, and one who visits it.
type site struct {
	t       *testing.T
	source  *fake
	handler *Handler
	url     string
}

func newSite(t *testing.T, o Options) *site {
	t.Helper()
	s := &site{t: t, source: &fake{}}
	s.source.set(session("s1", "m1"))
	if o.Access == nil {
		o.Access = Tokens{View: "looks", Operate: "acts"}.Of
	}
	if o.Refresh == 0 {
		o.Refresh = 10 * time.Millisecond
	}
	s.handler = New(s.source, o)
	mux := http.NewServeMux()
	mux.Handle("/gpus/", http.StripPrefix("/gpus", s.handler))
	server := httptest.NewServer(mux)
	s.url = server.URL + "/gpus/"
	t.Cleanup(func() {
		_ = s.handler.Close()
		server.Close()
	})
	return s
}

// ask sends a request. Its token may be empty.
func (s *site) ask(method, path, token string, header ...string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func (s *site) text(response *http.Response) string {
	s.t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// feed reads the events of a stream.
type feed struct {
	t *testing.T
	r *bufio.Reader
}

func (s *site) follow(path string) *feed {
	s.t.Helper()
	response := s.ask("GET", path, "looks")
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
		s.t.Fatalf("%s: %d %s", path, response.StatusCode, s.text(response))
	}
	return &feed{s.t, bufio.NewReader(response.Body)}
}

// next returns the next event.
func (f *feed) next() (name, data string) {
	f.t.Helper()
	for {
		line, err := f.r.ReadString('\n')
		if err != nil {
			return "eof", err.Error()
		}
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "event: "):
			name = line[7:]
		case strings.HasPrefix(line, "data: "):
			return name, line[6:]
		}
	}
}

func (f *feed) want(name string, words ...string) string {
	f.t.Helper()
	got, data := f.next()
	if got != name {
		f.t.Fatalf("%s %s, want %s", got, data, name)
	}
	for _, word := range words {
		if !strings.Contains(data, word) {
			f.t.Fatalf("%s lacks %s: %s", name, word, data)
		}
	}
	return data
}

func TestHandler_ServesItsFilesToAnybodyAndNothingElse(t *testing.T) {
	s := newSite(t, Options{})
	for path, want := range map[string]string{"": "<!doctype html>", "app.js": "'use strict'", "style.css": ":root"} {
		response := s.ask("GET", path, "")
		if text := s.text(response); response.StatusCode != 200 || !strings.Contains(text, want) {
			t.Errorf("%q: %d", path, response.StatusCode)
		}
		policy := response.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'self'") ||
			response.Header.Get("Referrer-Policy") != "no-referrer" || response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%q: %v", path, response.Header)
		}
	}
	for _, path := range []string{"page.go", "page/app.js", "api", "api/none", "../dashboard"} {
		if response := s.ask("GET", path, "acts"); response.StatusCode != 404 {
			t.Errorf("%q: %d", path, response.StatusCode)
		}
	}
}

func TestHandler_AsksForAccess(t *testing.T) {
	s := newSite(t, Options{})
	for _, row := range []struct {
		method, path, token string
		status              int
		words               string
	}{
		{"GET", "api/sessions", "", 401, "open the address"},
		{"GET", "api/sessions", "guess", 401, "open the address"},
		{"GET", "api/sessions/s1", "", 401, "unauthorized"},
		{"GET", "api/sessions/s1/events", "look", 401, "unauthorized"},
		{"POST", "api/sessions/s1/end", "", 401, "unauthorized"},
		{"POST", "api/sessions/s1/end", "looks", 403, "operator_url"},
		{"POST", "api/sessions/s1/touch", "looks", 403, "operator_url"},
		{"GET", "api/sessions/s1", "looks", 200, `"id":"s1"`},
		{"GET", "api/sessions/none", "looks", 404, "not_found"},
		{"GET", "api/sessions?limit=5000", "looks", 400, "1000"},
		{"GET", "api/sessions?limit=x", "looks", 400, "validation"},
		{"POST", "api/sessions/s1/explode", "acts", 404, "there are touch"},
		{"GET", "api/sessions/s1/end", "acts", 405, ""},
	} {
		response := s.ask(row.method, row.path, row.token)
		if text := s.text(response); response.StatusCode != row.status || !strings.Contains(text, row.words) {
			t.Errorf("%s %s with %q: %d %s, want %d %s", row.method, row.path, row.token, response.StatusCode, text, row.status, row.words)
		}
	}
	if none := (Tokens{}).Of(&http.Request{Header: http.Header{"Authorization": {"Bearer "}}}); none != None {
		t.Errorf("an empty token gives %v", none)
	}
	if len(s.source.done) > 0 {
		t.Errorf("it did %v", s.source.done)
	}
}

// TestHandler_RefusesOtherSites holds where access comes by cookie, which browsers
// send along with other sites' requests.
func TestHandler_RefusesOtherSites(t *testing.T) {
	s := newSite(t, Options{Access: func(*http.Request) Access { return Operate }})
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if response := s.ask("POST", "api/sessions/s1/end", "", header...); response.StatusCode != 403 {
			t.Errorf("%v: %d", header, response.StatusCode)
		}
	}
	if response := s.ask("POST", "api/sessions/s1/end", "", "Sec-Fetch-Site", "same-origin"); response.StatusCode != 200 {
		t.Errorf("its own page: %d", response.StatusCode)
	}
	for _, row := range []struct {
		site   []string
		status int
	}{
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site"}, 403},
		{[]string{"Origin", "https://evil.example"}, 403},
		{[]string{"Origin", "null"}, 403},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		{[]string{"Sec-Fetch-Site", "none"}, 200}, // typed into the address bar
		{nil, 200},
	} {
		for _, path := range []string{"api/sessions", "api/sessions/s1", "api/sessions/s1/events"} {
			response := s.ask("GET", path, "", row.site...)
			if response.StatusCode != row.status {
				t.Errorf("%s, %v: %d", path, row.site, response.StatusCode)
			}
			_ = response.Body.Close()
		}
	}
	if !slices.Equal(s.source.done, []string{"end s1"}) {
		t.Errorf("it did %v", s.source.done)
	}
}

func TestHandler_DoesWhatTheButtonsSayAtTheSessionsOwnCloud(t *testing.T) {
	s := newSite(t, Options{})
	other := session("s2", "m2")
	other.Compute.Provider, other.State = "other", "ending"
	bare := session("s3", "m3")
	bare.Compute, bare.State, bare.Topic = nil, "intended", ""
	s.source.set(session("s1", "m1"), other, bare)
	for _, path := range []string{"s1/touch", "s1/stop", "m1/start", "s3/end", "s2/forget"} {
		if response := s.ask("POST", "api/sessions/"+path, "acts"); response.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, response.StatusCode, s.text(response))
		}
	}
	if want := []string{"touch s1", "stop acme m1", "start acme m1", "end s3", "forget s2"}; !slices.Equal(s.source.done, want) {
		t.Errorf("it did %v, want %v", s.source.done, want)
	}
	for _, path := range []string{"s2/stop", "s3/start"} {
		if response := s.ask("POST", "api/sessions/"+path, "acts"); response.StatusCode != 409 {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
	}
}

func TestHandler_StreamsAllAndThenWhatChanges(t *testing.T) {
	s := newSite(t, Options{})
	f := s.follow("api/sessions?user=u&ended=1&after=s0&limit=7")
	var all struct {
		Now, Access string
		Rows        []orchestrator.Session
	}
	if err := json.Unmarshal([]byte(f.want("sessions")), &all); err != nil {
		t.Fatal(err)
	}
	if _, err := time.Parse(time.RFC3339, all.Now); err != nil || all.Access != "view" || len(all.Rows) != 1 || all.Rows[0].Spent == nil {
		t.Errorf("%+v %v", all, err)
	}
	s.source.mu.Lock()
	asked := s.source.asked[0]
	s.source.mu.Unlock()
	if asked.UserID != "u" || asked.After != "s0" || asked.Limit != 7 || len(asked.State) != 4 {
		t.Errorf("asked %+v", asked)
	}
	changed := session("s1", "m1")
	changed.State = "ending"
	s.source.set(changed, session("s2", "m2")) // spent alone, which grows at each look, is no change
	f.want("changes", `"state":"ending"`, `"id":"s2"`, `"gone":[]`)
	s.source.set(session("s2", "m2"))
	if data := f.want("changes", `"rows":[]`, `"gone":["s1"]`); strings.Contains(data, "s2") {
		t.Errorf("it repeats what is the same: %s", data)
	}
	s.source.fail(&spec.Error{Kind: spec.KindProvider, Message: "cannot tell"})
	f.want("trouble", "cannot tell")
	s.source.fail(nil)
	for {
		if name, data := f.next(); name == "sessions" {
			break
		} else if name != "trouble" {
			t.Fatalf("%s %s", name, data)
		}
	}
}

func TestHandler_TellsADefectOfItsSource(t *testing.T) {
	s := newSite(t, Options{})
	s.source.mu.Lock()
	s.source.panics = true
	s.source.mu.Unlock()
	s.follow("api/sessions").want("trouble", "internal", "defect")
}

// A reader of HEAD takes the head for the whole answer, and asks again on that connection.
func TestHandler_AnswersHEADOfAStreamAtOnce(t *testing.T) {
	s := newSite(t, Options{Refresh: time.Hour, Viewers: 1})
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/gpus/"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	answers := bufio.NewReader(conn)
	for range 3 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, s.url+"api/sessions", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer looks")
		if err := request.Write(conn); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, request)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%d %v", response.StatusCode, response.Header)
		}
	}
	s.follow("api/sessions").want("sessions", "s1") // the one stream there may be is free
}

func TestHandler_LooksOnceForAllViewersAndNotAtAllForNone(t *testing.T) {
	s := newSite(t, Options{Refresh: time.Hour, Viewers: 3})
	time.Sleep(20 * time.Millisecond)
	var feeds []*feed
	for range 3 {
		feeds = append(feeds, s.follow("api/sessions"))
	}
	for _, f := range feeds {
		f.want("sessions", "s1")
	}
	s.source.mu.Lock()
	looks := s.source.looks
	s.source.mu.Unlock()
	if looks != 1 {
		t.Errorf("%d looks", looks)
	}
	if response := s.ask("GET", "api/sessions", "looks"); response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
		t.Errorf("a fourth viewer: %d", response.StatusCode)
	}
	s.source.set(session("s1", "m1"), session("s4", "m4"))
	s.ask("POST", "api/sessions/s1/touch", "acts") // an action makes it look at once
	feeds[0].want("changes", "s4")
	if err := s.handler.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range feeds[1:] {
		for name := ""; name != "eof"; name, _ = f.next() {
		}
	}
	if response := s.ask("GET", "api/sessions", "looks"); response.StatusCode != 503 {
		t.Errorf("after Close: %d", response.StatusCode)
	}
}

func TestHandler_StreamsTheEventsOfASessionFromTheFirst(t *testing.T) {
	s := newSite(t, Options{})
	s.source.told = []*events.Event{{Topic: "compute:m1", Seq: 1, Name: "provisioning"}, {Topic: "compute:m1", Seq: 2, Name: "terminated", Data: spec.Raw(`{"final":true}`)}}
	f := s.follow("api/sessions/m1/events")
	f.want("event", `"event":"provisioning"`, `"seq":1`)
	f.want("event", `"event":"terminated"`, `"final":true`)
	f.want("end")
	bare := session("s3", "m3")
	bare.Topic = ""
	s.source.set(bare)
	if response := s.ask("GET", "api/sessions/s3/events", "looks"); response.StatusCode != 409 {
		t.Errorf("without a machine: %d", response.StatusCode)
	}
}

func TestServe_ListensAtLoopbackUnlessToldOtherwise(t *testing.T) {
	source := &fake{}
	source.set(session("s1", "m1"))
	for _, at := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "example.com:80", "127.0.0.1", "[::1"} {
		if s, err := Serve(t.Context(), source, Place{Listen: at}); err == nil {
			t.Errorf("%s: it listens", at)
			_ = s.Close()
		} else if err.Kind != spec.KindValidation || err.Hint == "" {
			t.Errorf("%s: %+v", at, err)
		}
	}
	s, err := Serve(t.Context(), source, Place{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.OperatorURL != "" || !strings.HasPrefix(s.URL, "http://127.0.0.1:") {
		t.Errorf("%+v", s)
	}
	if _, again := Serve(t.Context(), source, Place{Listen: s.Listen}); again == nil || again.Kind != spec.KindConflict || !strings.Contains(again.Message, "in use") {
		t.Errorf("the same address twice: %v", again)
	}
	public, err := Serve(t.Context(), source, Place{Listen: "0.0.0.0:0", Public: true, Actions: true})
	if err != nil {
		t.Fatal(err)
	}
	defer public.Close()
	base, token, _ := strings.Cut(public.OperatorURL, "#")
	_, look, _ := strings.Cut(public.URL, "#")
	if len(token) < 40 || token == look || !strings.HasPrefix(base, "http://127.0.0.1:") {
		t.Errorf("%+v", public)
	}
	for path, want := range map[string]int{"api/sessions/s1/touch": 200, "api/sessions/none/stop": 404} {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", base+path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		if err != nil || response.StatusCode != want {
			t.Errorf("%s: %v %v", path, response, err)
		}
		_ = response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestServer_WaitsForNoBody holds against those who announce one and never send it,
// which takes no credential.
func TestServer_WaitsForNoBody(t *testing.T) {
	source := &fake{}
	source.set(session("s1", "m1"))
	s, err := Serve(t.Context(), source, Place{Actions: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, token, _ := strings.Cut(s.OperatorURL, "#")
	for credential, want := range map[string]string{"guess": "HTTP/1.1 401", token: "HTTP/1.1 200"} {
		for _, size := range []string{"Content-Length: 9", "Content-Length: 999999", "Transfer-Encoding: chunked"} {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listen)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, "POST /api/sessions/s1/touch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+credential+"\r\n"+size+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(15 * time.Second))
			if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), want) {
				t.Errorf("%s: %q %v", size, answer, err)
			}
			defer letGo(t, conn) // before the server is closed
		}
	}
}

// letGo waits until the server has let go of a connection, which it keeps for a while
// after it has ended its own half: then what is written comes back refused.
func letGo(t *testing.T, conn net.Conn) {
	t.Helper()
	defer conn.Close()
	for until := time.Now().Add(15 * time.Second); time.Now().Before(until); time.Sleep(time.Millisecond) {
		if _, err := conn.Write([]byte(" ")); err != nil {
			return
		}
	}
	t.Error("the server keeps the connection")
}

// TestServer_CloseEndsAViewerThatReadsNothing holds against browsers that sleep.
func TestServer_CloseEndsAViewerThatReadsNothing(t *testing.T) {
	source := &fake{}
	var many []orchestrator.Session
	for range 900 {
		s := session("s", "m")
		s.UserID = strings.Repeat("x", 5000)
		many = append(many, s)
	}
	source.set(many...)
	s, err := Serve(t.Context(), source, Place{})
	if err != nil {
		t.Fatal(err)
	}
	conn, dialled := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listen)
	if dialled != nil {
		t.Fatal(dialled)
	}
	defer conn.Close()
	_, token, _ := strings.Cut(s.URL, "#")
	if _, err := io.WriteString(conn, "GET /api/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil { // the answer has begun; nobody reads the rest
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Close() }()
	select {
	case err := <-ended:
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(15 * time.Second): // its patience alone is longer
		t.Fatal("Close waits for the reader")
	}
}

// transient is a writer that is gone once its request is answered, as those of HTTP/2
// are: whoever sets a deadline then ends the program.
type transient struct {
	*httptest.ResponseRecorder
	answered, late atomic.Bool
}

func (w *transient) SetWriteDeadline(at time.Time) error {
	if !at.After(time.Now()) { // it is hurried; whoever does so is held up
		time.Sleep(time.Second)
	}
	if w.answered.Load() {
		w.late.Store(true)
	}
	return nil
}

func TestHandler_CloseLeavesAnsweredRequestsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &fake{}
		source.set(session("s1", "m1"))
		h := New(source, Options{Access: func(*http.Request) Access { return View }})
		w := &transient{ResponseRecorder: httptest.NewRecorder()}
		var work sync.WaitGroup
		safego.Go(&work, nil, func() {
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/sessions", nil))
			w.answered.Store(true)
		})
		synctest.Wait() // it has been told all there is
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		work.Wait()
		time.Sleep(time.Minute) // of the bubble's clock
		if w.late.Load() {
			t.Error("its writer was used after its answer")
		}
	})
}
