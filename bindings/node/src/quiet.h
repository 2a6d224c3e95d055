/*
 * The library's functions with the thread's signals put off while they run.
 *
 * A thread that is inside the library stands on one of Go's stacks, which are
 * small. Node's signal handlers do not ask for a stack of their own (SA_ONSTACK),
 * so one that ran there would write over Go's memory. Signals that come meanwhile
 * go to another thread, or wait for the end of the call; those that tell of a
 * fault, and those by which Go interrupts itself, come at once. SIGCHLD may go to
 * a thread of Go's, so its handler is made to ask for a stack.
 *
 * In the moment in which the library starts flyctl one of its threads has the
 * program's signals, for the child to have them; what the kernel does not give to
 * the main thread may come there. No sound way closes that: the flags of a handler
 * cannot be changed without the danger that Node takes it away meanwhile.
 */
#ifndef EXATLAS_NODE_QUIET_H
#define EXATLAS_NODE_QUIET_H

#include "library.h"

/* Gives Node's handler of SIGCHLD a stack for good. To be called before the
 * library is loaded. */
void quiet_children(void);

/* Gives the functions of a library that was loaded, each made quiet. */
struct library quiet(const struct library *loaded);

#endif
