package builtin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/molecule-man/go-brrr"
)

// The pattern matches NAME.wasm.br, and README.txt, so that it is not empty
// before any module is built.
//
//go:embed *.[tb]*
var files embed.FS

const suffix = ".wasm.br"

// Module is one built-in plugin.
type Module struct {
	Name   string
	SHA256 string // of the uncompressed module, lower-case hex
	Label  []byte // what the module tells without being unpacked; see host/wasm

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
		if sum, label, err := readHead(folder, entry.Name()); err == nil {
			found = append(found, Module{Name: name, SHA256: sum, Label: label, folder: folder, base: shared})
		}
	}
	return found
}

// Open returns the module, uncompressed. It is what its sum says: a packed file that is
// not of the base beside it is an error.
func (m Module) Open() ([]byte, error) {
	base, err := m.base.open()
	if err != nil {
		return nil, err
	}
	defer runtime.KeepAlive(base) // for who opens another one meanwhile
	code := slices.Clone(base.content)
	if m.Name != Base {
		packed, err := fs.ReadFile(m.folder, m.Name+suffix)
		if err != nil {
			return nil, err
		}
		if code, err = unpack(packed, base.content); err != nil {
			return nil, err
		}
	}
	if sum := sha256.Sum256(code); hex.EncodeToString(sum[:]) != m.SHA256 {
		return nil, errDamaged
	}
	return code, nil
}

var errDamaged = errors.New("it is not what was built: make plugins builds it anew")

// base opens the plugin that the others are packed against. Those that are opened at a
// time share it, and it is kept by them alone.
type base struct {
	folder fs.FS

	mu   sync.Mutex
	last weak.Pointer[dictionary] // guarded by mu
}

type dictionary struct {
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
	if d.content, err = unpack(packed); err != nil {
		return nil, err
	}
	b.last = weak.Make(d)
	return d, nil
}

// Base is the plugin that the others are packed against: all hold the Go runtime
// and the plugin library, so that one copy of these is enough.
const Base = "runpod"

// A file is the SHA-256 of the module, so that the name of its compiled code in the
// cache is known without unpacking or hashing it, the lengths of the module and of its
// label, the label, and the module compressed with Brotli.
const (
	sumSize  = sha256.Size
	headSize = sumSize + 4 + 4
)

// Pack returns the file of a module. dictionary is the base, uncompressed; there is none
// for the base itself.
func Pack(module, label []byte, dictionary ...[]byte) ([]byte, error) {
	sum := sha256.Sum256(module)
	head := binary.LittleEndian.AppendUint32(sum[:], uint32(len(module)))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(label)))
	packed := bytes.NewBuffer(append(head, label...))
	options := brrr.WriterOptions{LGWin: 24, SizeHint: uint(len(module))}
	for _, content := range dictionary {
		prepared, err := brrr.PrepareDictionary(content)
		if err != nil {
			return nil, err
		}
		options.Dictionaries = append(options.Dictionaries, prepared)
	}
	const best = 11
	writer, err := brrr.NewWriterOptions(packed, best, options)
	if err != nil {
		return nil, err
	}
	if _, err = writer.Write(module); err == nil {
		err = writer.Close()
	}
	return packed.Bytes(), err
}

// Unpack returns the base from its file.
func Unpack(file []byte) ([]byte, error) { return unpack(file) }

func unpack(file []byte, dictionary ...[]byte) ([]byte, error) {
	if len(file) < headSize {
		return nil, io.ErrUnexpectedEOF
	}
	packed := file[headSize:]
	label := binary.LittleEndian.Uint32(file[sumSize+4:])
	if uint64(label) > uint64(len(packed)) {
		return nil, io.ErrUnexpectedEOF
	}
	reader, err := brrr.NewReaderOptions(bytes.NewReader(packed[label:]), brrr.ReaderOptions{Dictionaries: dictionary})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	module := make([]byte, binary.LittleEndian.Uint32(file[sumSize:]))
	_, err = io.ReadFull(reader, module)
	return module, err
}

// readHead reads what stands in front of a packed module.
func readHead(folder fs.FS, name string) (sum string, label []byte, err error) {
	file, err := folder.Open(name)
	if err != nil {
		return "", nil, err
	}
	defer file.Close()
	var head [headSize]byte
	if _, err := io.ReadFull(file, head[:]); err != nil {
		return "", nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return "", nil, err
	}
	size := binary.LittleEndian.Uint32(head[sumSize+4:])
	if int64(size) > info.Size()-headSize {
		return "", nil, io.ErrUnexpectedEOF
	}
	label = make([]byte, size)
	_, err = io.ReadFull(file, label)
	return hex.EncodeToString(head[:sumSize]), label, err
}
