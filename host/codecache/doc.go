// Package codecache keeps the compiled code of plugins on disk, one folder for each
// module, so that a program compiles each once. The engine writes and reads the code;
// this package says where, holds it against its checksum before it is run, and against
// who may have written it. What cannot be used is as good as not there.
//
// It knows neither plugins nor what is in a module. Package host opens a folder when it
// compiles.
package codecache
