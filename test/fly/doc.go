// Package fly tests Fly's platform operations through a whole client: simulated
// Fly, a stand-in for flyctl, a store on disk.
package fly
