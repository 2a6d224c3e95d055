package apps

import "bytes"

// deepest is how many names may lead to a value. The TOML parser copies the whole
// way for every step of it: a file of 64 KiB that does nothing but nest takes tens
// of gigabytes.
const deepest = 64

// nested reports whether the names that lead to some value of a TOML text are too
// many. It knows of the grammar what it takes to tell brackets and dots from those
// in strings and comments; a text that is no TOML is the parser's to refuse.
func nested(text []byte) bool {
	var open []int                  // parts of the keys that lead into each open bracket
	header, depth, parts := 0, 0, 0 // of the table, the sum of open, and of the present key
	value := false                  // behind the equals sign, else in a header or a key
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\n':
			if len(open) == 0 {
				parts, value = 0, false
			}
		case '#':
			end := bytes.IndexByte(text[i:], '\n')
			if end < 0 {
				return false
			}
			i += end - 1
		case '"', '\'':
			i += quoted(text[i:]) - 1
		case '=':
			value = true
		case ',':
			parts = 0
		case '.':
			parts++
		case '[', '{':
			if !value {
				header, parts = 0, 0
				continue
			}
			open = append(open, parts)
			depth, parts = depth+parts+1, 0
		case ']', '}':
			switch n := len(open); {
			case !value:
				header = parts + 1
			case n > 0:
				parts, open = open[n-1], open[:n-1]
				depth -= parts + 1
			}
		}
		if header+depth+parts > deepest {
			return true
		}
	}
	return false
}

// quoted is the length of the string at the start of text.
func quoted(text []byte) int {
	mark := text[0]
	if long := []byte{mark, mark, mark}; bytes.HasPrefix(text, long) {
		for i := 3; i < len(text); i++ {
			switch {
			case text[i] == '\\' && mark == '"':
				i++
			case bytes.HasPrefix(text[i:], long):
				for i += 3; i < len(text) && text[i] == mark; i++ { // up to two more belong to it
				}
				return i
			}
		}
		return len(text)
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && mark == '"':
			i++
		case text[i] == mark:
			return i + 1
		case text[i] == '\n':
			return i
		}
	}
	return len(text)
}
