// Package jobs runs serverless jobs: it submits them, waits for them, cancels
// them and streams what their workers yield.
//
// A synchronous run uses the cloud's own synchronous call as long as that lasts
// and polls afterwards. When its time is up, or its caller leaves, the remote job
// is cancelled or kept as the caller chose, and the error's details say which.
// A submission whose answer was lost is not repeated, since that could run a job
// twice; the error says unknown_outcome.
//
// Reading a job's stream takes what it reads away at some clouds, so there is
// one reader a job, however many subscribe: the topic jobs:<id> carries its
// chunks and, last, its result or its error. The reader stops with its last
// subscription. A read whose answer is lost cannot be made up for; the event gap
// says where.
//
// The package knows no cloud; dispatch calls it.
package jobs
