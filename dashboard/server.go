package dashboard

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/internal/safego"
)

// Place says where a page is served, and for what.
type Place struct {
	Listen  string // address; default 127.0.0.1:0
	Public  bool   // other machines may reach it
	Actions bool   // there is an address for those who may act
}

// Server is a page with a listener of its own.
type Server struct {
	Listen      string // address it listens at
	URL         string // to open; what stands behind # is the credential to look
	OperatorURL string // to open for those who may act, too; empty without actions

	handler *Handler
	http    *http.Server
	done    sync.WaitGroup
}

// Serve listens and serves the page to those who hold one of its addresses.
func Serve(ctx context.Context, source Source, p Place) (*Server, *spec.Error) {
	at := p.Listen
	if at == "" {
		at = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.listen: not an address with a port", Hint: "give one such as 127.0.0.1:8790; port 0 takes a free one"}
	}
	if ip := net.ParseIP(host); !p.Public && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, &spec.Error{Kind: spec.KindValidation, Message: "params.listen: other machines reach that address, and the page speaks plain HTTP",
			Hint: "listen at 127.0.0.1, or set public and put a proxy that speaks TLS before it"}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
	if err != nil {
		return nil, &spec.Error{Kind: spec.KindConflict, Message: "cannot listen at " + at + ": " + reason(err), Hint: "choose another address; port 0 takes a free one"}
	}
	tokens := Tokens{View: token()}
	s := &Server{Listen: listener.Addr().String()}
	s.URL = address(listener.Addr(), tokens.View)
	if p.Actions {
		tokens.Operate = token()
		s.OperatorURL = address(listener.Addr(), tokens.Operate)
	}
	s.handler = New(source, Options{Access: tokens.Of})
	// Without a ReadTimeout: it would end streams that only write.
	s.http = &http.Server{Handler: bodiless(s.handler), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0)} // nothing of ours goes to the program's standard error
	safego.Go(&s.done, nil, func() { _ = s.http.Serve(listener) })
	return s, nil
}

// bodiless waits for no body: nothing here needs one, and a server that answers
// reads what there is of it first, for as long as it takes to come.
func bodiless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // the connection ends with the answer
		}
		next.ServeHTTP(w, r)
	})
}

// Close stops listening, ends all streams and waits for them.
func (s *Server) Close() error {
	_ = s.handler.Close()
	err := s.http.Close()
	s.done.Wait()
	return err
}

// token is 32 random bytes, as text.
func token() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// address is what a browser opens. It never sends what stands behind the #.
func address(at net.Addr, token string) string {
	where := at.String()
	if host, port, err := net.SplitHostPort(where); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			where = net.JoinHostPort("127.0.0.1", port)
		}
	}
	return "http://" + where + "/#" + token
}

// reason is why an address cannot be listened at, without saying it again.
func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}
