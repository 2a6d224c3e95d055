package rest

import (
	"slices"

	"github.com/exatlas/atlas/core/spec"
)

const (
	// someMachines are enough for one answer: the core asks for the rest, so that
	// neither guest nor host ever holds a large account whole.
	someMachines = 1000
	// maxPages bounds a call; the host lets it ask 100 times.
	maxPages = 90
)

// Pages reads a listing from cursor on, page by page, until its end or until it
// has read some thousand machines; where to go on stands in into.Next then. page
// adds the machines of one page to into, which Pages answers at the end, and returns the cursor of the next, empty
// after the last, and how many machines it read, those it left out included.
func Pages(into *spec.ComputePage, cursor, what string, page func(cursor string) (next string, read int, err *spec.Error)) (*spec.ComputePage, *spec.Error) {
	total, seen := 0, []string{cursor}
	for range maxPages {
		next, read, err := page(cursor)
		if err != nil {
			return nil, err
		}
		if total += read; next == "" {
			return into, nil
		}
		if slices.Contains(seen, next) { // it leads in a circle
			break
		}
		seen = append(seen, next)
		if cursor = next; total >= someMachines {
			into.Next = next
			return into, nil
		}
	}
	return nil, &spec.Error{Kind: spec.KindProvider, Message: "the listing of " + what + " does not end", Retryable: true}
}
