package fly

import (
	"regexp"

	"github.com/exatlas/atlas/core/spec"
)

// written matches tokens as Fly writes them, wherever they stand in a text.
var written = regexp.MustCompile(`\b(fm2|fm1r|fm1a|fo1)_[A-Za-z0-9+/=_\-]{6,}`)

// Scrub takes what looks like a Fly token out of a text.
func Scrub(text string) string { return written.ReplaceAllString(text, spec.Redacted) }

// HoldsToken reports whether a text holds what looks like a Fly token.
func HoldsToken(text string) bool { return written.MatchString(text) }
