// Package wholefile replaces a file in one step: who reads it meanwhile gets the old one
// or the new one, and never a part of either. Tools that write what others may be reading
// call it. It is for files that can be made again: nothing is forced to the disk.
package wholefile
