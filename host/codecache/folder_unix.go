//go:build unix

package codecache

import (
	"io/fs"
	"os"
	"syscall"
)

// private reports whether nobody but this user and root can have put something
// into a folder: what lies there is run.
func private(folder fs.FileInfo) bool {
	stat, ok := folder.Sys().(*syscall.Stat_t)
	return ok && folder.Mode().Perm()&0o022 == 0 && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}

// openFolder opens a folder, and no link to one.
func openFolder(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
}
