package builtin

import (
	"embed"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/klauspost/compress/zstd"
)

// The pattern matches NAME.wasm.zst, and README.txt, so that it is not empty
// before any module is built.
//
//go:embed *.[tz]*
var files embed.FS

const suffix = ".wasm.zst"

// Module is one built-in plugin.
type Module struct {
	Name   string
	SHA256 string // of the uncompressed module, lower-case hex

	folder fs.FS
	base   *base
}

// List returns the built-in plugins in alphabetical order.
func List() []Module { return list(files) }

func list(folder fs.FS) []Module {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil { // cannot be: the folder is part of the program
		return nil
	}
	var found []Module
	shared := &base{folder: folder}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), suffix)
		if !ok {
			continue
		}
		if sum, ok := readSum(folder, entry.Name()); ok {
			found = append(found, Module{Name: name, SHA256: sum, folder: folder, base: shared})
		}
	}
	return found
}

// Open returns the module, uncompressed.
func (m Module) Open() ([]byte, error) {
	base, err := m.base.open()
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(base) // for who opens another one meanwhile
	if m.Name == Base {
		return slices.Clone(base.content), nil
	}
	packed, err := fs.ReadFile(m.folder, m.Name+suffix)
	if err != nil {
		return nil, err
	}
	return unpack(packed, zstd.WithDecoderDictRaw(base.id, base.content))
}

// base opens the plugin that the others are packed against. Those that are opened at a
// time share it, and it is kept by them alone.
type base struct {
	folder fs.FS

	mu   sync.Mutex
	last weak.Pointer[dictionary] // guarded by mu
}

type dictionary struct {
	id      uint32
	content []byte // nobody changes it
}

func (b *base) open() (*dictionary, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.last.Value(); d != nil {
		return d, nil
	}
	packed, err := fs.ReadFile(b.folder, Base+suffix)
	if err != nil {
		return nil, err
	}
	d := &dictionary{}
	if d.id, d.content, err = Dictionary(packed); err != nil {
		return nil, err
	}
	b.last = weak.Make(d)
	return d, nil
}

// Base is the plugin that the others are packed against: all hold the Go runtime
// and the plugin library, so that one copy of these is enough.
const Base = "runpod"

// Dictionary returns the packed base as what the others are packed against, and
// the number by which a packed file tells which base it needs.
func Dictionary(base []byte) (id uint32, content []byte, err error) {
	if len(base) < 8+sumSize {
		return 0, nil, io.ErrUnexpectedEOF
	}
	content, err = unpack(base)
	return binary.LittleEndian.Uint32(base[8:]) | 1<<31, content, err // numbers below are registered ones
}

func unpack(packed []byte, options ...zstd.DOption) ([]byte, error) {
	reader, err := zstd.NewReader(nil, append(options, zstd.WithDecoderConcurrency(1))...)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return reader.DecodeAll(packed, nil)
}

// skippable is the magic number of a zstd frame that decoders pass over. Each
// file begins with one that holds the SHA-256 of the module, so that the name of
// its compiled code in the cache is known without unpacking or hashing it.
const (
	skippable = 0x184d2a50
	sumSize   = 32
)

// Pack puts the sum of a module in front of its compressed form.
func Pack(sum [sumSize]byte, packed []byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, skippable)
	out = binary.LittleEndian.AppendUint32(out, sumSize)
	return append(append(out, sum[:]...), packed...)
}

func readSum(folder fs.FS, name string) (string, bool) {
	file, err := folder.Open(name)
	if err != nil {
		return "", false
	}
	defer file.Close()
	var head [8 + sumSize]byte
	if _, err := io.ReadFull(file, head[:]); err != nil {
		return "", false
	}
	if binary.LittleEndian.Uint32(head[:]) != skippable || binary.LittleEndian.Uint32(head[4:]) != sumSize {
		return "", false
	}
	return hex.EncodeToString(head[8:]), true
}
