package rest

import (
	"time"
)

// UTC normalises a time to RFC 3339 UTC with at most the precision given. What
// is no time, or a cloud's zero time, is "": a wrong time would be worse than
// none.
func UTC(text string) string {
	if len(text) == 20 && text[19] == 'Z' && text[10] == 'T' && digits(text) && text[:4] > "0001" {
		if _, err := time.Parse(time.RFC3339, text); err == nil {
			return text
		}
		return ""
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 -0700 MST",
		"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 1 {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return ""
}

// digits reports whether the places of the numbers in a time hold digits.
func digits(text string) bool {
	for i := 0; i < 19; i++ {
		switch i {
		case 4, 7, 10, 13, 16:
		default:
			if text[i] < '0' || text[i] > '9' {
				return false
			}
		}
	}
	return true
}
