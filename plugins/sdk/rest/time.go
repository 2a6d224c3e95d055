package rest

import (
	"time"
)

// UTC normalises a time to RFC 3339 UTC with at most the precision given. What
// is no time, or a cloud's zero time, is "": a wrong time would be worse than
// none.
func UTC(text string) string {
	if len(text) == 20 && text[19] == 'Z' && text[10] == 'T' && digits(text) && text[:4] > "0001" {
		if usual(text) {
			return text
		}
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

// usual reports whether a time whose numbers are digits has its signs and is on
// one of the first 28 days of a month, so that there is no more to look into.
func usual(text string) bool {
	return text[4] == '-' && text[7] == '-' && text[13] == ':' && text[16] == ':' &&
		within(text[5:7], 1, 12) && within(text[8:10], 1, 28) && within(text[11:13], 0, 23) && within(text[14:16], 0, 59) && within(text[17:19], 0, 59)
}

func within(two string, least, most byte) bool {
	n := (two[0]-'0')*10 + two[1] - '0'
	return n >= least && n <= most
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
