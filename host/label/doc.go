// Package label reads and writes what a module's file tells of the plugin in it without
// being compiled: what it exports and imports, and its manifest, which a custom section
// of the module holds. A label is what somebody has written on the box: host compares it
// with what the plugin says once it runs. The package knows no more of WebAssembly than
// where these stand, and nothing of what a manifest means. host reads labels; those who
// build plugins write them.
package label
