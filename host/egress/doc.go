// Package egress is the only place where bytes leave the process on behalf of a
// provider: it decides where a request may go, attaches the credential, paces,
// sends, retries and reads the answer.
//
// A guest names a URL; the policy of its provider decides on scheme, host and
// port before anything is sent, again on every address a host name resolves to,
// and again at every redirect. The credential is attached here, for the hosts
// the manifest binds it to, and taken out of whatever comes back. The package
// knows no cloud, no WebAssembly and no operation; package host calls it, and
// nothing else does.
//
// Connections, waiting and retries are its own, because a call must end when
// its context does and because a create must never be sent twice; fasthttp
// reads and decodes the answers. No goroutine is started: a call runs on its
// caller's.
package egress
