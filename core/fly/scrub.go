package fly

import (
	"regexp"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// written matches tokens as Fly writes them, wherever they stand in a text: also
// behind a colour, whose sequence ends in a letter.
var written = regexp.MustCompile(`(fm2|fm1r|fm1a|fo1)_[A-Za-z0-9+/=_\-]{6,}`)

// shortest is the length from which a part of a known token is looked for; a
// shorter one would be found in what is none.
const shortest = 8

// Scrub takes what looks like a Fly token out of a text, and every part of tokens
// that are known.
func Scrub(text string, known ...string) string {
	for _, token := range known {
		for part := range strings.SplitSeq(Bare(token), ",") {
			if len(part) >= shortest {
				text = strings.ReplaceAll(text, part, spec.Redacted)
			}
		}
	}
	if !strings.Contains(text, "fm") && !strings.Contains(text, "fo1_") {
		return text
	}
	return written.ReplaceAllString(text, spec.Redacted)
}

// HoldsToken reports whether a text holds what looks like a Fly token.
func HoldsToken(text string) bool { return written.MatchString(text) }
