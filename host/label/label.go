package label

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// Section is the name of the custom section that holds the manifest, as describe
// answers it.
const Section = "atlas.manifest"

// Outline is what a module tells without being compiled.
type Outline struct {
	Manifest []byte      // nil: it has no label
	Exports  []string    // functions
	Imports  [][2]string // functions, each with the module that it is of
}

// The parts of a module that a label is about.
const (
	customSection = 0
	importSection = 2
	exportSection = 7
)

const head = "\x00asm\x01\x00\x00\x00"

var (
	errNoModule = errors.New("it is not a WebAssembly module")
	errCut      = errors.New("a section of it is cut off")
	errTwice    = errors.New("it has two labels")
	errOdd      = errors.New("its imports or exports cannot be read")
)

// Of returns the manifest that a module's file tells; nil: none.
func Of(module []byte) (manifest []byte, err error) {
	err = sections(module, func(id byte, _, content []byte) error {
		text, ok := labelled(id, content)
		if ok && manifest != nil {
			return errTwice
		}
		if ok {
			manifest = text
		}
		return nil
	})
	return manifest, err
}

// Read returns all that a module, or one that Cut has made, tells.
func Read(module []byte) (o Outline, err error) {
	if o.Manifest, err = Of(module); err != nil {
		return o, err
	}
	err = sections(module, func(id byte, _, content []byte) error {
		r := reader{rest: content}
		switch id {
		case importSection:
			o.Imports = r.imports()
		case exportSection:
			o.Exports = r.exports()
		default:
			return nil
		}
		if r.bad || len(r.rest) > 0 {
			return errOdd
		}
		return nil
	})
	return o, err
}

// Put returns a module with this manifest on its label, in place of what was there.
// Without one it has no label.
func Put(module, manifest []byte) ([]byte, error) {
	out := append(make([]byte, 0, len(module)+len(manifest)+32), head...)
	err := sections(module, func(id byte, whole, content []byte) error {
		if _, old := labelled(id, content); !old {
			out = append(out, whole...)
		}
		return nil
	})
	if manifest == nil {
		return out, err
	}
	content := binary.AppendUvarint(nil, uint64(len(Section)))
	content = append(append(content, Section...), manifest...)
	out = binary.AppendUvarint(append(out, customSection), uint64(len(content)))
	return append(out, content...), err
}

// Cut returns of a module what Read needs.
func Cut(module []byte) ([]byte, error) {
	out := []byte(head)
	err := sections(module, func(id byte, whole, content []byte) error {
		if _, is := labelled(id, content); is || id == importSection || id == exportSection {
			out = append(out, whole...)
		}
		return nil
	})
	return out, err
}

// labelled returns what a section holds that is a label.
func labelled(id byte, content []byte) (text []byte, is bool) {
	if id != customSection {
		return nil, false
	}
	r := reader{rest: content}
	if name := r.name(); r.bad || name != Section {
		return nil, false
	}
	return slices.Clip(r.rest), true
}

// sections hands over each section of a module: its kind, all of it, and its content.
func sections(module []byte, each func(id byte, whole, content []byte) error) error {
	rest, ok := bytes.CutPrefix(module, []byte(head))
	if !ok {
		return errNoModule
	}
	for len(rest) > 0 {
		r := reader{rest: rest}
		id := r.byte()
		content := r.take(r.number())
		if r.bad {
			return errCut
		}
		if err := each(id, rest[:len(rest)-len(r.rest)], content); err != nil {
			return err
		}
		rest = r.rest
	}
	return nil
}
