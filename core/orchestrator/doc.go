// Package orchestrator keeps sessions: machines that somebody uses for a while,
// and that are given back when the session ends, goes idle, gets too old or too
// dear, whatever happens to the processes that watch over it.
//
// A session's row in the store is written before anything is done about it: the
// intent before a create is sent, the end before a machine is terminated. So the
// row, not any process, says what is to be done, and whoever holds it does it:
// the process that started the session, or, when that one is gone, another that
// claims it. Ownership is a lease under a fencing number; every write says the
// number and the store refuses those of a past owner.
//
// All deadlines of a process wait on one heap. Activity is noted in memory and
// brought to the store once a second, and by processes that are not the owner at
// once. A session goes idle only if the store, asked in the same step, knows of
// no later activity.
//
// It knows clouds only through core/compute and stores only through core/store.
package orchestrator
