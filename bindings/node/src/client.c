#define _GNU_SOURCE
#include "client.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "watch.h"

enum {
    BATCH = 64,             /* items a call of deliver */
    ROUNDS = 16,            /* batches a turn of the loop, so that others get theirs */
    TEARDOWN_MS = 1000,     /* what an ending thread or process waits for its calls */
    REST_MS = 50,           /* before an item is asked for again that the system had no memory for */
    LAST_RESTS = 20,        /* how often so once the client is closed */
};

struct client {
    napi_env env;
    atlas_client id;
    int holders; /* the JavaScript object, the open state, a running close */
    bool stopped;
    bool torn_down;
    int64_t expected; /* completions to come, while the queue is not being read */
    napi_ref deliver;
    napi_ref done;
    napi_async_context context;
    napi_async_cleanup_hook_handle hook;
    struct watch *watch; /* NULL in threaded mode */
    int fd;
    napi_threadsafe_function items;
    pthread_t thread;
    atomic_bool leaving; /* the thread is waited for */
    napi_async_work closing;
    int64_t close_ms;
};

struct item {
    char *text;
    size_t len;
};

static void let_go(struct client *c) {
    if (--c->holders == 0) free(c);
}

/* Latin-1 makes the cheaper string, and is the same text when all is ASCII. */
napi_value client_text(napi_env env, const char *text, size_t len) {
    napi_value value = NULL;
    unsigned char seen = 0;
    if (text == NULL) {
        napi_get_undefined(env, &value);
        return value;
    }
    for (size_t i = 0; i < len; i++) seen |= (unsigned char)text[i];
    if (seen < 0x80) napi_create_string_latin1(env, text, len, &value);
    else napi_create_string_utf8(env, text, len, &value);
    return value;
}

/* deliver catches what it can; what it throws all the same goes where uncaught
 * exceptions go. A worker that is being terminated runs no JavaScript. */
static napi_value call_back(struct client *c, napi_ref function, size_t argc, const napi_value *argv) {
    napi_value recv, callee, result = NULL, error;
    bool pending = false;
    if (napi_get_global(c->env, &recv) != napi_ok) return NULL;
    if (napi_get_reference_value(c->env, function, &callee) != napi_ok) return NULL;
    if (napi_make_callback(c->env, c->context, recv, callee, argc, argv, &result) == napi_ok)
        return result;
    if (napi_is_exception_pending(c->env, &pending) == napi_ok && pending &&
        napi_get_and_clear_last_exception(c->env, &error) == napi_ok)
        napi_fatal_exception(c->env, error);
    return NULL;
}

/* Takes up to a batch out of the queue. Once every expected item has come it
 * does not ask again: the descriptor tells of more. */
static size_t take(struct client *c, napi_value items[BATCH], int *status) {
    size_t count = 0;
    *status = ATLAS_OK;
    while (count < BATCH) {
        char *text = NULL;
        size_t len = 0;
        *status = atlas.next(c->id, 0, &text, &len);
        if (*status != ATLAS_OK) break;
        items[count] = client_text(c->env, text, len);
        atlas.free(text);
        if (items[count] != NULL) count++;
        if (--c->expected <= 0) break;
    }
    return count;
}

static int drain(struct client *c, int rounds) {
    napi_value items[BATCH], result;
    napi_handle_scope scope;
    int64_t events;
    int status = ATLAS_OK;
    while (rounds-- > 0 && status == ATLAS_OK) {
        if (napi_open_handle_scope(c->env, &scope) != napi_ok) return ATLAS_NO_MEMORY;
        size_t count = take(c, items, &status);
        if (count > 0) {
            result = call_back(c, c->deliver, count, items);
            if (result != NULL && napi_get_value_int64(c->env, result, &events) == napi_ok)
                c->expected += events;
        }
        napi_close_handle_scope(c->env, scope);
        if (c->expected <= 0) break;
    }
    return status;
}

/* An item for which there is no memory stays in the queue. A closed client's
 * descriptor may stay readable for ever. */
static void on_readable(void *data) {
    struct client *c = data;
    int status = drain(c, ROUNDS);
    if (c->stopped || status == ATLAS_OK || status == ATLAS_TIMEOUT) return;
    if (status == ATLAS_NO_MEMORY) watch_rest(c->watch, REST_MS);
    else watch_pause(c->watch);
}

static void rest(void) {
    struct timespec time = {.tv_nsec = REST_MS * 1000 * 1000};
    nanosleep(&time, NULL);
}

/* With several calls in flight the processors have better things to do. */
static int awaits_one(void *data) {
    return ((struct client *)data)->expected == 1;
}

/* The last step of ending: nothing of the loop points here any more. */
static void ended(struct client *c) {
    napi_handle_scope scope;
    if (napi_open_handle_scope(c->env, &scope) == napi_ok) {
        if (c->done != NULL) {
            if (!c->torn_down) call_back(c, c->done, 0, NULL);
            napi_delete_reference(c->env, c->done);
        }
        napi_delete_reference(c->env, c->deliver);
        napi_async_destroy(c->env, c->context);
        napi_close_handle_scope(c->env, scope);
    }
    napi_remove_async_cleanup_hook(c->hook);
    let_go(c);
}

static void on_watch_closed(void *data) {
    struct client *c = data;
    close(c->fd);
    ended(c);
}

static void on_items_closed(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    ended(data);
}

static void on_item(napi_env env, napi_value deliver, void *context, void *data) {
    struct item *item = data;
    napi_value recv, text;
    (void)context;
    if (env != NULL && deliver != NULL) {
        text = client_text(env, item->text, item->len);
        if (text != NULL && napi_get_global(env, &recv) == napi_ok)
            napi_call_function(env, recv, deliver, 1, &text, NULL);
    }
    atlas.free(item->text);
    free(item);
}

/* The next item, which may take memory to come; NULL once the queue has ended. */
static struct item *next_item(struct client *c) {
    struct item *item = NULL;
    int status, rests = 0;
    for (;;) {
        if (item == NULL) item = malloc(sizeof *item);
        status = item == NULL ? ATLAS_NO_MEMORY : atlas.next(c->id, -1, &item->text, &item->len);
        if (status == ATLAS_OK) return item;
        if (status != ATLAS_NO_MEMORY || (atomic_load(&c->leaving) && ++rests > LAST_RESTS)) {
            free(item);
            return NULL;
        }
        rest();
    }
}

/* Blocks in atlas_next until the client is closed. */
static void *pump(void *data) {
    struct client *c = data;
    struct item *item;
    while ((item = next_item(c)) != NULL) {
        if (napi_call_threadsafe_function(c->items, item, napi_tsfn_blocking) != napi_ok) {
            atlas.free(item->text);
            free(item);
            return NULL; /* the environment is ending and has let go for us */
        }
    }
    napi_release_threadsafe_function(c->items, napi_tsfn_release);
    return NULL;
}

/* Stops reading. The client must be closed, or the thread would not end. */
static void stop(struct client *c) {
    if (c->stopped) return;
    c->stopped = true;
    atomic_store(&c->leaving, true);
    if (c->watch != NULL) watch_stop(c->watch);
    else pthread_join(c->thread, NULL); /* on_items_closed follows */
}

/* A worker that ends, or a process: closes what JavaScript left open. */
static void on_teardown(napi_async_cleanup_hook_handle handle, void *data) {
    struct client *c = data;
    (void)handle;
    c->torn_down = true;
    if (c->stopped) return;
    atlas.close(c->id, TEARDOWN_MS);
    stop(c);
}

/* The descriptor is the client's and closes with it, at any moment as seen from
 * here, so the loop watches a duplicate, which shares its state. */
static bool start_watch(struct client *c) {
    static const struct watch_user user = {on_readable, awaits_one, on_watch_closed};
    struct uv_loop_s *loop;
    int fd = atlas.wake_fd(c->id);
    if (fd < 0 || napi_get_uv_event_loop(c->env, &loop) != napi_ok) return false;
    c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (c->fd < 0) return false;
    c->watch = watch_start(loop, c->fd, &user, c);
    if (c->watch == NULL) close(c->fd);
    return c->watch != NULL;
}

/* Signals are the program's: none is handled on this thread. */
static bool start_thread(struct client *c, napi_value deliver, napi_value name) {
    sigset_t all, before;
    bool running;
    if (napi_create_threadsafe_function(c->env, deliver, NULL, name, 0, 1, c, on_items_closed, c,
                                        on_item, &c->items) != napi_ok)
        return false;
    napi_unref_threadsafe_function(c->env, c->items);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    running = pthread_create(&c->thread, NULL, pump, c) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!running) {
        c->stopped = true; /* nothing to join; on_items_closed follows */
        napi_release_threadsafe_function(c->items, napi_tsfn_abort);
    }
    return true;
}

struct client *client_start(napi_env env, atlas_client id, napi_value deliver, bool threaded) {
    napi_value name;
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) goto closed;
    c->env = env;
    c->id = id;
    c->holders = 2;
    if (napi_create_string_utf8(env, "exatlas", NAPI_AUTO_LENGTH, &name) != napi_ok) goto freed;
    if (napi_create_reference(env, deliver, 1, &c->deliver) != napi_ok) goto freed;
    if (napi_async_init(env, NULL, name, &c->context) != napi_ok) goto freed;
    if (napi_add_async_cleanup_hook(env, on_teardown, c, &c->hook) != napi_ok) goto freed;
    if (!threaded && watch_available() && start_watch(c)) return c;
    if (start_thread(c, deliver, name)) {
        if (!c->stopped) return c;
        let_go(c);
        goto closed;
    }
    napi_remove_async_cleanup_hook(c->hook);
freed:
    free(c);
closed:
    atlas.close(id, 0);
    return NULL;
}

atlas_client client_id(const struct client *c) {
    return c->id;
}

void client_expect(struct client *c) {
    c->expected++;
}

void client_reference(struct client *c, bool on) {
    if (c->stopped) return;
    if (c->watch != NULL) watch_reference(c->watch, on);
    else if (on) napi_ref_threadsafe_function(c->env, c->items);
    else napi_unref_threadsafe_function(c->env, c->items);
}

static void close_in_pool(napi_env env, void *data) {
    struct client *c = data;
    (void)env;
    atlas.close(c->id, c->close_ms);
}

/* Delivers what a closed client's queue holds. */
static void drain_last(struct client *c) {
    int status, rests = 0;
    do {
        c->expected = BATCH * ROUNDS;
        status = drain(c, ROUNDS);
        if (status == ATLAS_NO_MEMORY) rest();
    } while (status == ATLAS_OK || (status == ATLAS_NO_MEMORY && ++rests < LAST_RESTS));
}

static void on_close_done(napi_env env, napi_status status, void *data) {
    struct client *c = data;
    (void)status;
    napi_delete_async_work(env, c->closing);
    if (!c->stopped && c->watch != NULL) {
        drain_last(c);
    }
    stop(c);
    let_go(c);
}

bool client_close(struct client *c, int64_t timeout_ms, napi_value done) {
    napi_value name;
    if (c->stopped || c->done != NULL) return false;
    c->close_ms = timeout_ms;
    if (napi_create_string_utf8(c->env, "exatlas.close", NAPI_AUTO_LENGTH, &name) != napi_ok ||
        napi_create_async_work(c->env, NULL, name, close_in_pool, on_close_done, c, &c->closing) != napi_ok)
        return false;
    if (napi_create_reference(c->env, done, 1, &c->done) != napi_ok ||
        napi_queue_async_work(c->env, c->closing) != napi_ok) {
        if (c->done != NULL) napi_delete_reference(c->env, c->done);
        c->done = NULL;
        napi_delete_async_work(c->env, c->closing);
        return false;
    }
    c->holders++;
    return true;
}

void client_drop(struct client *c) {
    if (!c->stopped) {
        atlas.close(c->id, 0);
        stop(c);
    }
    let_go(c);
}
