// Package apps finds the Fly apps of a folder by their configuration files. It
// reads files and nothing else; a file it cannot read is reported beside those it
// can. dispatch calls it, and core/fly/deploy to learn the name of what it
// deploys.
package apps
