package host

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// cacheFormat names the folder of compiled code. It holds the engine's version:
// code of another one must never be run.
const cacheFormat = "atlas-3-wazero-1.12.0"

// sumFile holds the checksum of the entry beside it. The engine checks only part
// of what it reads back, so an entry is used only if the whole of it is as it
// was written.
const sumFile = "sum"

// codeCache is the folder of one module's compiled code.
type codeCache struct {
	root string   // of all modules
	dir  string   // of this one
	held *os.File // that, from usable to free
}

// newCodeCache names the folder for a module. checked tells code that looks for
// deadlines from code that does not. engine is the version that the engine gives
// itself: it keeps the code of each version apart, so an entry that programs with
// different ones shared would hold two modules' code, and each program would find
// it broken and compile anew what the other had just written. Nothing is made yet.
func newCodeCache(base, sha string, checked bool, engine string) *codeCache {
	if base == "" {
		return nil
	}
	root := filepath.Join(base, cacheFormat)
	kind := "-free"
	if checked {
		kind = "-checked"
	}
	return &codeCache{root: root, dir: filepath.Join(root, sha[:32]+kind+"-"+engine)}
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

// usable prepares the folder and removes an entry that is not whole. It reports
// false where the folder cannot be used; then code is kept in memory only. free is to
// be called in either case.
func (c *codeCache) usable() bool {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return false
	}
	c.free()
	var err error
	if c.held, err = openFolder(c.dir); err != nil {
		return false
	}
	info, err := c.held.Stat()
	if err != nil || !info.IsDir() || !private(info) {
		return false
	}
	if c.whole() {
		c.touch()
		return true
	}
	if c.wipe() != nil {
		return false
	}
	probe, err := os.CreateTemp(c.path(), "probe.*.tmp")
	if err != nil {
		return false
	}
	probe.Close()
	return os.Remove(probe.Name()) == nil
}

// free lets go of the folder.
func (c *codeCache) free() {
	if c.held != nil {
		_ = c.held.Close()
		c.held = nil
	}
}

// path is how the folder is reached: by its descriptor, so that it is the one that was
// found to be private. Whoever owns a folder above it can put another in its place.
func (c *codeCache) path() string {
	if c.held == nil {
		return c.dir
	}
	path := fmt.Sprintf("/proc/self/fd/%d", c.held.Fd())
	if _, err := os.Stat(path); err != nil { // a system without /proc
		return c.dir
	}
	return path
}

// entries returns the files that the engine has written for this module.
func (c *codeCache) entries() []string {
	found, _ := filepath.Glob(filepath.Join(c.path(), "wazero-*", "*"))
	list := found[:0]
	for _, path := range found {
		if !strings.HasSuffix(path, ".tmp") {
			list = append(list, path)
		}
	}
	return list
}

// whole reports whether there is an entry and its checksum is right.
func (c *codeCache) whole() bool {
	want, err := os.ReadFile(filepath.Join(c.path(), sumFile))
	if err != nil {
		return false
	}
	got, err := c.sum()
	return err == nil && got == string(want)
}

func (c *codeCache) sum() (string, error) {
	entries := c.entries()
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

// seal writes the checksum of a new entry, in one step. Where that fails the
// entry is written anew next time, which is all the harm there is.
func (c *codeCache) seal() {
	if _, err := os.Lstat(filepath.Join(c.path(), sumFile)); err == nil {
		return
	}
	text, err := c.sum()
	if err != nil {
		return
	}
	file, err := os.CreateTemp(c.path(), sumFile+".*.tmp")
	if err != nil {
		return
	}
	_, err = file.WriteString(text)
	if closed := file.Close(); err != nil || closed != nil || os.Rename(file.Name(), filepath.Join(c.path(), sumFile)) != nil {
		_ = os.Remove(file.Name())
		return
	}
	c.prune()
}

// wipe removes what is there, so that the next compilation writes it anew.
func (c *codeCache) wipe() error {
	if err := os.Remove(filepath.Join(c.path(), sumFile)); err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, path := range c.entries() {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

// touch marks the entry as used, at most once a day.
func (c *codeCache) touch() {
	path := filepath.Join(c.path(), sumFile)
	if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
		now := time.Now()
		_ = os.Chtimes(path, now, now)
	}
}

// prune removes entries that nobody has used for three months, and what processes that
// were killed have left half written.
func (c *codeCache) prune() {
	const day = 24 * time.Hour
	for pattern, age := range map[string]time.Duration{sumFile: 90 * day, "*.tmp": day, "wazero-*/*.tmp": day} {
		found, _ := filepath.Glob(filepath.Join(c.root, "*", pattern))
		for _, path := range found {
			info, err := os.Lstat(path)
			if err != nil || time.Since(info.ModTime()) <= age {
				continue
			}
			if pattern == sumFile {
				path = filepath.Dir(path)
			}
			_ = os.RemoveAll(path)
		}
	}
}
