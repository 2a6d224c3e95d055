// Package openapicheck holds requests and answers against a vendor's OpenAPI 3.1
// document: what a provider plugin sends, and what a simulated cloud answers.
//
// It is for tests. It knows no cloud; a path, a query, a status or a body that
// the document does not describe is an error, unless the caller has allowed it
// by name because the vendor published it after the document. Called by the
// tests of plugins and sim.
package openapicheck
