// Package rest holds what the REST APIs of clouds have in common, for providers:
// escaping URLs, reading error bodies, normalising times, reading server-sent
// events, and hiding secret values in what is passed on raw.
//
// It knows no cloud: what a status or a sentence means at one of them is in that
// provider's errors.go.
package rest
