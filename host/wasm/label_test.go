package wasm

import (
	"bytes"
	"reflect"
	"testing"
)

// said is a section of that text.
func said(id byte, content string) []byte { return part(id, []byte(content)) }

const (
	imports = "\x04\x01a\x01f\x00\x05\x01a\x01t\x01\x70\x01\x01\x02\x01a\x01m\x02\x00\x01\x01b\x01g\x03\x7f\x00"
	exports = "\x02\x01d\x00\x01\x01m\x02\x00"
)

func TestLabel_IsReadBackAndReplaced(t *testing.T) {
	bare := module(said(0, "\x04notewhatever"), said(importSection, imports), said(3, "\x00"), said(exportSection, exports))
	want := Outline{Exports: []string{"d"}, Imports: [][2]string{{"a", "f"}}}
	if o, err := ReadOutline(bare); err != nil || !reflect.DeepEqual(o, want) {
		t.Fatalf("%+v %v", o, err)
	}
	labelled := bare
	for _, manifest := range []string{`{"version":"1"}`, `{}`, ""} {
		var err error
		if labelled, err = WithLabel(labelled, []byte(manifest)); err != nil {
			t.Fatal(err)
		}
		want.Manifest = []byte(manifest)
		cut, err := CutOutline(labelled)
		if err != nil || len(cut) >= len(labelled) {
			t.Fatalf("%d of %d bytes, %v", len(cut), len(labelled), err)
		}
		for _, m := range [][]byte{labelled, cut} {
			if o, err := ReadOutline(m); err != nil || !reflect.DeepEqual(o, want) {
				t.Errorf("%+v %v, want %+v", o, err, want)
			}
		}
	}
	if again, err := WithLabel(labelled, nil); err != nil || !bytes.Equal(again, bare) {
		t.Errorf("without its label it is %q, %v", again, err)
	}
}

func TestOutline_RefusesWhatIsMalformed(t *testing.T) {
	one := said(0, "\x0e"+LabelSection+"{}")
	for what, m := range map[string][]byte{
		"nothing":                 nil,
		"text":                    []byte("a text"),
		"two labels":              module(one, one),
		"a section that is cut":   module(one)[:len(module(one))-1],
		"a section without end":   module([]byte("\x07\xff\xff\xff\xff\xff\xff")),
		"imports of another kind": module(said(importSection, "\x01\x01a\x01f\x09\x05")),
		"imports that are cut":    module(said(importSection, imports[:9])),
		"more than the exports":   module(said(exportSection, exports+"x")),
		"exports without number":  module(said(exportSection, "\xff\xff\xff\xff\x0f")),
	} {
		if o, err := ReadOutline(m); err == nil {
			t.Errorf("%s is read: %+v", what, o)
		}
	}
	if manifest, err := Label(module(said(0, "\xff"), said(0, ""), one)); err != nil || string(manifest) != "{}" {
		t.Errorf("%q %v", manifest, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(module(said(importSection, imports), said(exportSection, exports), said(0, "\x0e"+LabelSection+"{}")))
	f.Fuzz(func(t *testing.T, m []byte) {
		o, err := ReadOutline(m)
		if err != nil {
			return
		}
		cut, err := CutOutline(m)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ReadOutline(cut); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%+v %v, want %+v", again, err, o)
		}
	})
}
