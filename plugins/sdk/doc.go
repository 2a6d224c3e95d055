// Package sdk is what a provider is written against: the contract between a
// cloud's logic and the WebAssembly guest that carries it.
//
// A provider is a value of type Provider: a manifest and a function for each
// operation it has. It translates a request into HTTP requests, sends them
// through a Doer and translates the answers back. It has no clock, never sleeps,
// never retries, starts no goroutine, and never sees a credential: the host does
// all that. So it compiles and is tested natively, with a scripted Doer.
//
// The package knows no cloud and no WebAssembly. plugins/sdk/guest puts a
// Provider behind the exports of docs/plugin-abi.md by calling Handle;
// plugins/sdk/jsonx and plugins/sdk/rest help to write one.
package sdk
