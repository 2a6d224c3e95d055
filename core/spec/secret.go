package spec

// Redacted is what a secret shows wherever it is printed.
const Redacted = "[redacted]"

// Secret holds a credential. Every way of printing or encoding it shows
// Redacted; only Reveal returns the text. It is a struct, not a string type, so
// that no conversion leaks it by accident.
type Secret struct{ text string }

// NewSecret wraps a credential.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the credential. Callers are few and easy to find: the host,
// where it attaches the credential to a request, and the hand-out of a minted
// token.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether there is no credential.
func (s Secret) Empty() bool { return s.text == "" }

func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return Redacted
}

// GoString keeps %#v from printing the text.
func (s Secret) GoString() string { return "spec.Secret(" + s.String() + ")" }

// MarshalJSON encodes Redacted, or the empty string for no credential.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalText does as MarshalJSON for text encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
