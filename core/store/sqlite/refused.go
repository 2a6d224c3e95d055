package sqlite

import (
	"errors"
	"fmt"
	"strings"

	driver "modernc.org/sqlite"

	"github.com/exatlas/atlas/core/spec"
)

// refused is the error of a file that cannot be used.
func refused(path string, err error) error {
	if e := (*spec.Error)(nil); errors.As(err, &e) {
		return e
	}
	hint, passes := remedy(path, codeOf(err), err.Error())
	return &spec.Error{Kind: spec.KindInternal, Message: fmt.Sprintf("the store %s cannot be opened: %v", path, err), Hint: hint, Retryable: passes, Err: err}
}

// remedy is what to do about an error of SQLite's. passes tells that waiting helps.
func remedy(path string, code int, text string) (hint string, passes bool) {
	switch primary := code & 0xff; {
	case heldBy(code): // whoever holds it, such as a process that brings it up to date, lets go of it
		return "nothing was changed; see that no other program holds it, and try again", true
	case lockless(code):
		return "nothing was changed; its file system does not lock or share files as SQLite needs it, as many network drives and folders of a container's host do not: set store.url to a file on a local disk, or to a PostgreSQL database", false
	case primary == readOnly || primary == cannotOpen:
		return "nothing was changed; SQLite makes files beside it: see that this program may write to it and in its folder, or set store.url to a place where it may", false
	case strings.Contains(text, "disk is full") || strings.Contains(text, "disk I/O error"):
		return "nothing was changed; the disk has no room, or fails: see to it, and try again", false
	case strings.Contains(text, "not a database") || strings.Contains(text, "malformed") || text == errCut.Error():
		return "the file is damaged, or no database. Nothing was changed: restore it from a copy, or move it and " + path + ".d away to begin anew; machines of its sessions then have to be looked for with compute.list", false
	}
	return "nothing was changed; see that no other program holds it, and try again", false
}

// SQLite's primary result codes of a file that another connection holds, and of one
// that may not be written.
const (
	busy       = 5
	locked     = 6
	readOnly   = 8
	cannotOpen = 14
)

// held tells whether another connection holds the file.
func held(err error) bool { return err != nil && heldBy(codeOf(err)) }

func heldBy(code int) bool { return code&0xff == busy || code&0xff == locked }

// codeOf is SQLite's extended result code; 0: the error is not SQLite's.
func codeOf(err error) int {
	if fault := (*driver.Error)(nil); errors.As(err, &fault) {
		return fault.Code()
	}
	return 0
}

// lockless tells SQLite's codes of a file system that refuses a lock, or the memory
// that connections share. It calls them failures of the disk.
func lockless(code int) bool {
	const ioerr, unlock, readLock, reserved, lock, sharedLock, sharedMap = 10, 8, 9, 14, 15, 20, 21
	if code&0xff != ioerr {
		return false
	}
	switch code >> 8 {
	case unlock, readLock, reserved, lock, sharedLock, sharedMap:
		return true
	}
	return false
}
