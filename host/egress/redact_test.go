package egress

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

// spellings are the ways in which a cloud that echoes a request may write its
// Authorization header.
func spellings(key string) map[string]string {
	header := "Bearer " + key
	text, _ := json.Marshal(map[string]string{"authorization": header})
	all := map[string]string{
		"plain":                         header,
		"JSON":                          string(text),
		"JSON, slashes":                 strings.ReplaceAll(string(text), "/", `\/`),
		"query":                         url.QueryEscape(header),
		"path":                          url.PathEscape(header),
		"URL twice":                     url.QueryEscape(url.QueryEscape(header)),
		"lower escapes":                 lowerEscapes(url.QueryEscape(header)),
		"HTML":                          html.EscapeString(header),
		"HTML template":                 template.HTMLEscapeString(header),
		"HTML, all":                     markupEscapes(header, "&#x%X;"),
		"HTML, numbers":                 markupEscapes(header, "&#%d;"),
		"all escaped":                   "",
		"HTML in JSON":                  asJSON(html.EscapeString(header)),
		"JSON in HTML":                  html.EscapeString(asJSON(header)),
		"HTML in JSON in a URL in HTML": markupEscapes(url.QueryEscape(asJSON(markupEscapes(header, "&#x%X;"))), "&#%d;"),
	}
	for i := range len(header) {
		all["all escaped"] += fmt.Sprintf(`\u%04x`, header[i])
	}
	for _, before := range []string{"", "u", "us", "user"} { // every place in a group of three
		for name, encoding := range map[string]*base64.Encoding{"std": base64.StdEncoding, "raw": base64.RawStdEncoding, "URL": base64.URLEncoding, "raw URL": base64.RawURLEncoding} {
			all["base64 "+name+" after "+before] = encoding.EncodeToString([]byte(before + key + " and more"))
		}
	}
	return all
}

func asJSON(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// markup are the bytes that some escape in HTML.
const markup = "&<>\"'`=/+"

// markupEscapes writes what HTML may escape by its number.
func markupEscapes(text, form string) string {
	return regexp.MustCompile("["+markup+"]").ReplaceAllStringFunc(text, func(b string) string { return fmt.Sprintf(form, b[0]) })
}

func lowerEscapes(text string) string {
	return regexp.MustCompile("%..").ReplaceAllStringFunc(text, strings.ToLower)
}

// keys have one spelling, many, and several members.
func keys() []string {
	return []string{canary, "key+with/slash=and&more<x>\"you_u", "fm2_lJPECAAAAAAA+/zE1,fm2_lJPEEBBBBBBB/+aa", "k2>?k2>?k2>?", "two words of a key", "k%of&lots100%&more=", strings.Repeat("long-", 100)}
}

// holds reports whether a text holds the key, or a member of it, or either in
// base64, under whatever escapes.
func holds(text, key string) bool {
	for _, once := range []func(string) string{asIs, unJSON, unURL, unForm, html.UnescapeString} {
		for _, twice := range []func(string) string{asIs, unJSON, unURL, unForm, html.UnescapeString} {
			for _, needle := range needles(key) {
				if strings.Contains(twice(once(text)), needle) {
					return true
				}
			}
		}
	}
	return false
}

func asIs(text string) string { return text }

// unJSON takes the escapes of JSON out of a text.
func unJSON(text string) string {
	var out string
	if json.Unmarshal([]byte(`"`+strings.ReplaceAll(strings.ReplaceAll(text, `\"`, `"`), `"`, `\"`)+`"`), &out) != nil {
		return text
	}
	return out
}

func unForm(text string) string { return unURL(strings.ReplaceAll(text, "+", " ")) }

func unURL(text string) string {
	out, err := url.PathUnescape(text)
	if err != nil {
		return text
	}
	return out
}

func TestDo_TakesTheCredentialOutOfAnswersInEverySpelling(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.URL.Query().Get("header"))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(r.URL.Query().Get("body")))
	})
	c := newClient(t)
	p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, Credential: &spec.Credential{Scheme: "Bearer"}})
	for _, key := range keys() {
		for name, text := range spellings(key) {
			if !holds(text, key) && !strings.Contains(name, " in ") {
				t.Fatalf("%s of %s is not noticed by this test", name, key)
			}
			got, failure := c.Do(t.Context(), p, spec.NewSecret(key), get(url+"/?"+query("body", "before "+text+" after")+"&"+query("header", text)))
			if failure != nil {
				t.Fatalf("%s: %v", name, failure)
			}
			if body := string(got.Body); holds(body, key) || !strings.HasPrefix(body, "before ") || !strings.HasSuffix(body, " after") || !strings.Contains(body, spec.Redacted) {
				t.Errorf("%s of %s: the body is %q", name, key, body)
			}
			if header := got.Get("x-echo"); holds(header, key) || !strings.Contains(header, spec.Redacted) {
				t.Errorf("%s of %s: the header is %q", name, key, header)
			}
		}
	}
}

// TestDo_TakesWhatIsWithinACredentialOutOfAnswers has clouds that repeat what they have
// made of the credential.
func TestDo_TakesWhatIsWithinACredentialOutOfAnswers(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.URL.Query().Get("echo"))
		_, _ = w.Write([]byte(r.URL.Query().Get("echo")))
	})
	pair := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	c := newClient(t)
	for _, row := range []struct{ scheme, key, secret, echo string }{
		{"Basic", pair("alice:pass+word/%&1"), "pass+word/%&1", "alice"},
		{"basic", pair("alice:pass:word:2"), "pass:word:2", "alice"},
		{"Basic", pair("the-key-itself:"), "the-key-itself", ":"},
		{"Basic", pair("the-key-itself:x"), "the-key-itself", "x"},
		{"Basic", pair("the-key-itself"), "the-key-itself", ""},
		{"Basic", strings.TrimRight(base64.URLEncoding.EncodeToString([]byte("a:p??>>>ssword")), "="), "p??>>>ssword", "a"},
		{"", "Basic " + pair("alice:password-3"), "password-3", "alice"},
		{"", "Token  " + canary, canary, "Token"},
	} {
		p := mustPolicy(t, c, PolicySpec{Operator: []string{url}, Credential: &spec.Credential{Scheme: row.scheme}})
		for name, text := range spellings(row.secret) {
			got, failure := c.Do(t.Context(), p, spec.NewSecret(row.key), get(url+"/?"+query("echo", "from "+row.echo+" "+text)))
			if failure != nil {
				t.Fatalf("%s: %v", name, failure)
			}
			for _, read := range []string{string(got.Body), got.Get("x-echo")} {
				if holds(read, row.secret) || !strings.HasPrefix(read, "from "+row.echo+" ") || !strings.Contains(read, spec.Redacted) {
					t.Errorf("%s of %q, %s: %q", row.scheme, row.secret, name, read)
				}
			}
		}
	}
}

func query(name, value string) string { return url.Values{name: {value}}.Encode() }

func TestRedact_LeavesOtherAnswersAlone(t *testing.T) {
	body := []byte(`{"id":"pod123","env":{"PAD":"` + strings.Repeat("QUJDREVG", 100) + `"},"url":"https:\/\/a"}`)
	for _, key := range append(keys(), "", "short") {
		for _, cut := range []bool{false, true} {
			if got := redactBody(append([]byte(nil), body...), key, cut); string(got) != string(body) {
				t.Errorf("%q: %s", key, got)
			}
		}
	}
	body = bytes.ReplaceAll(body, []byte(`\`), nil)
	if allocations := testing.AllocsPerRun(10, func() { redactBody(body, canary, false) }); allocations != 0 {
		t.Errorf("looking for a key in a body takes %v allocations", allocations)
	}
	text := strings.Repeat("content-typeapplication/json", 20)
	if allocations := testing.AllocsPerRun(10, func() { redactHeaders(nil, text, canary) }); allocations > 1 { // the name in lower case
		t.Errorf("looking for a key in headers takes %v allocations", allocations)
	}
}

func TestRedact_TakesOffTheBeginningOfACredentialAtACut(t *testing.T) {
	for _, key := range keys() {
		for name, text := range spellings(key) {
			for n := 0; n < len(text); n += 1 + len(text)/500 {
				got := string(redactBody([]byte("data: "+text[:n]), key, true))
				for _, read := range []string{got, unJSON(got), unURL(got)} {
					for _, needle := range needles(key) {
						if beginning := needle[:min(len(needle), shortest)]; strings.Contains(read, beginning) {
							t.Fatalf("%s of %.40s, cut after %d: %.200q", name, key, n, got)
						}
					}
				}
			}
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, key := range keys() {
		for _, text := range spellings(key) {
			f.Add(text, key, false)
		}
	}
	f.Add(`{"a":"\`, "fm2_lJPE", true)
	f.Add(`%25`, "%25%25%25", true)
	f.Fuzz(func(t *testing.T, text, key string, cut bool) {
		got := string(redactBody([]byte(text), key, cut))
		if len(key) >= shortest && !strings.Contains(spec.Redacted, key) && strings.Count(got, key) > strings.Count(spec.Redacted, key) && !strings.Contains(key, "[") && !strings.Contains(key, "]") {
			t.Errorf("%q holds %q", got, key)
		}
	})
}

// TestRedact_EndsForAnswersMadeOfEscapes: a search that began anew at each of a
// run of backslashes would take hours for these.
func TestRedact_EndsForAnswersMadeOfEscapes(t *testing.T) {
	const size = 1 << 18
	for _, key := range append(keys(), `\\odd\\key`) {
		for _, unit := range []string{`\`, `%`, `%25`, `25`, `\u`, `\%`, key[:1] + `\`} {
			body := unit + strings.Repeat(unit, size/len(unit))
			if got := redactBody([]byte(body), key, false); string(got) != body {
				t.Errorf("%q in a body of %q: %.100q", key, unit, got)
			}
			body = body[:1000] + `"` + key + `"`
			if got := string(redactBody([]byte(body), key, false)); strings.Contains(got, key) || !strings.HasSuffix(got, spec.Redacted+`"`) {
				t.Errorf("%.20q behind %q: %.100q", key, unit, got[max(0, len(got)-100):])
			}
		}
	}
}

// TestRedact_LooksAtEachBackslashThatMayBeNothingOnce has what may be a key's beginning
// before each of many backslashes that are escaped: to hold the places of all of them
// against each other takes minutes.
func TestRedact_LooksAtEachBackslashThatMayBeNothingOnce(t *testing.T) {
	form := string(inBase64(nil, canary, 0))
	body := form[:1] + strings.Repeat(`\u005c`, 1<<17) + form[1:] + `"`
	if got := string(redactBody([]byte(body), canary, true)); got != spec.Redacted+`"` {
		t.Errorf("%.100q", got)
	}
}

// TestRedact_IsLinear has keys and texts that repeat themselves, which a search must
// neither begin anew at each byte of nor lose its way in.
func TestRedact_IsLinear(t *testing.T) {
	const size = 1 << 14
	letters := strings.Repeat("a", 1000)
	for _, key := range []string{letters, letters + "b", letters + "%", strings.Repeat(`\`, 1000), strings.Repeat("%25", 300), strings.Repeat("61", 500)} {
		for _, unit := range []string{"a", `\`, "%61", "%2561", "25", `\u0061`, "&#97;", "61"} {
			for _, before := range []string{`\`, "%", key[:len(key)-1] + `\`} {
				body := before + strings.Repeat(unit, size/len(unit))
				if got := string(redactBody([]byte(body), key, false)); strings.Contains(got, key) {
					t.Errorf("%.8q... in %.4q and many of %q: %.100q", key, before, unit, got)
				}
			}
		}
	}
}

// TestDo_TakesACutCredentialOutOfWhatEndsWithTheConnection has a server that dies in
// the middle of repeating a request.
func TestDo_TakesACutCredentialOutOfWhatEndsWithTheConnection(t *testing.T) {
	part := "said: " + canary[:len(canary)-3]
	for name, answer := range map[string]string{
		"no length":  "HTTP/1.1 200 OK\r\n\r\n" + part,
		"an upgrade": "HTTP/1.1 200 OK\r\nConnection: upgrade\r\n\r\n" + part,
		"a chunk":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + part,
	} {
		url := script(t, func(_ int, conn net.Conn, in *bufio.Reader) {
			if _, ok := request(in); ok {
				io.WriteString(conn, answer)
			}
		})
		c := newClient(t)
		for _, read := range []*Read{nil, {IdleMS: 60_000}} {
			if read == nil && name == "a chunk" {
				continue // that is a failure
			}
			if got := mustDo(t, c, operated(t, c, url), &Request{Method: "GET", URL: url, Read: read}); string(got.Body) != "said: " {
				t.Errorf("%s, read %v: %q", name, read, got.Body)
			}
		}
	}
}
