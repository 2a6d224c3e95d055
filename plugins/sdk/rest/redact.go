package rest

import (
	"strings"

	"github.com/exatlas/atlas/core/spec"
	"github.com/exatlas/atlas/plugins/sdk/jsonx"
)

// Redact copies a JSON document with every scalar below a member whose name is
// in names replaced by spec.Redacted, and with the texts in values hidden
// wherever they occur. Names compare without case. A document that is no JSON
// comes back empty.
func Redact(text string, names, values []string) spec.Raw {
	r := jsonx.New(text)
	w := jsonx.Writer{Buf: make([]byte, 0, len(text))}
	redact(&r, &w, names, values, false)
	if !r.Done() {
		return nil
	}
	return w.Buf
}

func redact(r *jsonx.Reader, w *jsonx.Writer, names, values []string, hide bool) {
	switch r.Kind() {
	case jsonx.Object:
		w.Open('{')
		for more := r.Object(); more; more = r.NextMember() {
			key := r.Key()
			w.Name(Hide(key, values))
			redact(r, w, names, values, hide || listed(names, key))
		}
		w.Close('}')
	case jsonx.Array:
		w.Open('[')
		for more := r.Array(); more; more = r.NextElement() {
			redact(r, w, names, values, hide)
		}
		w.Close(']')
	case jsonx.Null:
		r.Skip()
		w.Raw(nil)
	default:
		text := r.Kind() == jsonx.String
		switch {
		case hide:
			r.Skip()
			w.Text(spec.Redacted)
		case text:
			w.Text(Hide(r.Text(), values))
		default:
			w.Raw([]byte(r.Raw()))
		}
	}
}

func listed(names []string, name string) bool {
	for _, candidate := range names {
		if equalFold(candidate, name) {
			return true
		}
	}
	return false
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
}

// Hide replaces each of the secrets that occurs in text, so that a cloud which
// echoes a request does not carry its secrets into a message. Values too short
// to be secrets are left alone. Where the text was cut within a secret, its begin
// goes too.
func Hide(text string, secrets []string) string {
	const shortest = 4
	for _, secret := range secrets {
		if len(secret) < shortest {
			continue
		}
		text = strings.ReplaceAll(text, secret, spec.Redacted)
		text = hideBegin(text, secret, shortest)
	}
	return text
}

// hideBegin replaces the begin of a secret at the end of a text that was cut.
func hideBegin(text, secret string, shortest int) string {
	if len(text) < len(cutMark) || text[len(text)-len(cutMark):] != cutMark {
		return text
	}
	kept := text[:len(text)-len(cutMark)]
	for n := min(len(secret)-1, len(kept)); n >= shortest; n-- {
		if kept[len(kept)-n:] == secret[:n] {
			return kept[:len(kept)-n] + spec.Redacted + cutMark
		}
	}
	return text
}
