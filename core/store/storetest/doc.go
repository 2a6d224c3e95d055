// Package storetest is the conformance suite of stores: each rule of
// store.Store's, as a test that a back end passes or not.
package storetest
