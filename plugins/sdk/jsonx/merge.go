package jsonx

// Merge appends the object base with the members of the object over laid upon
// it, whole member by whole member. A null in over takes the member away. What
// is no object counts as an empty one.
func Merge(dst []byte, base, over string) []byte {
	w := Writer{Buf: dst}
	laid := readOverlay(over)
	w.Open('{')
	r := New(base)
	for more := r.Object(); more; more = r.NextMember() {
		key := r.Key()
		if value := r.span(); laid.find(key) < 0 {
			w.member(key, value)
		}
	}
	for i := range laid.members {
		if m := &laid.members[i]; m.value != "null" && laid.find(m.key) == i {
			w.member(m.key, m.value)
		}
	}
	w.Close('}')
	return w.Buf
}

// overlay is the members of an object, of which the last of a name counts.
type overlay struct {
	members []member
	last    map[string]int // where that is; nil where there are few
}

type member struct{ key, value string }

// fewMembers are looked through faster than a map is made. More come from callers
// alone, and nothing stops a guest that looks through very many for each of them.
const fewMembers = 32

func readOverlay(text string) overlay {
	var o overlay
	r := New(text)
	for more := r.Object(); more; more = r.NextMember() {
		key := r.Key()
		if value := r.span(); !r.failed {
			o.members = append(o.members, member{key, value})
		}
	}
	if len(o.members) > fewMembers {
		o.last = make(map[string]int, len(o.members))
		for i := range o.members {
			o.last[o.members[i].key] = i
		}
	}
	return o
}

// find returns where the last member of that name is, or -1.
func (o *overlay) find(key string) int {
	if o.last != nil {
		if i, ok := o.last[key]; ok {
			return i
		}
		return -1
	}
	for i := len(o.members) - 1; i >= 0; i-- {
		if o.members[i].key == key {
			return i
		}
	}
	return -1
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
