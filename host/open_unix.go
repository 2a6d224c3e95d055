//go:build unix

package host

import (
	"os"
	"syscall"
)

// openAtOnce opens a file to read it, and waits for nobody where it is a pipe.
func openAtOnce(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}
