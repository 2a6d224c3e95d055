package conformance

import (
	"strings"
	"sync"
)

// logged gathers what the plugin logs.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) take(_, level, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(level + " " + line + "\n")
}

// drain returns what was logged since it was last called.
func (l *logged) drain() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	l.text.Reset()
	return text
}
