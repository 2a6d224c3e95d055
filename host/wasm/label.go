package wasm

import (
	"encoding/binary"
	"errors"
	"slices"
)

// LabelSection is the name of the custom section that holds a plugin's manifest, as
// describe answers it. It is what somebody has written on the box: package host compares
// it with what the plugin says once it runs.
const LabelSection = "atlas.manifest"

// Outline is what a module's file tells of the plugin in it without being compiled.
type Outline struct {
	Manifest []byte      // nil: it has no label
	Exports  []string    // functions
	Imports  [][2]string // functions, each with the module that it is of
}

var (
	errTwice = errors.New("it has two labels")
	errOdd   = errors.New("its imports or exports cannot be read")
)

// Label returns the manifest that a module's file tells; nil: none.
func Label(module []byte) (manifest []byte, err error) {
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

// ReadOutline returns all that a module, or one that CutOutline has made, tells.
func ReadOutline(module []byte) (o Outline, err error) {
	if o.Manifest, err = Label(module); err != nil {
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

// WithLabel returns a module with this manifest on its label, in place of what was there.
// Without one it has no label.
func WithLabel(module, manifest []byte) ([]byte, error) {
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
	content := binary.AppendUvarint(nil, uint64(len(LabelSection)))
	content = append(append(content, LabelSection...), manifest...)
	out = binary.AppendUvarint(append(out, customSection), uint64(len(content)))
	return append(out, content...), err
}

// CutOutline returns of a module what ReadOutline needs.
func CutOutline(module []byte) ([]byte, error) {
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
	if name := r.name(); r.bad || name != LabelSection {
		return nil, false
	}
	return slices.Clip(r.rest), true
}
