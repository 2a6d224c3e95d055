/*
 * shim.c - the functions of atlas.h. It may refuse and it may forward; it does
 * not think. What it refuses must be refused before Go is entered: the runtime
 * of a forked child has lost its threads and would never answer.
 */
#define _GNU_SOURCE /* environ */
#include "atlas.h"
#include "shim.h"
#include "_cgo_export.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_int in_forked_child;
static atomic_llong live_allocations;

static void note_fork(void)
{
    atomic_store_explicit(&in_forked_child, 1, memory_order_relaxed);
}

/* The mask of the thread that loads the library. */
static sigset_t loader_mask;

/*
 * Runs before the constructor that starts the Go runtime, whose threads keep the
 * mask that they are started with. Signals are the program's: one that blocks
 * them and takes them by sigwait or signalfd would lose them to a thread that
 * blocks nothing, and the default action would end it. The runtime unblocks what
 * it needs itself.
 */
__attribute__((constructor(101))) static void block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &loader_mask);
}

int exatlas_unblock_signals(sigset_t *before)
{
    return pthread_sigmask(SIG_SETMASK, &loader_mask, before);
}

int exatlas_restore_signals(const sigset_t *before)
{
    return pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* Runs when the library is loaded, after the runtime has its first thread.
 * Forking breaks it from then on, used or not. */
__attribute__((constructor)) static void watch_fork(void)
{
    pthread_sigmask(SIG_SETMASK, &loader_mask, NULL);
    pthread_atfork(NULL, NULL, note_fork);
}

static int forked(void)
{
    return atomic_load_explicit(&in_forked_child, memory_order_relaxed);
}

static const exatlas_text nothing = {NULL, 0};

static int hand_out(int status, exatlas_text text, char **data_out, size_t *size_out)
{
    if (data_out != NULL)
        *data_out = text.data;
    if (size_out != NULL)
        *size_out = text.size;
    return status;
}

/* What to say about a request before anything else looks at it: ATLAS_OK to go on. */
static int check_text(const char *text, size_t size)
{
    if (text == NULL)
        return ATLAS_INVALID;
    return size > EXATLAS_LARGEST_REQUEST ? ATLAS_TOO_LARGE : ATLAS_OK;
}

int exatlas_give(exatlas_text *text, const char *data, size_t size)
{
    char *copy = malloc(size + 1);
    if (copy == NULL)
        return -1;
    memcpy(copy, data, size);
    copy[size] = '\0';
    atomic_fetch_add_explicit(&live_allocations, 1, memory_order_relaxed);
    text->data = copy;
    text->size = size;
    return 0;
}

int64_t exatlas_live(void)
{
    return atomic_load_explicit(&live_allocations, memory_order_relaxed);
}

const char *exatlas_variable(size_t i)
{
    return environ == NULL ? NULL : environ[i];
}

int atlas_abi_version(void)
{
    return ATLAS_ABI_VERSION;
}

const char *atlas_version(void)
{
    return EXATLAS_VERSION;
}

const char *atlas_status_name(int status)
{
    switch (status) {
    case ATLAS_OK: return "ATLAS_OK";
    case ATLAS_FAILED: return "ATLAS_FAILED";
    case ATLAS_PENDING: return "ATLAS_PENDING";
    case ATLAS_INVALID: return "ATLAS_INVALID";
    case ATLAS_BAD_CLIENT: return "ATLAS_BAD_CLIENT";
    case ATLAS_CLOSED: return "ATLAS_CLOSED";
    case ATLAS_BUSY: return "ATLAS_BUSY";
    case ATLAS_TOO_LARGE: return "ATLAS_TOO_LARGE";
    case ATLAS_NO_MEMORY: return "ATLAS_NO_MEMORY";
    case ATLAS_FORKED: return "ATLAS_FORKED";
    case ATLAS_VERSION: return "ATLAS_VERSION";
    case ATLAS_TIMEOUT: return "ATLAS_TIMEOUT";
    case ATLAS_CANCELLED: return "ATLAS_CANCELLED";
    case ATLAS_INTERNAL: return "ATLAS_INTERNAL";
    }
    return "ATLAS_UNKNOWN";
}

void atlas_free(void *memory)
{
    if (memory == NULL)
        return;
    atomic_fetch_sub_explicit(&live_allocations, 1, memory_order_relaxed);
    free(memory);
}

int atlas_open(const char *config, size_t config_len, atlas_client *client_out,
               char **document_out, size_t *document_len_out)
{
    exatlas_text document = nothing;
    uint64_t client = 0;
    int status = config == NULL && config_len == 0 ? ATLAS_OK : check_text(config, config_len);

    if (forked())
        status = ATLAS_FORKED;
    else if (client_out == NULL)
        status = ATLAS_INVALID;
    else if (status == ATLAS_OK)
        status = exatlas_go_open((char *)config, config_len, &client, document_out ? &document : NULL);
    if (client_out != NULL)
        *client_out = client;
    return hand_out(status, document, document_out, document_len_out);
}

int atlas_close(atlas_client client, int64_t timeout_ms)
{
    return forked() ? ATLAS_FORKED : exatlas_go_close(client, timeout_ms);
}

int atlas_call(atlas_client client, const char *request, size_t request_len,
               char **answer_out, size_t *answer_len_out)
{
    exatlas_text answer = nothing;
    int status = check_text(request, request_len);

    if (forked())
        status = ATLAS_FORKED;
    else if (answer_out == NULL)
        status = ATLAS_INVALID;
    else if (status == ATLAS_OK)
        status = exatlas_go_call(client, (char *)request, request_len, &answer);
    return hand_out(status, answer, answer_out, answer_len_out);
}

int atlas_submit(atlas_client client, const char *request, size_t request_len,
                 char **document_out, size_t *document_len_out)
{
    exatlas_text document = nothing;
    int status = check_text(request, request_len);

    if (forked())
        status = ATLAS_FORKED;
    else if (status == ATLAS_OK)
        status = exatlas_go_submit(client, (char *)request, request_len, document_out ? &document : NULL);
    return hand_out(status, document, document_out, document_len_out);
}

int atlas_cancel(atlas_client client, const char *id, size_t id_len)
{
    if (forked())
        return ATLAS_FORKED;
    if (id_len == 0)
        return ATLAS_INVALID;
    if (check_text(id, id_len) != ATLAS_OK)
        return check_text(id, id_len);
    return exatlas_go_cancel(client, (char *)id, id_len);
}

int atlas_next(atlas_client client, int64_t timeout_ms, char **item_out, size_t *item_len_out)
{
    exatlas_text item = nothing;
    int status;

    if (forked())
        status = ATLAS_FORKED;
    else if (item_out == NULL)
        status = ATLAS_INVALID;
    else
        status = exatlas_go_next(client, timeout_ms, &item);
    return hand_out(status, item, item_out, item_len_out);
}

int atlas_wake_fd(atlas_client client)
{
    int descriptor = -1;

    if (forked() || exatlas_go_wake_fd(client, &descriptor) != ATLAS_OK)
        return -1;
    return descriptor;
}
