package strict

import "strings"

// Nearest returns the word of known that a person most likely meant by name, or
// "" when none is close: at most a third of the letters differ, or it is the one
// whose first words they are, as max_price of max_price_per_hour.
func Nearest(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	lower := strings.ToLower(name)
	squashed := squash(lower)
	best, bestDistance := "", len(name)/3+2
	for _, word := range known {
		if squash(word) == squashed {
			return word
		}
		limit := max(len(word), len(name)) / 3
		if d := distance(lower, word); d <= max(limit, 1) && d < bestDistance {
			best, bestDistance = word, d
		}
	}
	if best == "" {
		return begunBy(lower, known)
	}
	return best
}

// begunBy returns the word of known whose first words are name, where it is the only one.
func begunBy(name string, known []string) string {
	found := ""
	for _, word := range known {
		if name == "" || !strings.HasPrefix(word, name+"_") {
			continue
		}
		if found != "" {
			return ""
		}
		found = word
	}
	return found
}

// Slip returns the word of known that name is a slip of the hand for, or "". It is
// far stricter than Nearest, for names that may be right although nobody knows them
// yet: capitals and separators may differ, or one letter, or two neighbours be
// swapped, in words of four letters or more. Who writes other digits means them.
func Slip(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	lower := strings.ToLower(name)
	for _, word := range known {
		if squash(word) == squash(name) || min(len(word), len(name)) >= 4 && digits(word) == digits(name) && distance(lower, word) == 1 {
			return word
		}
	}
	return ""
}

// digits keeps the digits of a name.
func digits(name string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, name)
}

// squash removes what spellings of one name differ in: imageName, image-name and
// image_name are the same.
func squash(name string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(name))
}

// distance counts the edits between two words, a swap of neighbours being one.
func distance(a, b string) int {
	prev, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], prev[j-2]+1)
			}
		}
		prev, row, next = row, next, prev
	}
	return row[len(b)]
}
