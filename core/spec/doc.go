// Package spec holds the words every part of Atlas shares: the normalized
// request and answer types, the error kinds, the capabilities, the provider
// manifest and the secret type.
//
// It imports the standard library alone, and nothing of it that needs
// reflection at run time, because provider guests are built from it too: a
// package pulled in here is compiled into every WebAssembly plugin. It knows no
// cloud, no HTTP and no WebAssembly. Everybody imports it; it imports nobody.
package spec
