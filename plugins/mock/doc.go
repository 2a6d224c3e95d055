// Package mock speaks to the mock cloud, an invented one that exists as a
// simulator only: for tests, for demonstrations, and as the smallest whole
// example of a provider. WIRE.md specifies its API.
//
// It needs no credential. Its default address never resolves, so base_url must
// be set to a simulator; then it does all that Atlas can ask of a provider, spot
// machines and a find by request id included.
package mock
