package egress

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

func TestRedirect_IsFollowedWithTheCredentialOfEachHop(t *testing.T) {
	bare := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Authorization"]) != 0 {
			t.Error("the key went to a host it is not bound to")
		}
		if r.Header.Get("X-Mine") != "1" {
			t.Error("the request's header is lost")
		}
		io.WriteString(w, r.URL.RequestURI())
	})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+canary {
			t.Error("the key is missing")
		}
		switch r.URL.Path {
		case "/a/start":
			w.Header().Set("Location", "next?x=1")
			w.WriteHeader(302)
		case "/a/next":
			w.Header().Set("Location", bare+"/end?y=2")
			w.WriteHeader(308)
		}
	})
	c := newClient(t)
	p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, OperatorBare: []string{bare}, Credential: &spec.Credential{Scheme: "Bearer"}})
	for _, method := range []string{"GET", "HEAD"} {
		got := mustDo(t, c, p, &Request{Method: method, URL: url + "/a/start", Header: []Header{{"X-Mine", "1"}}})
		if got.Status != 200 || method == "GET" && string(got.Body) != "/end?y=2" {
			t.Errorf("%s: %d %q", method, got.Status, got.Body)
		}
	}
}

func TestRedirect_IsCheckedLikeTheFirstRequest(t *testing.T) {
	var location atomic.Value
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location.Load().(string))
		w.WriteHeader(307)
	})
	c := newClient(t)
	p := operated(t, c, url)
	for _, to := range []string{"http://169.254.169.254/latest", "https://evil.example/", "//evil.example/x", "http://127.0.0.1:1/", "ftp://api.example.com/", "https://user@api.example.com/", "https://api.example.com\\@evil.example/",
		"https://evil.example/" + canary, "file:///etc/passwd", "http://api.example.com/", "https://api.example.com./"} {
		location.Store(to)
		failure := mustFail(t, t.Context(), c, p, get(url), spec.KindPlugin)
		if failure.Status != 307 || strings.Contains(failure.Message, "the plugin asked") || strings.Contains(failure.Hint, "defect of the provider's plugin") {
			t.Errorf("%s: %+v", to, failure)
		}
	}
}

func TestRedirect_EndsAfterFive(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := int(requests.Add(1))
		if r.URL.Path == "/five" && n == 6 {
			return
		}
		w.Header().Set("Location", r.URL.Path)
		w.WriteHeader(301)
	})
	c := newClient(t)
	p := operated(t, c, url)
	if got := mustDo(t, c, p, get(url+"/five")); got.Status != 200 || requests.Load() != 6 {
		t.Errorf("five redirects: %d after %d requests", got.Status, requests.Load())
	}
	requests.Store(0)
	mustFail(t, t.Context(), c, p, get(url+"/six"), spec.KindProvider)
	if requests.Load() != 6 {
		t.Errorf("%d requests", requests.Load())
	}
}

func TestRedirect_OfAWriteIsNotFollowed(t *testing.T) {
	var requests atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		status, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	})
	c := newClient(t)
	p := operated(t, c, url)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			requests.Store(0)
			failure := mustFail(t, t.Context(), c, p, &Request{Method: method, URL: url + "/" + strconv.Itoa(status)}, spec.KindProvider)
			if !failure.Sent || failure.Status != status || requests.Load() != 1 {
				t.Errorf("%s %d: %+v after %d requests", method, status, failure, requests.Load())
			}
		}
	}
}

func TestRedirect_IsRelativeToTheServerThatGaveIt(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/end" {
			w.Header().Set("Location", "/end")
			w.WriteHeader(302)
		}
	})
	c := newClient(t)
	for _, path := range []string{"//api.example.com/x", "//127.0.0.1:1/", "/a:b/", "/?a=/../b"} {
		if got := mustDo(t, c, operated(t, c, url), get(url+path)); got.Status != 200 {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
}

func TestRedirect_ToAHostOfTheKeysNameDoesNotTellIt(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://"+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+".example/")
		w.WriteHeader(302)
	})
	c := newClient(t)
	const key = "CanaryKey0123456789"
	_, failure := c.Do(t.Context(), operated(t, c, url), spec.NewSecret(key), get(url))
	if failure == nil || strings.Contains(strings.ToLower(failure.Error.Error()), strings.ToLower(key)) {
		t.Errorf("%+v", failure)
	}
}
