package codecache

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// format names the folder of compiled code. It holds the engine's version:
// code of another one must never be run.
const format = "atlas-3-wazero-1.12.0"

// sumFile holds the checksum of the entry beside it. The engine checks only part
// of what it reads back, so an entry is used only if the whole of it is as it
// was written.
const sumFile = "sum"

// Folder is that of one module's compiled code, which is nobody else's to write to.
type Folder struct {
	root string   // of all modules
	dir  string   // of this one
	held *os.File // that, until Close
}

// Open makes and checks the folder for a module, by its SHA-256 in hexadecimal, and
// removes an entry that is not whole. checked tells code that looks for deadlines from
// code that does not. nil: there is none that can be used, and code is kept in memory only.
func Open(base, sha string, checked bool) *Folder {
	program, _ := debug.ReadBuildInfo()
	return open(base, sha, checked, engineVersion(program))
}

// open is given the version that the engine gives itself: it keeps the code of each
// version apart, so an entry that programs with different ones shared would hold two
// modules' code, and each program would find it broken and compile anew what the other
// had just written.
func open(base, sha string, checked bool, engine string) *Folder {
	if base == "" {
		return nil
	}
	root := filepath.Join(base, format)
	kind := "-free"
	if checked {
		kind = "-checked"
	}
	f := &Folder{root: root, dir: filepath.Join(root, sha[:32]+kind+"-"+engine)}
	if !f.hold() || !f.prepare() {
		f.Close()
		return nil
	}
	return f
}

// engineVersion is the version that the engine gives itself in a program: the one
// that is linked or, where the program does not tell, its own or none. Programs of
// `go test` tell neither.
func engineVersion(program *debug.BuildInfo) string {
	version := ""
	if program != nil {
		for _, dep := range program.Deps {
			if strings.Contains(dep.Path, "github.com/tetratelabs/wazero") {
				version = dep.Version
			}
		}
		if version == "" || version == "(devel)" {
			version = program.Main.Version
		}
	}
	if version == "" || version == "(devel)" {
		return "dev"
	}
	return version
}

// hold makes the folder and opens it. It reports false where others may write to it.
func (f *Folder) hold() bool {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return false
	}
	var err error
	if f.held, err = openFolder(f.dir); err != nil {
		return false
	}
	info, err := f.held.Stat()
	return err == nil && info.IsDir() && private(info)
}

// prepare removes an entry that is not whole. It reports false where none can be written.
func (f *Folder) prepare() bool {
	if f.whole() {
		f.touch()
		return true
	}
	if f.Wipe() != nil {
		return false
	}
	probe, err := os.CreateTemp(f.Path(), "probe.*.tmp")
	if err != nil {
		return false
	}
	probe.Close()
	return os.Remove(probe.Name()) == nil
}

// Close lets go of the folder.
func (f *Folder) Close() {
	if f.held != nil {
		_ = f.held.Close()
		f.held = nil
	}
}

// Path is how the folder is reached: by its descriptor, so that it is the one that was
// found to be private. Whoever owns a folder above it can put another in its place.
func (f *Folder) Path() string {
	if f.held == nil {
		return f.dir
	}
	held := fmt.Sprintf("/proc/self/fd/%d", f.held.Fd())
	if _, err := os.Stat(held); err != nil { // a system without /proc
		return f.dir
	}
	return held
}

// entries returns the files that the engine has written for this module.
func (f *Folder) entries() []string {
	found, _ := filepath.Glob(filepath.Join(f.Path(), "wazero-*", "*"))
	list := found[:0]
	for _, path := range found {
		if !strings.HasSuffix(path, ".tmp") {
			list = append(list, path)
		}
	}
	return list
}

// whole reports whether there is an entry and its checksum is right.
func (f *Folder) whole() bool {
	want, err := os.ReadFile(filepath.Join(f.Path(), sumFile))
	if err != nil {
		return false
	}
	got, err := f.sum()
	return err == nil && got == string(want)
}

func (f *Folder) sum() (string, error) {
	entries := f.entries()
	if len(entries) != 1 {
		return "", fmt.Errorf("%d entries", len(entries))
	}
	file, err := os.Open(entries[0])
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	size, err := io.CopyBuffer(struct{ io.Writer }{hash}, struct{ io.Reader }{file}, make([]byte, 256<<10))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %s", filepath.Base(entries[0]), size, hex.EncodeToString(hash.Sum(nil))), nil
}

// Seal writes the checksum of a new entry, in one step. Where that fails the
// entry is written anew next time, which is all the harm there is.
func (f *Folder) Seal() {
	if _, err := os.Lstat(filepath.Join(f.Path(), sumFile)); err == nil {
		return
	}
	text, err := f.sum()
	if err != nil {
		return
	}
	file, err := os.CreateTemp(f.Path(), sumFile+".*.tmp")
	if err != nil {
		return
	}
	_, err = file.WriteString(text)
	if closed := file.Close(); err != nil || closed != nil || os.Rename(file.Name(), filepath.Join(f.Path(), sumFile)) != nil {
		_ = os.Remove(file.Name())
		return
	}
	f.prune()
}

// Wipe removes what is there, so that the next compilation writes it anew.
func (f *Folder) Wipe() error {
	if err := os.Remove(filepath.Join(f.Path(), sumFile)); err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, path := range f.entries() {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// touch marks the entry as used, at most once a day.
func (f *Folder) touch() {
	path := filepath.Join(f.Path(), sumFile)
	if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
		now := time.Now()
		_ = os.Chtimes(path, now, now)
	}
}

// prune removes entries that nobody has used for three months, and what processes that
// were killed have left half written. It reaches no further than the folder of all
// modules in which its own is: whoever owns one above it may have put links there.
func (f *Folder) prune() {
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return
	}
	defer root.Close()
	here, err := root.Lstat(filepath.Base(f.dir))
	held, failed := f.held.Stat()
	if err != nil || failed != nil || !os.SameFile(here, held) {
		return
	}
	const day = 24 * time.Hour
	for pattern, age := range map[string]time.Duration{sumFile: 90 * day, "*.tmp": day, "wazero-*/*.tmp": day} {
		found, _ := fs.Glob(root.FS(), "*/"+pattern)
		for _, name := range found {
			info, err := root.Lstat(name)
			if err != nil || time.Since(info.ModTime()) <= age {
				continue
			}
			if pattern == sumFile {
				name = path.Dir(name)
			}
			_ = root.RemoveAll(name)
		}
	}
}
