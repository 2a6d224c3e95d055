package jsonx

// Merge appends the object base with the members of the object over laid upon
// it, whole member by whole member. A null in over takes the member away. What
// is no object counts as an empty one.
func Merge(dst []byte, base, over string) []byte {
	w := Writer{Buf: dst}
	w.Open('{')
	r := New(base)
	for more := r.Object(); more; more = r.NextMember() {
		key := r.Key()
		if value := r.span(); !Has(over, key) {
			w.member(key, value)
		}
	}
	r = New(over)
	for more := r.Object(); more; more = r.NextMember() {
		key := r.Key()
		value := r.span()
		rest := r // a name given twice counts once, the last time
		again := false
		for more := rest.NextMember(); more; more = rest.NextMember() {
			again = again || rest.Key() == key
			rest.Skip()
		}
		if !again && value != "null" && !r.failed {
			w.member(key, value)
		}
	}
	w.Close('}')
	return w.Buf
}

// Has reports whether the object text has a member of that name.
func Has(text, name string) bool {
	r := New(text)
	found := false
	for more := r.Object(); more; more = r.NextMember() {
		found = found || r.Key() == name
		r.Skip()
	}
	return found
}

// Field returns the text of a member of the object text, and "" where there is
// none or it is null. The last of several counts.
func Field(text, name string) string {
	r := New(text)
	found := ""
	for more := r.Object(); more; more = r.NextMember() {
		if r.Key() == name {
			found = r.Raw()
		} else {
			r.Skip()
		}
	}
	return found
}

// IsObject reports whether text is one whole object.
func IsObject(text string) bool {
	r := New(text)
	if r.Kind() != Object {
		return false
	}
	r.Skip()
	return r.Done()
}

// span consumes a value and returns its text, null included.
func (r *Reader) span() string {
	r.space()
	start := r.pos
	r.Skip()
	if r.failed {
		return "null"
	}
	return r.data[start:r.pos]
}

func (w *Writer) member(key, value string) {
	w.sep()
	w.Buf = append(AppendString(w.Buf, key), ':')
	w.Buf = append(w.Buf, value...)
}
