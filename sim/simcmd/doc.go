// Package simcmd is the body of `exatlas sim`: it starts simulated clouds, prints
// one line of JSON with their addresses and serves until it is told to stop. Its
// one caller is cmd/exatlas; tests in other languages run that command.
package simcmd
