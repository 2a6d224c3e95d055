/* shim.h - what shim.c and the Go side say to each other. Never installed. */
#ifndef EXATLAS_SHIM_H
#define EXATLAS_SHIM_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* Version of the library. A Go test holds it equal to atlas.Version. */
#define EXATLAS_VERSION "0.1.0"

/* Requests beyond this are refused before they are copied, whatever limits the
 * configuration sets (limits.request_bytes ends here). */
#define EXATLAS_LARGEST_REQUEST ((size_t)1 << 28)

/* Text on its way to the caller: malloc'ed, NUL-terminated, not counted in size. */
typedef struct exatlas_text {
    char *data;
    size_t size;
} exatlas_text;

/* Copies size bytes into memory of the caller's and counts it as live. Returns
 * 0, or -1 when the system has no memory; text is then left alone. */
int exatlas_give(exatlas_text *text, const char *data, size_t size);

/* Number of pieces of memory handed out and not freed yet. */
int64_t exatlas_live(void);

/* The i-th "NAME=value" of the environment, or NULL beyond the last. */
const char *exatlas_variable(size_t i);

/* Gives the calling thread the signal mask of the thread that loaded the library,
 * and back the one it had: the library's threads block signals, and what they
 * start would inherit that. Both return 0. */
int exatlas_unblock_signals(sigset_t *before);
int exatlas_restore_signals(const sigset_t *before);

#endif
