// Package conformance runs the files of this folder through the library as Go
// sees it. The same files are run by the suites of C, Python, Node and Rust, so
// that every language gets the same answers. README.md describes the format.
package conformance
