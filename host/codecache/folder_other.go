//go:build !unix

package codecache

import (
	"io/fs"
	"os"
)

// private cannot tell here; the user's cache folder is the user's own.
func private(fs.FileInfo) bool { return true }

func openFolder(path string) (*os.File, error) { return os.Open(path) }
