#define _GNU_SOURCE
#include "watch.h"

#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { UV_POLL = 8, UV_PREPARE = 9, UV_TIMER = 13, UV_SIGNAL = 16 }; /* uv_handle_type, fixed for libuv 1.x */
enum { UV_READABLE = 1 };             /* uv_poll_event */

enum {
    WINDOW_NS = 100 * 1000, /* how long a turn of the loop may look before it sleeps */
    PROMISING = 2,          /* short waits in a row that make looking worthwhile */
};

static struct {
    unsigned (*version)(void);
    const char *(*handle_type_name)(int type);
    size_t (*handle_size)(int type);
    int (*poll_init)(struct uv_loop_s *loop, void *poll, int fd);
    int (*poll_start)(void *poll, int events, void (*callback)(void *poll, int status, int events));
    int (*poll_stop)(void *poll);
    void (*close)(void *handle, void (*callback)(void *handle));
    void (*ref)(void *handle);
    void (*unref)(void *handle);
    void (*set_data)(void *handle, void *data);
    void *(*get_data)(const void *handle);
    int (*prepare_init)(struct uv_loop_s *loop, void *prepare);
    int (*prepare_start)(void *prepare, void (*callback)(void *prepare));
    int (*timer_init)(struct uv_loop_s *loop, void *timer);
    int (*timer_start)(void *timer, void (*callback)(void *timer), uint64_t ms, uint64_t repeat);
    size_t (*loop_size)(void);
    int (*loop_init)(struct uv_loop_s *loop);
    int (*loop_close)(struct uv_loop_s *loop);
    int (*signal_init)(struct uv_loop_s *loop, void *signal);
    int (*signal_start)(void *signal, void (*callback)(void *signal, int number), int number);
    int (*backend_fd)(const struct uv_loop_s *loop);
    int (*backend_timeout)(const struct uv_loop_s *loop);
} uv;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int available;

struct watch {
    struct watch_user user;
    void *data;
    struct uv_loop_s *loop;
    void *poll;
    void *prepare;
    void *timer;
    int open;          /* handles not yet closed */
    int short_waits;   /* in a row, at most PROMISING */
    int64_t waits_since; /* ns; 0 while nothing is awaited */
};

static int find(const char *name, void *function_out) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (symbol == NULL) return 0;
    memcpy(function_out, &symbol, sizeof symbol);
    return 1;
}

static int find_all(void) {
    return find("uv_version", &uv.version) && find("uv_handle_type_name", &uv.handle_type_name) &&
           find("uv_handle_size", &uv.handle_size) && find("uv_poll_init", &uv.poll_init) &&
           find("uv_poll_start", &uv.poll_start) && find("uv_poll_stop", &uv.poll_stop) &&
           find("uv_close", &uv.close) && find("uv_ref", &uv.ref) && find("uv_unref", &uv.unref) &&
           find("uv_handle_set_data", &uv.set_data) && find("uv_handle_get_data", &uv.get_data) &&
           find("uv_prepare_init", &uv.prepare_init) && find("uv_prepare_start", &uv.prepare_start) &&
           find("uv_timer_init", &uv.timer_init) && find("uv_timer_start", &uv.timer_start) &&
           find("uv_loop_size", &uv.loop_size) && find("uv_loop_init", &uv.loop_init) &&
           find("uv_loop_close", &uv.loop_close) && find("uv_signal_init", &uv.signal_init) &&
           find("uv_signal_start", &uv.signal_start) && find("uv_backend_fd", &uv.backend_fd) && find("uv_backend_timeout", &uv.backend_timeout);
}

static int is_named(int type, const char *name) {
    const char *found = uv.handle_type_name(type);
    return found != NULL && strcmp(found, name) == 0;
}

static void look_up(void) {
    available = find_all() && uv.version() >> 16 == 1 && is_named(UV_POLL, "poll") && is_named(UV_PREPARE, "prepare") &&
                is_named(UV_TIMER, "timer") && is_named(UV_SIGNAL, "signal");
}

int watch_available(void) {
    pthread_once(&once, look_up);
    return available;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void on_event(void *poll, int status, int events) {
    struct watch *watch = uv.get_data(poll);
    (void)status; /* an error shows when the queue is read */
    (void)events;
    if (watch->waits_since != 0) {
        int is_short = now_ns() - watch->waits_since <= WINDOW_NS;
        watch->short_waits = !is_short ? 0 : watch->short_waits < PROMISING ? watch->short_waits + 1 : PROMISING;
        watch->waits_since = 0;
    }
    watch->user.ready(watch->data);
}

/*
 * Runs before the loop sleeps. Waking a sleeping thread costs more than a call
 * that asks no cloud, so where the last answers came at once, and the loop has
 * nothing else to do, it looks a little before it sleeps. It looks at all the
 * loop's descriptors, so nothing else waits for it, and yields to who needs the
 * processor.
 */
static void before_sleep(void *prepare) {
    struct watch *watch = uv.get_data(prepare);
    struct pollfd loop = {.fd = uv.backend_fd(watch->loop), .events = POLLIN};
    int64_t start;
    int timeout_ms;
    if (!watch->user.awaited(watch->data)) {
        watch->waits_since = 0;
        return;
    }
    start = now_ns();
    if (watch->waits_since == 0) watch->waits_since = start;
    if (watch->short_waits < PROMISING) return;
    timeout_ms = uv.backend_timeout(watch->loop);
    if (timeout_ms >= 0 && timeout_ms <= 1) return;
    while (poll(&loop, 1, 0) == 0) {
        if (now_ns() - start > WINDOW_NS) {
            watch->short_waits = 0;
            return;
        }
        sched_yield();
    }
}

static void free_watch(struct watch *watch) {
    free(watch->poll);
    free(watch->prepare);
    free(watch->timer);
    free(watch);
}

struct watch *watch_start(struct uv_loop_s *loop, int fd, const struct watch_user *user, void *data) {
    struct watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL) return NULL;
    watch->poll = calloc(1, uv.handle_size(UV_POLL));
    watch->prepare = calloc(1, uv.handle_size(UV_PREPARE));
    watch->timer = calloc(1, uv.handle_size(UV_TIMER));
    if (watch->poll == NULL || watch->prepare == NULL || watch->timer == NULL ||
        uv.poll_init(loop, watch->poll, fd) != 0) {
        free_watch(watch);
        return NULL;
    }
    watch->user = *user;
    watch->data = data;
    watch->loop = loop;
    watch->open = 3;
    /* None of these fails on a handle that is not closing. */
    uv.set_data(watch->poll, watch);
    uv.unref(watch->poll);
    uv.poll_start(watch->poll, UV_READABLE, on_event);
    uv.prepare_init(loop, watch->prepare);
    uv.set_data(watch->prepare, watch);
    uv.prepare_start(watch->prepare, before_sleep);
    uv.unref(watch->prepare);
    uv.timer_init(loop, watch->timer);
    uv.set_data(watch->timer, watch);
    uv.unref(watch->timer);
    return watch;
}

/* The timer stands for the descriptor while that rests. */
void watch_reference(struct watch *watch, int on) {
    void (*change)(void *handle) = on ? uv.ref : uv.unref;
    change(watch->poll);
    change(watch->timer);
}

void watch_pause(struct watch *watch) {
    uv.poll_stop(watch->poll);
}

static void on_rested(void *timer) {
    uv.poll_start(((struct watch *)uv.get_data(timer))->poll, UV_READABLE, on_event);
}

void watch_rest(struct watch *watch, unsigned ms) {
    uv.poll_stop(watch->poll);
    uv.timer_start(watch->timer, on_rested, ms, 0);
}

static void on_closed(void *handle) {
    struct watch *watch = uv.get_data(handle);
    if (--watch->open > 0) return;
    watch->user.closed(watch->data);
    free_watch(watch);
}

void watch_stop(struct watch *watch) {
    uv.close(watch->poll, on_closed);
    uv.close(watch->prepare, on_closed);
    uv.close(watch->timer, on_closed);
}

static void ignore(void *signal, int number) {
    (void)signal;
    (void)number;
}

/* The pipe of the loop fills, and then takes no more, which libuv allows. */
static void keep_child_handler(void) {
    struct uv_loop_s *loop;
    void *handle;
    if (!watch_available()) return;
    loop = calloc(1, uv.loop_size());
    handle = calloc(1, uv.handle_size(UV_SIGNAL));
    if (loop == NULL || handle == NULL || uv.loop_init(loop) != 0) {
        free(loop);
        free(handle);
        return;
    }
    if (uv.signal_init(loop, handle) == 0) {
        uv.signal_start(handle, ignore, SIGCHLD);
        return;
    }
    if (uv.loop_close(loop) == 0) {
        free(loop);
        free(handle);
    }
}

void watch_keep_child_handler(void) {
    static pthread_once_t kept = PTHREAD_ONCE_INIT;
    pthread_once(&kept, keep_child_handler);
}
