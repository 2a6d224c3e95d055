// Package atlas rents, watches and gives back cloud GPUs. It is the Go face of
// the library that C programs know through include/atlas.h, and the one place
// where everything is wired: the methods of core, the plugin host, the built-in
// providers.
//
// Programs in Go use [Open] and the typed services of [Client]. Errors are [*Error];
// the comment of a method lists their kinds beside validation, internal, cancelled and
// timeout, which every method may answer; a cloud that answers an unexpected status
// brings the kind of that. docs/methods.md tells the rest. The JSON face
// (OpenJSON, CallJSON and their kin) carries the same requests for the C
// interface; it knows no C itself.
package atlas

// Version of the library.
const Version = "0.1.0"

// ABI is the version of the C interface, ATLAS_ABI_VERSION.
const ABI = 1
