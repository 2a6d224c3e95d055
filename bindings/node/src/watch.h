/*
 * A descriptor watched by Node's own event loop: uv_poll, without libuv's
 * headers.
 *
 * node-api-headers holds no uv.h, and none is needed: libuv's handles are used
 * here as memory of uv_handle_size() bytes, and only through functions that take
 * pointers. What is declared instead are those functions and the numbers of some
 * handle types, all fixed for libuv 1.x. watch_available checks the major
 * version and that the numbers still name what they should; where they do not
 * (or in a runtime that imitates Node without libuv) the caller uses a thread.
 *
 * All functions but the first belong to the loop's thread.
 */
#ifndef EXATLAS_NODE_WATCH_H
#define EXATLAS_NODE_WATCH_H

struct uv_loop_s;
struct watch;

struct watch_user {
    void (*ready)(void *data);  /* in each turn in which the descriptor is readable */
    int (*awaited)(void *data); /* whether exactly one answer is awaited, perhaps a quick one */
    void (*closed)(void *data); /* once, after watch_stop, in a later turn */
};

/* Whether this process has the libuv that the others need. */
int watch_available(void);

/* Watches fd, which stays open until user->closed is called. The watch does not
 * keep the loop alive until watch_reference asks for it. NULL on failure. */
struct watch *watch_start(struct uv_loop_s *loop, int fd, const struct watch_user *user, void *data);

/* Makes the watch keep the loop alive, or not. */
void watch_reference(struct watch *watch, int on);

/* Stops calling ready. */
void watch_pause(struct watch *watch);

/* Stops calling ready for ms milliseconds. */
void watch_rest(struct watch *watch, unsigned ms);

/* Ends the watch for good. */
void watch_stop(struct watch *watch);

/*
 * Makes libuv keep one handler of SIGCHLD for as long as the process lives, by a
 * handle of a loop that never runs. Otherwise each first child that Node starts
 * installs it anew. Nothing happens where there is no libuv. Any thread.
 */
void watch_keep_child_handler(void);

#endif
