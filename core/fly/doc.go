// Package fly holds what the platform operations of Fly.io share: how an app is
// named and how a token is written. Its parts find apps in folders (apps), find
// and replace tokens (tokens), read logs (logs) and run deploys (deploy).
//
// Machines are not its matter: the plugin rents those. It knows no HTTP client,
// no store and no program; the root hands those in.
package fly
