package auth

import (
	"strings"
	"testing"
	"time"
)

const secret = "s3cr3t"

var now = time.Unix(1700000000, 0)

func TestSignURL_GivesTheBytesOfExAtlas(t *testing.T) {
	for _, row := range []struct{ url, want string }{
		{"https://pod-8000.proxy.runpod.net/stream?a=1&b=x+y", "https://pod-8000.proxy.runpod.net/stream?a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI"},
		{"/stream?b=x%20y&a=1", "/stream?a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI"},
		{"https://pod.example", "https://pod.example?exp=1700003600&sig=O8fVqLOmaXgbyaFEn03VPcMTuA5JrEMIbXOmNMvasY0"},
		{"https://pod.example/", "https://pod.example/?exp=1700003600&sig=O8fVqLOmaXgbyaFEn03VPcMTuA5JrEMIbXOmNMvasY0"},
		{"https://pod.example/#part", "https://pod.example/?exp=1700003600&sig=O8fVqLOmaXgbyaFEn03VPcMTuA5JrEMIbXOmNMvasY0#part"},
		// The last of equal keys wins.
		{"/stream?a=9&b=x+y&a=1", "/stream?a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI"},
		// An expiry and a signature that are there already are replaced.
		{"/stream?a=1&b=x+y&exp=5&sig=old", "/stream?a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI"},
	} {
		got, expires, err := SignURL(row.url, secret, now, time.Hour)
		if err != nil || got != row.want || expires.Unix() != 1700003600 {
			t.Errorf("%s:\n got %s %v\nwant %s", row.url, got, err, row.want)
		}
	}
}

func TestSignURL_SortsFlagKeysEncodesAndVerifies(t *testing.T) {
	for _, url := range []string{"/x?z&a", "/x?zeta=%C3%A4&a=%2F~._-", "/x?&&b=2", "/p//q/../r?x=1;y=2", "https://u:p@h:8080/?q=%00"} {
		signed, _, err := SignURL(url, secret, now, time.Hour)
		if err != nil {
			t.Fatal(url, err)
		}
		if reason := VerifyURL(signed, secret, now); reason != "" {
			t.Errorf("%s signed as %s: %s", url, signed, reason)
		}
		again, _, err := SignURL(signed, secret, now, time.Hour)
		if err != nil || again != signed {
			t.Errorf("%s signed twice: %s %v", url, again, err)
		}
	}
	signed, _, err := SignURL("/x?z&a", secret, now, time.Hour)
	if err != nil || !strings.HasPrefix(signed, "/x?a=&exp=1700003600&sig=") || !strings.HasSuffix(signed, "&z=") {
		t.Errorf("flag keys: %s %v", signed, err)
	}
}

func TestVerifyURL_SaysWhy(t *testing.T) {
	const good = "/stream?a=1&b=x+y&exp=1700003600&sig=2XiktYQEHzJeDwwjftZ85xjdyOeX5YLlmSpd9ZtrUAI"
	for _, row := range []struct {
		name, url string
		at        int64
		want      string
	}{
		{"path and query", good, 1700000000, ""},
		{"whole URL of another host", "https://other" + good, 1700000000, ""},
		{"the second it expires in", good, 1700003600, ""},
		{"a second later", good, 1700003601, ReasonExpired},
		{"forged and old", strings.Replace(good, "a=1", "a=2", 1), 1700003601, ReasonExpired},
		{"forged", strings.Replace(good, "a=1", "a=2", 1), 1700000000, ReasonBadSignature},
		{"another path", strings.Replace(good, "/stream", "/other", 1), 1700000000, ReasonBadSignature},
		{"no signature", "/stream?exp=1700003600", 1700000000, ReasonMalformed},
		{"empty signature", "/stream?exp=1700003600&sig=", 1700000000, ReasonMalformed},
		{"no expiry", "/stream?sig=x", 1700000000, ReasonMalformed},
		{"empty expiry", "/stream?exp=&sig=x", 1700000000, ReasonMalformed},
		{"expiry no number", "/stream?exp=1e9&sig=x", 1700000000, ReasonMalformed},
		{"broken escape", good + "&c=%zz", 1700000000, ReasonMalformed},
		{"nothing", "", 1700000000, ReasonMalformed},
	} {
		if got := VerifyURL(row.url, secret, time.Unix(row.at, 0)); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
	if got := VerifyURL(good, "another", now); got != ReasonBadSignature {
		t.Errorf("another secret: %q", got)
	}
}

func TestSignURL_RefusesBrokenEscapes(t *testing.T) {
	if _, _, err := SignURL("/x?a=%g1", secret, now, time.Hour); err == nil || err.Kind != "validation" {
		t.Errorf("got %v", err)
	}
}

func FuzzSignURL_WhatIsSignedVerifies(f *testing.F) {
	f.Add("/stream?a=1", "s")
	f.Add("https://h/?sig=1&exp=2&&=#", "s3cr3t")
	f.Fuzz(func(t *testing.T, url, key string) {
		signed, _, err := SignURL(url, key, now, time.Hour)
		if err != nil {
			return
		}
		if reason := VerifyURL(signed, key, now); reason != "" {
			t.Errorf("%q signed as %q: %s", url, signed, reason)
		}
	})
}
