package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// terminal reports whether somebody looks at an output, and how wide it is.
func terminal(out any) (width int, ok bool) {
	if o, is := out.(*output); is {
		out = o.Writer
	}
	file, is := out.(*os.File)
	if !is {
		return 0, false
	}
	fd := int(file.Fd())
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		return 0, false // /dev/null is a device, too
	}
	if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && size.Col > 0 {
		return int(size.Col), true
	}
	return 80, true
}
