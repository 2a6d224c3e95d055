/*
 * One open client in one JavaScript environment: the handle, and the way its
 * queue reaches the event loop.
 *
 * The queue is read on the loop's own thread, woken by a watch on the client's
 * wake-up descriptor. Where that is impossible one thread per client blocks in
 * atlas_next and hands items over by a thread-safe function.
 *
 * All functions belong to the environment's thread.
 */
#ifndef EXATLAS_NODE_CLIENT_H
#define EXATLAS_NODE_CLIENT_H

#include <stdbool.h>

#include "library.h"
#include "node_api.h"

struct client;

/* A JavaScript string of len bytes of UTF-8; undefined when text is NULL. */
napi_value client_text(napi_env env, const char *text, size_t len);

/*
 * Wraps id. deliver(...items) is called with the items of the queue as strings,
 * and answers how many of them are events. Returns NULL, with id closed, when the
 * system lacks resources.
 */
struct client *client_start(napi_env env, atlas_client id, napi_value deliver, bool threaded);

atlas_client client_id(const struct client *c);

/* Counts a submitted request, so that reading stops when all have come. */
void client_expect(struct client *c);

/* Makes the client keep the event loop alive, or not. */
void client_reference(struct client *c, bool on);

/* Closes off the thread, delivers what is left, then calls done(). */
bool client_close(struct client *c, int64_t timeout_ms, napi_value done);

/* For the finalizer of the JavaScript object: closes without waiting. */
void client_drop(struct client *c);

#endif
