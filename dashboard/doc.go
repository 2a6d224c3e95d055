// Package dashboard is a web page of the sessions of a store: what runs, for
// whom, what it costs and when it ends, live, with buttons to touch a session,
// to pause and resume its machine and to end it. [New] makes an http.Handler that
// programs mount beside their own pages; a [Server] listens for those that have
// none.
//
// It knows sessions by the few functions of [Source], so it neither rents nor
// decides anything, and it knows no provider, store or WebAssembly. The root
// package wires it to the methods dashboard.serve and dashboard.close.
package dashboard
