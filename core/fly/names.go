package fly

import "github.com/exatlas/atlas/core/spec"

// CheckApp tells what is wrong with the name of an app. A name that passes can
// stand in a URL and among arguments as it is.
func CheckApp(field, name string) *spec.Error {
	ok := name != "" && len(name) <= 63 && name[0] != '-'
	for i := 0; i < len(name); i++ {
		c := name[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if ok {
		return nil
	}
	return &spec.Error{Kind: spec.KindValidation, Message: field + ": no name of a Fly app", Hint: "a-z, 0-9 and dashes, such as my-api; fly.apps.discover finds those of a folder"}
}

// CheckWord tells what is wrong with a short word of Fly's, such as a region or
// the id of a machine. Empty is right.
func CheckWord(field, word string) *spec.Error {
	ok := len(word) <= 64
	for i := 0; i < len(word); i++ {
		c := word[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9')
	}
	if ok {
		return nil
	}
	return &spec.Error{Kind: spec.KindValidation, Message: field + ": not letters and digits alone"}
}
