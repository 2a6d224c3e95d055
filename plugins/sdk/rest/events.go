package rest

// Event is one server-sent event.
type Event struct {
	ID   string
	Name string
	Data string
}

// Events walks the whole events of a text/event-stream body. What follows the
// last blank line is an event the stream has not finished; it is left out and
// can be read again from the identifier of the event before.
type Events struct {
	text string
	pos  int
}

// NewEvents returns a walk over body.
func NewEvents(body string) Events { return Events{text: body} }

// Next returns the next whole event that has data or an identifier.
func (e *Events) Next() (event Event, ok bool) {
	start := e.pos
	seen, lines := false, 0
	var data []byte // of an event that has several lines of it
	for {
		line, next, whole := e.line()
		if !whole {
			e.pos = start
			return Event{}, false
		}
		e.pos = next
		if line == "" {
			if lines > 1 {
				event.Data = string(data)
			}
			if seen {
				return event, true
			}
			event, start = Event{}, e.pos
			continue
		}
		field, value := split(line)
		switch field {
		case "id":
			event.ID = value
			seen = true
		case "event":
			event.Name = value
		case "data":
			switch lines {
			case 0:
				event.Data = value
			case 1:
				data = append(data, event.Data...)
				fallthrough
			default:
				data = append(append(data, '\n'), value...)
			}
			seen, lines = true, lines+1
		}
	}
}

// line returns the line at pos, where the next one begins, and whether the line
// has ended.
func (e *Events) line() (line string, next int, whole bool) {
	for at := e.pos; at < len(e.text); at++ {
		switch e.text[at] {
		case '\n':
			return e.text[e.pos:at], at + 1, true
		case '\r':
			if at+1 < len(e.text) && e.text[at+1] == '\n' {
				return e.text[e.pos:at], at + 2, true
			}
			return e.text[e.pos:at], at + 1, true
		}
	}
	return "", e.pos, false
}

// split parts a line into its field and its value; a comment has no field.
func split(line string) (field, value string) {
	for i := 0; i < len(line); i++ {
		if line[i] == ':' {
			value = line[i+1:]
			if len(value) > 0 && value[0] == ' ' {
				value = value[1:]
			}
			return line[:i], value
		}
	}
	return line, ""
}
