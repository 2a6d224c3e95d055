package keyfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/exatlas/atlas/core/spec"
)

// LoadOrCreate reads the key, and makes it where there is none. Of several
// processes that make it at once, all get the same.
func LoadOrCreate(path string) (key [32]byte, err error) {
	key, err = load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return key, problem("the key's folder cannot be made", err)
	}
	if err := create(path); err != nil {
		return key, problem("the key cannot be written", err)
	}
	return load(path)
}

func load(path string) (key [32]byte, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err != nil {
		return key, problem("the key cannot be read", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return key, &spec.Error{Kind: spec.KindValidation, Message: "the key file " + path + " can be read by others", Hint: "chmod 600 it, after you have made sure that nobody has read it"}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return key, problem("the key cannot be read", err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != len(key) {
		return key, &spec.Error{Kind: spec.KindValidation, Message: "the key file " + path + " does not hold 64 hexadecimal digits", Hint: "restore it from a copy; without it, stored tokens cannot be read and credentials of sessions not be shown again"}
	}
	return [32]byte(raw), nil
}

// create writes a new key beside its place and links it there, which only the
// first of several processes can.
func create(path string) error {
	var raw [32]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a left-over holds a key nobody uses
	_, err = f.WriteString(hex.EncodeToString(raw[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func problem(message string, err error) error {
	return &spec.Error{Kind: spec.KindValidation, Message: message + ": " + err.Error(), Hint: "set store.key_file to a place this program may write", Err: err}
}
