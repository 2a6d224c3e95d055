// Package builtin holds the provider plugins that are part of the library, as
// compressed WebAssembly modules. internal/buildplugins writes them here before
// the library is built; where it has not, the list is empty. The package knows
// nothing of what is in them. The root hands them to host.
package builtin
