package jsonx

import "unsafe"

// Writer builds a JSON document by appending, and sets the commas itself. Its
// field functions leave empty values out; the methods without a name write
// array elements or whatever follows Key.
type Writer struct {
	Buf   []byte
	comma bool // whether the next member or element needs one before it
}

func (w *Writer) sep() {
	if w.comma {
		w.Buf = append(w.Buf, ',')
	}
	w.comma = true
}

// Open begins an object or an array: '{' or '['.
//
//go:noinline
func (w *Writer) Open(bracket byte) {
	w.sep()
	w.Buf = append(w.Buf, bracket)
	w.comma = false
}

// Close ends it: '}' or ']'.
//
//go:noinline
func (w *Writer) Close(bracket byte) {
	w.Buf = append(w.Buf, bracket)
	w.comma = true
}

// Key writes the name of the member whose value is written next. It must need
// no escaping.
//
//go:noinline
func (w *Writer) Key(name string) {
	at := len(w.Buf)
	if cap(w.Buf)-at < len(name)+4 {
		w.Buf = grown(w.Buf, len(name)+4)
	}
	to := unsafe.Pointer(unsafe.SliceData(w.Buf))
	if w.comma {
		*(*byte)(unsafe.Add(to, at)) = ','
		at++
	}
	*(*byte)(unsafe.Add(to, at)) = '"'
	put(unsafe.Add(to, at+1), name)
	at += 1 + len(name)
	*(*byte)(unsafe.Add(to, at)) = '"'
	*(*byte)(unsafe.Add(to, at+1)) = ':'
	w.Buf = w.Buf[:at+2]
	w.comma = false
}

// Name is Key for a name that may need escaping.
func (w *Writer) Name(name string) {
	w.sep()
	w.Buf = append(AppendString(w.Buf, name), ':')
	w.comma = false
}

// Text writes a string.
//
//go:noinline
func (w *Writer) Text(value string) {
	w.sep()
	w.Buf = AppendString(w.Buf, value)
}

// Int writes a whole number.
//
//go:noinline
func (w *Writer) Int(value int64) {
	w.sep()
	w.Buf = AppendInt(w.Buf, value)
}

// Float writes a number.
//
//go:noinline
func (w *Writer) Float(value float64) {
	w.sep()
	w.Buf = AppendFloat(w.Buf, value)
}

// Bool writes true or false.
//
//go:noinline
func (w *Writer) Bool(value bool) {
	w.sep()
	w.Buf = AppendBool(w.Buf, value)
}

// Raw writes encoded JSON as it is; nothing reads as null.
func (w *Writer) Raw(value []byte) {
	w.sep()
	if len(value) == 0 {
		value = []byte("null")
	}
	w.Buf = append(w.Buf, value...)
}

// Texts writes an array of strings.
func (w *Writer) Texts(list []string) {
	w.sep()
	w.Buf = AppendStrings(w.Buf, list)
}

// TextField writes a member unless value is empty.
//
//go:noinline
func (w *Writer) TextField(name, value string) {
	if value != "" {
		w.Key(name)
		w.Text(value)
	}
}

// IntField writes a member unless value is 0.
//
//go:noinline
func (w *Writer) IntField(name string, value int64) {
	if value != 0 {
		w.Key(name)
		w.Int(value)
	}
}

// FloatField writes a member unless value is 0.
func (w *Writer) FloatField(name string, value float64) {
	if value != 0 {
		w.Key(name)
		w.Float(value)
	}
}

// BoolField writes a member unless value is false.
func (w *Writer) BoolField(name string, value bool) {
	if value {
		w.Key(name)
		w.Bool(value)
	}
}

// RawField writes a member unless value is empty.
func (w *Writer) RawField(name string, value []byte) {
	if len(value) != 0 {
		w.Key(name)
		w.Raw(value)
	}
}

// TextsField writes a member unless list is empty.
func (w *Writer) TextsField(name string, list []string) {
	if len(list) != 0 {
		w.Key(name)
		w.Texts(list)
	}
}

// MapField writes a member unless all is empty.
func (w *Writer) MapField(name string, all map[string]string) {
	if len(all) != 0 {
		w.Key(name)
		w.sep()
		w.Buf = AppendMap(w.Buf, all)
	}
}
