package label

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/exatlas/atlas/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// section is one of a module.
func section(id byte, content string) string {
	return string([]byte{id, byte(len(content))}) + content
}

const (
	imports = "\x04\x01a\x01f\x00\x05\x01a\x01t\x01\x70\x01\x01\x02\x01a\x01m\x02\x00\x01\x01b\x01g\x03\x7f\x00"
	exports = "\x02\x01d\x00\x01\x01m\x02\x00"
)

func module(parts ...string) []byte {
	text := head
	for _, part := range parts {
		text += part
	}
	return []byte(text)
}

func TestLabel_IsReadBackAndReplaced(t *testing.T) {
	bare := module(section(0, "\x04notewhatever"), section(importSection, imports), section(3, "\x00"), section(exportSection, exports))
	want := Outline{Exports: []string{"d"}, Imports: [][2]string{{"a", "f"}}}
	if o, err := Read(bare); err != nil || !reflect.DeepEqual(o, want) {
		t.Fatalf("%+v %v", o, err)
	}
	labelled := bare
	for _, manifest := range []string{`{"version":"1"}`, `{}`, ""} {
		var err error
		if labelled, err = Put(labelled, []byte(manifest)); err != nil {
			t.Fatal(err)
		}
		want.Manifest = []byte(manifest)
		cut, err := Cut(labelled)
		if err != nil || len(cut) >= len(labelled) {
			t.Fatalf("%d of %d bytes, %v", len(cut), len(labelled), err)
		}
		for _, m := range [][]byte{labelled, cut} {
			if o, err := Read(m); err != nil || !reflect.DeepEqual(o, want) {
				t.Errorf("%+v %v, want %+v", o, err, want)
			}
		}
	}
	if again, err := Put(labelled, nil); err != nil || !bytes.Equal(again, bare) {
		t.Errorf("without its label it is %q, %v", again, err)
	}
}

func TestRead_RefusesWhatIsMalformed(t *testing.T) {
	one := section(0, "\x0e"+Section+"{}")
	for what, m := range map[string][]byte{
		"nothing":                 nil,
		"text":                    []byte("a text"),
		"two labels":              module(one, one),
		"a section that is cut":   module(one)[:len(module(one))-1],
		"a section without end":   module("\x07\xff\xff\xff\xff\xff\xff"),
		"imports of another kind": module(section(importSection, "\x01\x01a\x01f\x09\x05")),
		"imports that are cut":    module(section(importSection, imports[:9])),
		"more than the exports":   module(section(exportSection, exports+"x")),
		"exports without number":  module(section(exportSection, "\xff\xff\xff\xff\x0f")),
	} {
		if o, err := Read(m); err == nil {
			t.Errorf("%s is read: %+v", what, o)
		}
	}
	if manifest, err := Of(module(section(0, "\xff"), section(0, ""), one)); err != nil || string(manifest) != "{}" {
		t.Errorf("%q %v", manifest, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(module(section(importSection, imports), section(exportSection, exports), section(0, "\x0e"+Section+"{}")))
	f.Fuzz(func(t *testing.T, m []byte) {
		o, err := Read(m)
		if err != nil {
			return
		}
		cut, err := Cut(m)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Read(cut); err != nil || !reflect.DeepEqual(again, o) {
			t.Errorf("%+v %v, want %+v", again, err, o)
		}
	})
}
