// Package thirdparty is Atlas as those meet it who bring a provider of their own:
// it builds the providers of examples/providers in their three languages, rents
// through all of them in one process beside the built-in ones, keeps their
// recordings true, and runs every command of docs/writing-a-provider.md.
package thirdparty
