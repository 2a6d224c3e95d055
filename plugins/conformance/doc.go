// Package conformance judges a provider plugin. Its one suite runs over any
// module: it plays the cloud, answers the plugin's requests with good, broken
// and hostile answers, and holds what the plugin makes of them against the laws
// of docs/plugin-abi.md.
//
// What holds for every provider needs nothing but the module. A recording, the
// file NAME.conformance.json beside NAME.wasm, adds what one cloud answers: each
// of its exchanges is played back as it is and then changed in hundreds of
// systematic ways. Record makes such a file from an account or a simulator.
//
// The package knows no cloud. exatlas plugin test and the tests of the built-in
// plugins call it; nothing of the library does.
package conformance
