package jsonx

import "strconv"

// Text reads a string. A number or a boolean reads as its literal, everything
// else as "".
func (r *Reader) Text() string {
	data, at := r.data, r.pos
	if at < len(data) && data[at] == '"' {
		if end := plain(data, at+1); end < len(data) && data[end] == '"' {
			r.pos = end + 1
			return data[at+1 : end]
		}
	}
	return r.text()
}

func (r *Reader) text() string {
	switch kind := r.Kind(); kind {
	case String:
		return r.quoted()
	case Number, Bool:
		if !r.Strict {
			return r.Raw()
		}
		r.mismatch(kind)
	default:
		r.mismatch(kind)
	}
	return ""
}

// Int reads a whole number. A string that holds one reads as it, a fraction is
// cut off, and what does not fit or is no number is 0.
func (r *Reader) Int() int64 {
	if n, fraction, end := r.short(); end != 0 && fraction == 0 {
		r.pos = end
		return int64(n)
	}
	return r.int()
}

func (r *Reader) int() int64 {
	literal := r.literal()
	if literal == "" {
		return 0
	}
	if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return n
	}
	if r.Strict {
		r.wrong = r.key
		r.fail()
		return 0
	}
	const whole = 1 << 53
	if f, err := strconv.ParseFloat(literal, 64); err == nil && f > -whole && f < whole {
		return int64(f)
	}
	return 0
}

// Float reads a number, or a string that holds one; ok is false where there is
// none.
func (r *Reader) Float() (value float64, ok bool) {
	if n, fraction, end := r.short(); end != 0 {
		r.pos = end
		return float64(n) / tens[fraction], true // both exact, so the quotient is the nearest number
	}
	return r.float()
}

func (r *Reader) float() (value float64, ok bool) {
	literal := r.literal()
	if literal == "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		if r.Strict {
			r.wrong = r.key
			r.fail()
		}
		return 0, false
	}
	return f, true
}

// Bool reads a boolean. The strings "true" and "false" read as what they say,
// everything else as false.
func (r *Reader) Bool() bool {
	switch kind := r.Kind(); kind {
	case Bool:
		return r.Raw() == "true"
	case String:
		if !r.Strict {
			return r.quoted() == "true"
		}
		r.mismatch(kind)
	default:
		r.mismatch(kind)
	}
	return false
}

// Texts reads an array of strings. A single string reads as an array of one;
// elements that are null, arrays or objects are left out.
func (r *Reader) Texts() []string {
	if r.Kind() == String && !r.Strict {
		if text := r.quoted(); text != "" {
			return []string{text}
		}
		return nil
	}
	if r.Strict && r.Kind() == Null {
		r.Skip()
		return nil
	}
	var list []string
	if r.Kind() == Array {
		list = make([]string, 0, 4)
	}
	for more := r.Array(); more; more = r.NextElement() {
		switch kind := r.Kind(); {
		case kind == String || kind == Number && !r.Strict || r.Strict:
			list = append(list, r.Text())
		default:
			r.Skip()
		}
	}
	return list
}

// Strings reads an object whose values are strings.
func (r *Reader) Strings() map[string]string {
	var all map[string]string
	if r.Kind() == Object {
		all = map[string]string{}
	}
	for more := r.Object(); more; more = r.NextMember() {
		key := r.Key()
		all[key] = r.Text()
	}
	return all
}

// most is how many digits of a number are exact in a float64.
const most = 15

// tens are the powers of ten that a short number can be divided by.
var tens = [most + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// short reads a number of at most 15 digits without sign and exponent, such as
// 0.44: the digits as a whole number, how many of them are behind the point, and
// where it ends. It consumes nothing. Another number, or something else, ends
// at 0.
func (r *Reader) short() (n uint64, fraction, end int) {
	data, at := r.data, r.pos
	from, point := at, -1
	for ; at < len(data); at++ {
		c := data[at]
		if c-'0' <= 9 {
			n = n*10 + uint64(c-'0')
			if at-from >= most {
				return 0, 0, 0
			}
			continue
		}
		if c == ',' || c == '}' || c == ']' {
			break
		}
		if c != '.' || point >= 0 {
			return 0, 0, 0
		}
		point = at
	}
	if at == from || at == len(data) || from == point || at == point+1 {
		return 0, 0, 0
	}
	if data[from] == '0' && at > from+1 && point != from+1 { // 01 is no number
		return 0, 0, 0
	}
	if point >= 0 {
		fraction = at - point - 1
	}
	return n, fraction, at
}

// literal returns the digits of a number, or of a string that may hold one.
func (r *Reader) literal() string {
	switch kind := r.Kind(); kind {
	case Number:
		start := r.pos
		r.number()
		if r.failed {
			return ""
		}
		return r.data[start:r.pos]
	case String:
		if !r.Strict {
			text := r.quoted()
			probe := New(text)
			if probe.Kind() == Number && probe.Raw() != "" && probe.Done() {
				return trim(text)
			}
			return ""
		}
		r.mismatch(kind)
	default:
		r.mismatch(kind)
	}
	return ""
}

func trim(text string) string {
	probe := New(text)
	probe.space()
	start := probe.pos
	probe.number()
	return text[start:probe.pos]
}

// number consumes a number of the grammar of RFC 8259.
func (r *Reader) number() {
	at := r.pos
	if at < len(r.data) && r.data[at] == '-' {
		at++
	}
	switch {
	case at < len(r.data) && r.data[at] == '0':
		at++
	case r.digits(at) > at:
		at = r.digits(at)
	default:
		r.fail()
		return
	}
	if at < len(r.data) && r.data[at] == '.' {
		end := r.digits(at + 1)
		if end == at+1 {
			r.fail()
			return
		}
		at = end
	}
	if at < len(r.data) && (r.data[at] == 'e' || r.data[at] == 'E') {
		at++
		if at < len(r.data) && (r.data[at] == '+' || r.data[at] == '-') {
			at++
		}
		end := r.digits(at)
		if end == at {
			r.fail()
			return
		}
		at = end
	}
	r.pos = at
}

func (r *Reader) digits(at int) int {
	for data := r.data; at < len(data) && data[at]-'0' <= 9; at++ {
	}
	return at
}
