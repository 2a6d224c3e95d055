// Package tokens finds a token for an app of Fly's and finds another one when
// Fly refuses it.
//
// It looks, in this order, at a token set by hand, at its memory, at the store,
// at the environment as flyctl reads it, at flyctl's config.yml, and has flyctl
// make one. A refused token is let go of by every layer that held it: memory and
// store forget it, and where a variable, the file or a manual setting still says
// it, that layer is passed over until it says something else, ten minutes at the
// most. A manual token stays in the store all the same: only who set it removes
// it, and answers tell when it is passed over.
//
// One search an app runs at a time and all that ask share it; searches for
// different apps run at once. Tokens in the store are encrypted (AES-256-GCM)
// under the installation's key. The package sends no HTTP; core/fly/logs and
// core/fly/deploy use it, dispatch calls it.
package tokens
