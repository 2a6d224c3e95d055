// Package jsonx reads and writes JSON in provider guests: a Reader that walks a
// document in one pass without building a tree, and Append functions that write
// one.
//
// Guests run inside WebAssembly, where reflection and allocation are what a call
// spends its time on, and where every package linked in costs start-up time. So
// it imports strconv and utf8 and nothing heavier, it allocates only for strings
// with escapes, and it keeps no state between calls, which lets many calls share
// one guest while they wait for HTTP. It knows no type of Atlas: plugins/sdk/codec
// and the providers build on it.
package jsonx
