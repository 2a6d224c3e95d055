// Package auth mints and checks the two credentials of a machine: bearer tokens
// and signed URLs. Both are byte for byte those of ExAtlas, so that a machine or
// a program of either accepts what the other made.
//
// It knows no cloud and sends nothing. Clock and randomness are handed in.
// core/compute mints with it on spawn; core/dispatch offers it as methods.
package auth
