package events

import (
	"strconv"
	"time"

	"github.com/exatlas/atlas/core/spec"
)

// Class says what happens to an event when a subscription is full.
type Class int

// The classes.
const (
	Lifecycle Class = iota // always delivered
	Data                   // its publisher waits for room
	Log                    // dropped, counted and said
)

// Event is one thing that happened.
type Event struct {
	Topic string
	Seq   uint64
	Time  time.Time
	Name  string
	Data  spec.Raw // an object
	Class Class
	Last  bool // of a stored topic, whose subscriptions end with it
}

// size is about what an event takes.
func (e *Event) size() int { return len(e.Data) + 128 }

// Append writes the event as an item of the queue, for one subscription.
func (e *Event) Append(dst []byte, subscription string) []byte {
	dst = append(dst, `{"type":"event","subscription":`...)
	dst = strconv.AppendQuote(dst, subscription)
	dst = append(dst, `,"topic":`...)
	dst = appendText(dst, e.Topic)
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, e.Seq, 10)
	dst = append(dst, `,"time":"`...)
	dst = e.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","event":`...)
	dst = appendText(dst, e.Name)
	dst = append(dst, `,"data":`...)
	if len(e.Data) == 0 {
		dst = append(dst, `{}`...)
	} else {
		dst = append(dst, e.Data...)
	}
	return append(dst, '}')
}

// appendText quotes a text for JSON.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}
