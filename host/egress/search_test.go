package egress

import (
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/exatlas/atlas/core/spec"
)

// oneEscape matches an escape of each form.
var oneEscape = regexp.MustCompile(`^(?:%[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}|&#[0-9]{1,8};|&#[xX][0-9a-fA-F]{1,8};|&(?:amp|lt|gt|quot|apos);)$`)

// oneByte is what an escape stands for.
func oneByte(escape string) (byte, bool) {
	if !oneEscape.MatchString(escape) {
		return 0, false
	}
	if escape[0] == '&' {
		text := html.UnescapeString(escape)
		digits, base := strings.Trim(escape, "&#;"), 10
		if digits[0]|0x20 == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 32); err == nil {
			return byte(n), n <= 0xff
		}
		return text[0], true
	}
	n, _ := strconv.ParseUint(escape[len(escape)-2:], 16, 8)
	return byte(n), true
}

// ways are all readings of a text, found by trying: byTo[to] are those that end there.
func ways(text string) (byTo [][]reading) {
	byTo = make([][]reading, len(text)+1)
	for i := range len(text) {
		byTo[i+1] = append(byTo[i+1], reading{i, i + 1, text[i]})
	}
	for grown := true; grown; {
		grown = false
		for to := range byTo {
			for from, escapes := range spelled(byTo, to, 11) {
				for _, escape := range escapes {
					if is, ok := oneByte(escape); ok && !slices.Contains(byTo[to], reading{from, to, is}) {
						byTo[to] = append(byTo[to], reading{from, to, is})
						grown = true
					}
				}
			}
		}
	}
	return byTo
}

// spelled are the texts of up to so many bytes that end at a place and may be an escape,
// by where they begin.
func spelled(byTo [][]reading, to, most int) map[int][]string {
	all := map[int][]string{}
	var back func(to int, text string)
	back = func(to int, text string) {
		if len(text) > 0 && beginsEscape(text[0]) {
			if !slices.Contains(all[to], text) {
				all[to] = append(all[to], text)
			}
			return
		}
		if len(text) == most || len(text) > 0 && !strings.ContainsAny(text[:1], "0123456789abcdefABCDEFxXu#;mpltgqos") {
			return
		}
		for _, r := range byTo[to] {
			back(r.from, string(r.is)+text)
			if r.is == '\\' && text != "" && text[0] != 'u' { // is nothing
				back(r.from, text)
			}
		}
	}
	back(to, "")
	return all
}

// covered marks the bytes of a text that are of a needle, in whatever way it is read.
func covered(text, needle string) []bool {
	byTo := ways(text)
	marks := make([]bool, len(text))
	var back func(to, left int) bool
	known := map[[2]int]bool{}
	back = func(to, left int) bool {
		if left == 0 {
			return true
		}
		if at := [2]int{to, left}; known[at] {
			return false
		}
		good := false
		for _, r := range byTo[to] {
			if (r.is == needle[left-1] && back(r.from, left-1)) || r.is == '\\' && left < len(needle) && back(r.from, left) {
				good = true
				for i := r.from; i < to; i++ {
					marks[i] = true
				}
			}
		}
		known[[2]int{to, left}] = !good
		return good
	}
	for to := range byTo {
		back(to, len(needle))
	}
	return marks
}

// TestSearch_FindsWhatTryingFinds holds the search against one that tries every way to
// read a text.
func TestSearch_FindsWhatTryingFinds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	some := func(most int, from ...string) (text string) {
		for range random.IntN(most + 1) {
			text += pick(from...)
		}
		return text
	}
	escaped := func(text string) (out string) {
		for _, b := range []byte(text) {
			out += pick(string(b), string(b), fmt.Sprintf("%%%02x", b), fmt.Sprintf(`\u%04X`, b), fmt.Sprintf("&#%d;", b), `\`+string(b), url.QueryEscape(string(b)), html.EscapeString(string(b)))
		}
		return out
	}
	for range 600 {
		key := "A" + some(3, "4", "1", "A") + pick("%41A", "b&c", "1A1A", `4\1`, "A;#4") + "AA4"
		spelling := key
		for range random.IntN(4) {
			spelling = escaped(spelling)
		}
		if len(spelling) > 250 {
			continue
		}
		noise := []string{"%", "4", "1", "2", "5", `\`, "&", "#", ";", "u", "0", "A", "amp;", "a", key[:4]}
		text := some(6, noise...) + spelling + some(6, noise...)
		var want string
		for i, hidden := range covered(text, key) {
			if !hidden {
				want += text[i : i+1]
			}
		}
		got := string(redactBody([]byte(text), key, false))
		bare := strings.ReplaceAll(got, spec.Redacted, "")
		if strings.ReplaceAll(bare, `\`, "") != strings.ReplaceAll(want, `\`, "") || bare == text {
			t.Fatalf("%q in %q: %q, want %q", key, text, got, want)
		}
	}
}
