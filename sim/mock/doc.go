// Package mock simulates the mock cloud, the invented provider that tests,
// demonstrations and learning use. Its wire format is specified in
// plugins/mock/WIRE.md. It needs no credential: whoever asks sees everything.
package mock
