// Package flycli stands in for Fly's command line in tests: it prints what
// flyctl prints (August 2026), on the streams flyctl prints it on, and exits as
// flyctl does. The variable FLY_STANDIN says how a run goes; FLY_STANDIN_LOG
// names a file that gets a line of JSON for every run: its arguments and the
// names of the Fly variables it saw, and of a token its hash.
//
// It deploys nothing and makes tokens that open nothing. test/standin/fly is the
// program; tests in Go run their own binary as one.
package flycli
