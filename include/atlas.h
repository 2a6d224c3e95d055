/*
 * atlas.h - the C interface of Atlas, and its only specification.
 *
 * Atlas rents, watches and gives back cloud GPUs. A program opens a client,
 * sends requests in JSON and reads answers in JSON. docs/methods.md lists the
 * methods. Link with -lexatlas (pkg-config: exatlas).
 *
 * Conventions
 *   Text is UTF-8, passed as pointer and length. Text handed out is also
 *   terminated by a NUL byte, which its length does not count.
 *   Every function returns an ATLAS_* status, and writes its results through
 *   the parameters whose names end in _out, which come last. Unless stated
 *   otherwise an _out parameter may be NULL if its value is not wanted, and is
 *   set to NULL or 0 when the function has nothing to say.
 *   Each function tells the statuses it may return. Those that enter the library,
 *   which are all from atlas_open on but atlas_wake_fd, may also return
 *   ATLAS_NO_MEMORY, when the answer could not be allocated though the request
 *   may have been carried out, and ATLAS_INTERNAL with a document. What atlas_next
 *   could not allocate stays in the queue.
 *   A document is a JSON object. When the status is not ATLAS_OK and a document
 *   is handed out, it is {"error":{"kind":...,"message":...,"hint":...}}.
 *   All functions may be called from any thread at any time, unless stated
 *   otherwise. No function calls back into the program, writes to standard
 *   output or error, or installs a signal handler for itself.
 *
 * The process
 *   The library contains the Go runtime. It stays loaded once loaded: dlclose
 *   does not unload it. Handlers that the program installs once it is loaded, for
 *   whatever signal, must use SA_ONSTACK: the stack of a call may be too small for
 *   them. They should use SA_RESTART. The library's threads block what signals the
 *   runtime does not need, all but SIGCHLD. A thread that has called Atlas has an alternate signal
 *   stack; it may set another one, but must not be left without. After fork the
 *   child can only free memory and exec: every other call answers ATLAS_FORKED.
 *   Create the client after forking. glibc only (not musl).
 */
#ifndef ATLAS_H
#define ATLAS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ATLAS_API __attribute__((visibility("default")))
#else
#define ATLAS_API
#endif

/* Version of this interface. It changes only when a program compiled against
 * an older header would break. */
#define ATLAS_ABI_VERSION 1

/* Statuses. Their numbers never change. */
#define ATLAS_OK 0          /* done */
#define ATLAS_FAILED 1      /* the document says why */
#define ATLAS_PENDING 2     /* atlas_call only: goes on in the background, see detach_after_ms */
#define ATLAS_INVALID 10    /* a NULL or malformed argument */
#define ATLAS_BAD_CLIENT 11 /* no such client; it was never opened */
#define ATLAS_CLOSED 12     /* the client is closed */
#define ATLAS_BUSY 13       /* too many calls in flight, or the id is in flight already */
#define ATLAS_TOO_LARGE 14  /* more bytes than limits.request_bytes, or than 256 MiB */
#define ATLAS_NO_MEMORY 20  /* the system has no memory */
#define ATLAS_FORKED 21     /* used in a child of fork */
#define ATLAS_VERSION 22    /* the configuration asks for another ABI version */
#define ATLAS_TIMEOUT 30    /* nothing came in time */
#define ATLAS_CANCELLED 31  /* cancelled by atlas_cancel or atlas_close */
#define ATLAS_INTERNAL 90   /* a defect of Atlas; please report the document */

/* A client. Never 0, never reused within a process. */
typedef uint64_t atlas_client;

/*
 * Version of the interface the library speaks. Compare with ATLAS_ABI_VERSION.
 * Ownership: none.
 * Threads:   any; also after fork.
 * Returns:   the version.
 * Since:     1
 */
ATLAS_API int atlas_abi_version(void);

/*
 * Version of the library, such as "0.1.0".
 * Ownership: static text; do not free.
 * Threads:   any; also after fork.
 * Returns:   the text, never NULL.
 * Since:     1
 */
ATLAS_API const char *atlas_version(void);

/*
 * Name of a status, such as "ATLAS_TIMEOUT"; "ATLAS_UNKNOWN" for other numbers.
 * Ownership: static text; do not free.
 * Threads:   any; also after fork.
 * Returns:   the text, never NULL.
 * Since:     1
 */
ATLAS_API const char *atlas_status_name(int status);

/*
 * Frees memory that any other function handed out.
 * Ownership: takes memory. NULL is allowed and does nothing.
 * Threads:   any; also after fork.
 * Returns:   nothing.
 * Since:     1
 */
ATLAS_API void atlas_free(void *memory);

/*
 * Opens a client. config is a JSON object (docs/configuration.md); NULL with
 * length 0 means {}. Provider keys are read from the environment here, once.
 * Opening is cheap: plugins are compiled when first used.
 * Ownership: config is only read. *document_out is the caller's: atlas_free.
 * Threads:   any.
 * Returns:   ATLAS_OK and the client; or ATLAS_FAILED with a document that names
 *            the mistake, or says that too many files are open; ATLAS_INVALID when client_out is NULL, or config where
 *            its length is not 0; ATLAS_VERSION
 *            when config asks for another "abi"; ATLAS_TOO_LARGE beyond 1 MiB;
 *            ATLAS_FORKED.
 * Since:     1
 */
ATLAS_API int atlas_open(const char *config, size_t config_len,
                         atlas_client *client_out,
                         char **document_out, size_t *document_len_out);

/*
 * Closes a client: cancels its calls, waits for them at most timeout_ms (a
 * negative number: 5000), and releases everything it holds. What threads are
 * doing in atlas_call or atlas_next on it ends with ATLAS_CANCELLED or
 * ATLAS_CLOSED. Sessions of this process go as their on_exit says, in the same
 * time; other machines go on. Closing twice is allowed: the second waits for the
 * first, at most its own timeout_ms.
 * Ownership: none.
 * Threads:   any.
 * Returns:   ATLAS_OK, also when it is closed already; ATLAS_TIMEOUT when
 *            something was still ending: calls, which do so in the background,
 *            or sessions, also of cancelled spawns, which the next process
 *            that opens the store ends;
 *            ATLAS_BAD_CLIENT, ATLAS_FORKED.
 * Since:     1
 */
ATLAS_API int atlas_close(atlas_client client, int64_t timeout_ms);

/*
 * Carries out one request and waits for its answer. request is
 *   {"id":"...","method":"compute.get","params":{...},"deadline_ms":30000}
 * where id (1 to 128 bytes, unique among the calls in flight; needed only for
 * atlas_cancel), params and deadline_ms may be absent. *answer_out is
 *   {"id":"...","result":...} or {"id":"...","error":{...}}.
 * With "detach_after_ms":N, which needs an id, a call that is not done after N
 * ms goes on as if submitted: the status is ATLAS_PENDING, and its completion
 * comes out of atlas_next.
 * Ownership: request is only read. *answer_out is the caller's: atlas_free.
 * Threads:   any; blocks the calling thread only.
 * Returns:   ATLAS_OK with a result; ATLAS_FAILED with an error document;
 *            ATLAS_TIMEOUT or ATLAS_CANCELLED likewise; ATLAS_PENDING;
 *            ATLAS_INVALID when answer_out or request is NULL; ATLAS_BUSY,
 *            ATLAS_TOO_LARGE, ATLAS_BAD_CLIENT, ATLAS_CLOSED, ATLAS_FORKED.
 * Since:     1
 */
ATLAS_API int atlas_call(atlas_client client,
                         const char *request, size_t request_len,
                         char **answer_out, size_t *answer_len_out);

/*
 * Starts one request and returns at once. The request is as for atlas_call and
 * needs an id. Its completion comes out of atlas_next, exactly once.
 * Ownership: request is only read. *document_out is the caller's: atlas_free.
 * Threads:   any.
 * Returns:   ATLAS_OK when a completion will come; otherwise none will, and the
 *            status is ATLAS_FAILED with a document for a malformed request,
 *            ATLAS_BUSY, ATLAS_INVALID, ATLAS_TOO_LARGE, ATLAS_BAD_CLIENT,
 *            ATLAS_CLOSED, ATLAS_FORKED.
 * Since:     1
 */
ATLAS_API int atlas_submit(atlas_client client,
                           const char *request, size_t request_len,
                           char **document_out, size_t *document_len_out);

/*
 * Cancels the call in flight with that id, whether started by atlas_call or
 * atlas_submit. It ends soon with an error of kind "cancelled". A call that has
 * finished, or never was, is left alone.
 * Ownership: id is only read.
 * Threads:   any.
 * Returns:   ATLAS_OK; ATLAS_INVALID when id is NULL or empty; ATLAS_TOO_LARGE,
 *            ATLAS_BAD_CLIENT, ATLAS_CLOSED, ATLAS_FORKED.
 * Since:     1
 */
ATLAS_API int atlas_cancel(atlas_client client, const char *id, size_t id_len);

/*
 * Takes the next item out of the client's queue. timeout_ms 0 does not wait, a
 * negative number waits until something comes. An item is a completion
 *   {"type":"completion","id":"...","result":...} or with "error", or an event
 *   {"type":"event","subscription":"...","topic":"...","seq":1,"time":"...",
 *    "event":"...","data":{...}}.
 * Ownership: *item_out is the caller's: atlas_free.
 * Threads:   any; each item goes to one caller.
 * Returns:   ATLAS_OK with an item; ATLAS_TIMEOUT; ATLAS_CLOSED once the client
 *            is closed and the queue is empty; ATLAS_INVALID when item_out is
 *            NULL; ATLAS_BAD_CLIENT, ATLAS_FORKED.
 * Since:     1
 */
ATLAS_API int atlas_next(atlas_client client, int64_t timeout_ms,
                         char **item_out, size_t *item_len_out);

/*
 * A descriptor that is readable while the client's queue is not empty, for
 * poll, epoll or an event loop. Do not read, write or close it: atlas_next
 * empties it. It is closed with the client.
 * Ownership: the client's.
 * Threads:   any.
 * Returns:   the descriptor, or -1 where unsupported, for no open client, and
 *            while too many files are open: ask again.
 * Since:     1
 */
ATLAS_API int atlas_wake_fd(atlas_client client);

#ifdef __cplusplus
}
#endif

#endif /* ATLAS_H */
