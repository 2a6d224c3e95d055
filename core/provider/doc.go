// Package provider is how core speaks to clouds: it resolves which provider a
// call means and which credential it uses, checks capabilities, and carries one
// operation to the back end and its value back.
//
// It knows no cloud, no HTTP and no WebAssembly: the back end is an interface
// that the root package fills with the plugin host, and tests with a map of
// functions. compute and jobs call it.
package provider
