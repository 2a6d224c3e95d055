package jsonx

// maxDepth bounds nesting, so that a hostile document cannot exhaust the stack.
const maxDepth = 512

// Kind is the type of a JSON value.
type Kind uint8

// The kinds of values. None is the end of the document or something that is no
// JSON.
const (
	None Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Reader walks one JSON document from front to back. Each value is consumed
// exactly once, by the function that fits it or by Skip:
//
//	for more := r.Object(); more; more = r.NextMember() {
//		switch r.Key() {
//		case "id":
//			id = r.Text()
//		default:
//			r.Skip()
//		}
//	}
//
// Unless Strict is set, a value of another type than the one asked for reads as
// near to it as can be, and as zero where nothing is near; it is never an error.
// An error is only what is no JSON: then Failed reports true and every further
// read answers zero.
//
// Strings it returns share the memory of the document.
//
// Each exported function reads a document that is written without spaces and
// escapes by itself, and leaves everything else to one of the same name in lower
// case: in WebAssembly a call costs as much as reading a short value.
type Reader struct {
	Strict bool // a value of another type than asked for is an error, as is a control character in a string

	data   string
	pos    int
	depth  int
	key    string
	failed bool
	raw    bool   // a string was read that holds a control character as it is
	wrong  string // key of the first value of a wrong type
}

// New returns a reader of text.
func New(text string) Reader { return Reader{data: text} }

// Failed reports whether the document turned out to be no JSON, or in a strict
// reader not of the expected types.
func (r *Reader) Failed() bool { return r.failed }

// Wrong returns the key of the value whose type was wrong in a strict reader.
func (r *Reader) Wrong() string { return r.wrong }

// Done reports whether the document has been read well and nothing follows it.
func (r *Reader) Done() bool {
	r.space()
	return !r.failed && r.pos == len(r.data)
}

// Kind tells what comes next without consuming it.
func (r *Reader) Kind() Kind {
	r.space()
	if r.failed || r.pos >= len(r.data) {
		return None
	}
	switch c := r.data[r.pos]; c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return Number
		}
		return None
	}
}

// Object enters an object and reports whether it has a first member, which is
// then current. What is no object is skipped.
func (r *Reader) Object() bool {
	data, at := r.data, r.pos
	if at+1 < len(data) && data[at] == '{' && data[at+1] == '"' && r.depth < maxDepth {
		if end := plain(data, at+2); end+1 < len(data) && data[end] == '"' && data[end+1] == ':' {
			r.depth++
			r.key, r.pos = data[at+2:end], end+2
			return true
		}
	}
	return r.object()
}

func (r *Reader) object() bool {
	if !r.enter(Object) {
		return false
	}
	if r.pos < len(r.data) && r.data[r.pos] == '}' {
		r.leave()
		return false
	}
	return r.member()
}

// NextMember goes on to the next member of the object and reports whether there
// is one; otherwise it has left the object.
func (r *Reader) NextMember() bool {
	data, at := r.data, r.pos
	if at+1 < len(data) && data[at] == ',' && data[at+1] == '"' {
		if end := plain(data, at+2); end+1 < len(data) && data[end] == '"' && data[end+1] == ':' {
			r.key, r.pos = data[at+2:end], end+2
			return true
		}
	}
	if at < len(data) && data[at] == '}' {
		r.leave()
		return false
	}
	return r.nextMember()
}

func (r *Reader) nextMember() bool { return r.next('}') && r.member() }

// Key returns the name of the current member.
func (r *Reader) Key() string { return r.key }

// Array enters an array and reports whether it has a first element, which is
// then current. What is no array is skipped.
func (r *Reader) Array() bool {
	if !r.enter(Array) {
		return false
	}
	if r.pos < len(r.data) && r.data[r.pos] == ']' {
		r.leave()
		return false
	}
	return true
}

// NextElement goes on to the next element of the array and reports whether there
// is one; otherwise it has left the array.
func (r *Reader) NextElement() bool {
	if r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ',':
			r.pos++
			return true
		case ']':
			r.leave()
			return false
		}
	}
	return r.next(']')
}

// Skip consumes any value.
func (r *Reader) Skip() {
	data, at := r.data, r.pos
	if at < len(data) {
		switch c := data[at]; {
		case c == '"':
			if end := plain(data, at+1); end < len(data) && data[end] == '"' {
				r.pos = end + 1
				return
			}
		case c-'0' <= 9:
			if _, _, end := r.short(); end != 0 {
				r.pos = end
				return
			}
		}
	}
	r.skip()
}

func (r *Reader) skip() {
	switch r.Kind() {
	case Object:
		for more := r.Object(); more; more = r.NextMember() {
			r.Skip()
		}
	case Array:
		for more := r.Array(); more; more = r.NextElement() {
			r.Skip()
		}
	case String:
		r.quoted()
	case Number:
		r.number()
	case Bool:
		if r.data[r.pos] == 't' {
			r.word("true")
		} else {
			r.word("false")
		}
	case Null:
		r.word("null")
	default:
		r.fail()
	}
}

// Raw consumes any value and returns its text as it stands; the empty string for
// null. Control characters in its strings, which JSON does not allow, are escaped:
// what a cloud may write need not be what others can read.
func (r *Reader) Raw() string {
	null := r.Kind() == Null
	start := r.pos
	r.raw = false
	r.Skip()
	if r.failed || null {
		return ""
	}
	if r.raw {
		return escaped(r.data[start:r.pos])
	}
	return r.data[start:r.pos]
}

func (r *Reader) enter(kind Kind) bool {
	if got := r.Kind(); got != kind {
		r.mismatch(got)
		return false
	}
	r.depth++
	if r.depth > maxDepth {
		r.fail()
		return false
	}
	r.pos++
	r.space()
	return true
}

func (r *Reader) leave() {
	r.depth--
	r.pos++
}

func (r *Reader) next(end byte) bool {
	r.space()
	if r.failed || r.pos >= len(r.data) {
		r.fail()
		return false
	}
	switch r.data[r.pos] {
	case ',':
		r.pos++
		return true
	case end:
		r.leave()
		return false
	}
	r.fail()
	return false
}

func (r *Reader) member() bool {
	r.space()
	if r.failed || r.pos >= len(r.data) || r.data[r.pos] != '"' {
		r.fail()
		return false
	}
	r.key = r.quoted()
	r.space()
	if r.failed || r.pos >= len(r.data) || r.data[r.pos] != ':' {
		r.fail()
		return false
	}
	r.pos++
	return true
}

func (r *Reader) space() {
	if r.pos < len(r.data) && r.data[r.pos] > ' ' {
		return
	}
	r.spaces()
}

func (r *Reader) spaces() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\n', '\t', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *Reader) word(text string) {
	if len(r.data)-r.pos < len(text) || r.data[r.pos:r.pos+len(text)] != text {
		r.fail()
		return
	}
	r.pos += len(text)
}

func (r *Reader) fail() {
	r.failed = true
	r.pos = len(r.data)
}

// mismatch consumes a value of a type that was not asked for. Null stands for
// absent everywhere.
func (r *Reader) mismatch(got Kind) {
	if r.Strict && got != Null {
		if r.wrong == "" {
			r.wrong = r.key
		}
		r.fail()
		return
	}
	r.Skip()
}
