//go:build !linux

package main

import "os"

// terminal reports whether somebody looks at an output, and how wide it is.
func terminal(out any) (width int, ok bool) {
	if o, is := out.(*output); is {
		out = o.Writer
	}
	file, is := out.(*os.File)
	if !is {
		return 0, false
	}
	state, err := file.Stat()
	return 80, err == nil && state.Mode()&os.ModeCharDevice != 0
}
