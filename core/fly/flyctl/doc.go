// Package flyctl finds Fly's own command line and says what it gets to see of
// this process. It runs nothing; core/fly/tokens and core/fly/deploy do.
package flyctl
