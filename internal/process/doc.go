// Package process runs one child process to its end, whatever the child does:
// its two output streams, told apart or as one, are cut into lines, it is ended when it
// says nothing for too long, takes too long or is not wanted any more, and what
// it started in its process group ends with it. Children that hold the pipes open
// after their parent has left cannot keep a run from returning.
//
// Nothing is printed, no shell is involved and the environment is the one given.
// The package knows nothing of what runs; core/fly calls it, and cmd to clean
// what it shows.
package process
