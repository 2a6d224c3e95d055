package egress

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// refusedURLs are ways to say one host and mean another, and other malformed
// URLs.
var refusedURLs = []string{
	"", "api.example.com", "//api.example.com/", "ftp://api.example.com/", "file:///etc/passwd", "javascript:alert(1)", "https:/api.example.com", "https:api.example.com",
	"https://", "https:///x", "https://?x", "https://:443/", "https://user@api.example.com/", "https://user:pw@api.example.com/", "https://api.example.com@evil.example/",
	"https://api.example.com./", "https://.api.example.com/", "https://api..example.com/", "https://-api.example.com/", "https://api-.example.com/",
	"https://api.example.com%2eevil.example/", "https://api%2eexample.com/", "https://api.example.com\\@evil.example/", "https://evil.example\\.api.example.com/",
	"https://api.example.com:/", "https://api.example.com:0443/", "https://api.example.com:+443/", "https://api.example.com:443443/", "https://api.example.com:65536/", "https://api.example.com:0/", "https://api.example.com:443:443/",
	"https://äpi.example.com/", "https://api。example.com/", "https://api.example.com/\r\nHost: evil", "https://api.example.com/ x", "https://api.example.com\t/", "https://api.example.com/\x00", "https://api.example.com/ä",
	"https://127.1/", "https://0x7f.0.0.1/", "https://0x7f000001/", "https://2130706433/", "https://017700000001/", "https://127.0.0.01/", "https://1.2.3.4.5/", "https://256.1.1.1/",
	"https://[::ffff:127.0.0.1]/", "https://[::1%25eth0]/", "https://[::1/", "https://[127.0.0.1]/", "https://::1/", "https://[::1]443/",
	"https://api.example.com/../x", "https://api.example.com/a/./b", "https://api.example.com/a/%2e%2E/b", "https://api.example.com/a/.%2e", "https://api.example.com/a/..%2Fb", "https://api.example.com/..%5cb/c", "https://api.example.com/a%2f..", "https://api.example.com/a%2F%2e%2e%2Fb", "https://api.example.com/%zz", "https://api.example.com/%2",
	"https://api.example.com/{id}", "https://" + strings.Repeat("a", 64) + ".example.com/", "https://" + strings.Repeat("a.", 127) + "example.com/", "https://api.example.com/" + strings.Repeat("a", maxURLBytes),
}

func TestParseURL_RefusesWhatCanBeReadInTwoWays(t *testing.T) {
	for _, url := range refusedURLs {
		if got, wrong := parseURL(url); wrong == "" {
			t.Errorf("%q is taken for %+v", url, got)
		}
	}
}

func TestParseURL_TakesURLsApart(t *testing.T) {
	rows := []struct {
		url  string
		want target
	}{
		{"https://api.example.com", target{secure: true, host: "api.example.com", port: 443, authority: "api.example.com", path: "/"}},
		{"HTTPS://API.Example.COM/V2?A=b", target{secure: true, host: "api.example.com", port: 443, authority: "api.example.com", path: "/V2?A=b"}},
		{"https://api.example.com?x=/../y", target{secure: true, host: "api.example.com", port: 443, authority: "api.example.com", path: "/?x=/../y"}},
		{"https://api.example.com:8443/a%20b#fragment", target{secure: true, host: "api.example.com", port: 8443, authority: "api.example.com:8443", path: "/a%20b"}},
		{"https://api.example.com:443/.well-known/...", target{secure: true, host: "api.example.com", port: 443, authority: "api.example.com", path: "/.well-known/..."}},
		{"http://127.0.0.1:80/", target{host: "127.0.0.1", port: 80, authority: "127.0.0.1", path: "/", literal: true}},
		{"http://[0:0::1]:81/", target{host: "::1", port: 81, authority: "[::1]:81", path: "/", literal: true}},
		{"http://sim_1:9/", target{host: "sim_1", port: 9, authority: "sim_1:9", path: "/"}},
	}
	for _, row := range rows {
		got, wrong := parseURL(row.url)
		if wrong != "" || got != row.want {
			t.Errorf("%s: %+v %q, want %+v", row.url, got, wrong, row.want)
		}
	}
}

func TestPublic_RefusesEveryOtherRange(t *testing.T) {
	for _, text := range []string{"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "0.0.0.0", "0.1.2.3",
		"224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "192.0.0.8", "168.63.129.16", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
		"::ffff:8.8.8.8", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "fec0::1", "fd00:ec2::254",
		"::ffff:0:7f00:1", "::ffff:0:808:808", "200::1", "3ff::1", "100::1", "5f00::1", "4000::1", "e000::1", "64:ff9b::a00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::", "64:ff9b:2::808:808"} {
		if public(netip.MustParseAddr(text)) {
			t.Errorf("%s is taken for a public address", text)
		}
	}
	for _, text := range []string{"8.8.8.8", "172.32.0.1", "100.128.0.1", "169.253.1.1", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808"} {
		if !public(netip.MustParseAddr(text)) {
			t.Errorf("%s is not taken for a public address", text)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is taken for a public one")
	}
}

func FuzzCheck_AllowsOnlyListedOrigins(f *testing.F) {
	for _, url := range refusedURLs {
		f.Add(url)
	}
	for _, url := range []string{"https://api.example.com/v2/pods?x=1", "https://a-1.proxy.example.net/", "http://127.0.0.1:8080/x", "https://other.example.com:8443/"} {
		f.Add(url)
	}
	c := New(Options{})
	p, err := c.Policy(PolicySpec{Hosts: []string{"api.example.com", "*.proxy.example.net", "other.example.com:8443"}, Operator: []string{"http://127.0.0.1:8080"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, url string) {
		at, _, refused := p.locate(url)
		if refused != nil {
			return
		}
		lowered := strings.ToLower(url)
		allowed := func(origin string) bool {
			rest, ok := strings.CutPrefix(lowered, origin)
			return ok && (rest == "" || strings.IndexByte("/?#", rest[0]) >= 0)
		}
		wild := at.secure && at.port == 443 && strings.HasSuffix(at.host, ".proxy.example.net") && strings.HasPrefix(lowered, "https://"+at.host)
		if !allowed("https://api.example.com") && !allowed("https://api.example.com:443") && !allowed("https://other.example.com:8443") && !allowed("http://127.0.0.1:8080") && !wild {
			t.Errorf("%q is allowed", url)
		}
		if strings.ContainsAny(at.path+at.authority, " \r\n\x00\\") || at.path[0] != '/' {
			t.Errorf("%q would be sent as %+v", url, at)
		}
	})
}

// FuzzParseURL compares with net/url: a URL that is accepted means the same to
// both.
func FuzzParseURL_AgreesWithNetURL(f *testing.F) {
	for _, text := range refusedURLs {
		f.Add(text)
	}
	for _, text := range []string{"https://api.example.com/v2/pods?x=1#y", "HTTP://[2001:DB8::1]:8080//a//b?", "http://sim_1:80?x=/../y", "https://8.8.8.8:443/;a=b/%2e%2e%2e", "http://a/%2F.well-known"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, wrong := parseURL(text)
		if wrong != "" {
			return
		}
		text, _, _ = strings.Cut(text, "#") // which is not sent
		u, err := url.Parse(text)
		if err != nil {
			t.Fatalf("%q: net/url refuses it: %v", text, err)
		}
		port := u.Port()
		if port == "" {
			port = map[bool]string{true: "443", false: "80"}[at.secure]
		}
		host := strings.ToLower(u.Hostname())
		if addr, err := netip.ParseAddr(host); err == nil {
			host = addr.String()
		}
		if u.User != nil || (u.Scheme == "https") != at.secure || host != at.host || port != strconv.Itoa(int(at.port)) {
			t.Errorf("%q: net/url reads %+v, we read %+v", text, u, at)
		}
		if got := u.RequestURI(); got != at.path {
			t.Errorf("%q: net/url asks for %q, we ask for %q", text, got, at.path)
		}
		sent, err := url.Parse(map[bool]string{true: "https://", false: "http://"}[at.secure] + at.authority + at.path)
		if err != nil {
			t.Errorf("%q is sent as %+v (%v)", text, at, err)
		}
		for _, segment := range strings.FieldsFunc(sent.Path, func(r rune) bool { return r == '/' || r == '\\' }) {
			if segment == "." || segment == ".." {
				t.Errorf("%q has a dot segment", text)
			}
		}
	})
}
