// Package providers holds three providers for Acme Compute, the invented cloud of
// sim/acme, which do the same in three languages: Go, AssemblyScript and C. They
// are examples, and the one source of what `exatlas plugin new` writes: Project
// returns one of them under another name. The package knows no cloud but Acme and
// touches no file; cmd/exatlas calls it, test/thirdparty builds what it returns.
package providers
