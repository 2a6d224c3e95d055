package host

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"
)

// logWriter is the standard output and error of a guest.
type logWriter instance

// maxLine is where a line of a guest's output is cut in two, and where one that it
// logs ends.
const maxLine = 4096

// Write implements io.Writer. Each line becomes a line of the log. What is no
// whole line yet waits for the rest, or for the end of the entry.
//
// One call of fd_write writes gigabytes when each of its vectors is the whole of
// the guest's memory, and no deadline check of the engine's comes in between: so
// what nobody will see is not looked at, and the end of the time is looked for
// here.
func (w *logWriter) Write(b []byte) (int, error) {
	i := (*instance)(w)
	for rest := b; len(rest) > 0 && !i.mute(); {
		if i.ctx.Err() != nil {
			return 0, context.DeadlineExceeded
		}
		line, more, ended := bytes.Cut(rest, []byte{'\n'})
		if room := maxLine - len(i.line); len(line) > room {
			line, more, ended = rest[:room], rest[room:], true
		}
		i.line = append(i.line, line...)
		if ended {
			i.flushLog()
		}
		rest = more
	}
	return len(b), nil
}

// mute reports whether nothing more of what the guest writes in this entry is of
// use: neither as a reason for its end nor as a line of the log.
func (i *instance) mute() bool {
	return len(i.said) > 0 && (i.owner.host.options.Log == nil || i.call != nil && i.call.logged >= i.owner.host.limits.LogBytes)
}

// flushLog logs what the guest has written since its last line ended.
func (i *instance) flushLog() {
	if len(i.line) > 0 {
		if len(i.said) == 0 {
			i.said = append(i.said, i.line...)
		}
		i.log(i.call, "info", i.line)
		i.line = i.line[:0]
	}
}

// log passes a line on, up to the limit of the call. c is nil while an instance
// is made for nobody in particular.
func (i *instance) log(c *call, level string, line []byte) {
	sink := i.owner.host.options.Log
	if sink == nil {
		return
	}
	line = line[:min(len(line), maxLine)]
	if c != nil {
		room := i.owner.host.limits.LogBytes - c.logged
		if room <= 0 {
			return
		}
		c.logged += len(line) + 1
		if len(line) >= room {
			sink(i.owner.name, level, clean(string(line[:room]), room))
			sink(i.owner.name, "warn", "the rest of this call's log is dropped: it exceeds "+utoa(uint64(i.owner.host.limits.LogBytes))+" bytes")
			return
		}
	}
	sink(i.owner.name, level, clean(string(line), len(line)))
}

// clean makes text of a guest's fit for a log or a message: at most so many
// bytes, valid UTF-8, no control characters.
func clean(text string, most int) string {
	if len(text) > most {
		text = text[:most]
		for len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
		text = strings.TrimSuffix(text, string(utf8.RuneError))
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029:
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
}
