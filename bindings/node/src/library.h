/*
 * The Atlas library as this process has loaded it. One process loads one copy,
 * for every thread and for ever: the Go runtime in it cannot be unloaded, and
 * two of them in one process are unsupported.
 */
#ifndef EXATLAS_NODE_LIBRARY_H
#define EXATLAS_NODE_LIBRARY_H

#include <stddef.h>

#include "atlas.h"

struct library {
    int (*abi_version)(void);
    const char *(*version)(void);
    const char *(*status_name)(int status);
    void (*free)(void *memory);
    int (*open)(const char *config, size_t config_len, atlas_client *client_out,
                char **document_out, size_t *document_len_out);
    int (*close)(atlas_client client, int64_t timeout_ms);
    int (*call)(atlas_client client, const char *request, size_t request_len,
                char **answer_out, size_t *answer_len_out);
    int (*submit)(atlas_client client, const char *request, size_t request_len,
                  char **document_out, size_t *document_len_out);
    int (*cancel)(atlas_client client, const char *id, size_t id_len);
    int (*next)(atlas_client client, int64_t timeout_ms, char **item_out,
                size_t *item_len_out);
    int (*wake_fd)(atlas_client client);
};

/* The functions; valid once library_load has answered 0 in any thread. */
extern struct library atlas;

/*
 * Loads the library at path, or finds out that it is loaded already. Returns 0,
 * or -1 with one line of English in reason.
 */
int library_load(const char *path, char *reason, size_t reason_size);

/* The path it was loaded from, or NULL. */
const char *library_path(void);

#endif
