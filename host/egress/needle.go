package egress

import (
	"encoding/base64"
	"strings"
)

// shortest is the length from which on a credential is looked for in answers. A
// shorter one is no secret, and would tear ordinary words apart.
const shortest = 6

// within returns what of a credential is one by itself and is not the key that stands
// in the header: the password of basic authentication, or where that is none the pair,
// and what follows a scheme that the key brings along.
func within(scheme, key string) (all []string) {
	if word, rest, found := strings.Cut(key, " "); scheme == "" && found {
		scheme, key = word, strings.TrimSpace(rest)
		all = append(all, key)
	}
	if !strings.EqualFold(scheme, "basic") {
		return all
	}
	pair, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(key, "="))
	if err != nil {
		if pair, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(key, "=")); err != nil {
			return all
		}
	}
	user, password, _ := strings.Cut(string(pair), ":")
	if len(password) >= shortest {
		return append(all, password)
	}
	if len(user) >= shortest { // the key of those who ask for no password, or any
		all = append(all, user)
	}
	return append(all, string(pair))
}

// texts are what of a credential is a secret: all of it, and the members of a list of
// tokens one by one.
func texts(key string) []string {
	if len(key) < shortest {
		return nil
	}
	all := []string{key}
	if strings.IndexByte(key, ',') >= 0 {
		for _, part := range strings.Split(key, ",") {
			if len(part) >= shortest {
				all = append(all, part)
			}
		}
	}
	return all
}

// needles are what is looked for: each text, and each as part of anything in base64.
// How their bytes may be escaped is the matter of search.
func needles(key string) []string { return inForms(texts(key)) }

// beginnings are the first bytes of all needles. A text that holds none of them holds
// no needle, nor the part of one that is long enough to be cut off.
func beginnings(key string) []string {
	begun := texts(key)
	for i := range begun {
		begun[i] = begun[i][:shortest]
	}
	all := inForms(begun)
	for i := range all {
		all[i] = all[i][:shortest]
	}
	return all
}

// inForms adds the forms of texts in base64.
func inForms(all []string) []string {
	for _, one := range all[:len(all):len(all)] {
		for shift := range 3 {
			form := inBase64(nil, one, shift)
			all = append(all, string(form))
			if otherAlphabet(form) {
				all = append(all, string(form))
			}
		}
	}
	return all
}

// inBase64 appends what every base64 text holds whose plain text holds the key
// at a place that leaves the remainder shift when divided by 3. The characters
// that the key's neighbours have a part in are left out.
func inBase64(dst []byte, key string, shift int) []byte {
	var room [256]byte
	text := append(append(room[:0], "   "[:shift]...), key...)
	start := len(dst)
	dst = base64.RawStdEncoding.AppendEncode(dst, text)
	first, last := (shift*8+5)/6, len(text)*8/6
	return append(dst[:start], dst[start+first:start+last]...)
}

// otherAlphabet turns base64 into that of URLs. It reports whether they differ.
func otherAlphabet(form []byte) (differ bool) {
	for i, b := range form {
		switch b {
		case '+':
			form[i], differ = '-', true
		case '/':
			form[i], differ = '_', true
		}
	}
	return differ
}
