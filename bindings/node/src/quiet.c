#define _GNU_SOURCE
#include "quiet.h"

#include <pthread.h>
#include <signal.h>

#include "watch.h"

static struct library library; /* as it was loaded */

/* The end of a child is put off here and may go to a thread of Go's own, which
 * lets it in: the handler of it is given a stack. That of Node stays once it has
 * one; whoever installs another is seen to at the next call. */
static void give_stack(void) {
    struct sigaction now;
    if (sigaction(SIGCHLD, NULL, &now) != 0 || now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN) return;
    if (now.sa_flags & SA_ONSTACK) return;
    now.sa_flags |= SA_ONSTACK;
    sigaction(SIGCHLD, &now, NULL);
}

void quiet_children(void) {
    watch_keep_child_handler();
    give_stack();
}

static void begin(sigset_t *before) {
    static const int kept[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGURG, SIGPROF};
    sigset_t off;
    sigfillset(&off);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) sigdelset(&off, kept[i]);
    pthread_sigmask(SIG_BLOCK, &off, before);
    give_stack();
}

static int end(const sigset_t *before, int status) {
    pthread_sigmask(SIG_SETMASK, before, NULL);
    return status;
}

static int quiet_open(const char *config, size_t len, atlas_client *client, char **document, size_t *document_len) {
    sigset_t before;
    begin(&before);
    return end(&before, library.open(config, len, client, document, document_len));
}

static int quiet_close(atlas_client client, int64_t timeout_ms) {
    sigset_t before;
    begin(&before);
    return end(&before, library.close(client, timeout_ms));
}

static int quiet_call(atlas_client client, const char *request, size_t len, char **answer, size_t *answer_len) {
    sigset_t before;
    begin(&before);
    return end(&before, library.call(client, request, len, answer, answer_len));
}

static int quiet_submit(atlas_client client, const char *request, size_t len, char **document, size_t *document_len) {
    sigset_t before;
    begin(&before);
    return end(&before, library.submit(client, request, len, document, document_len));
}

static int quiet_cancel(atlas_client client, const char *id, size_t len) {
    sigset_t before;
    begin(&before);
    return end(&before, library.cancel(client, id, len));
}

static int quiet_next(atlas_client client, int64_t timeout_ms, char **item, size_t *item_len) {
    sigset_t before;
    begin(&before);
    return end(&before, library.next(client, timeout_ms, item, item_len));
}

static int quiet_wake_fd(atlas_client client) {
    sigset_t before;
    begin(&before);
    return end(&before, library.wake_fd(client));
}

struct library quiet(const struct library *loaded) {
    struct library out = *loaded; /* free and the names enter no Go */
    library = *loaded;
    out.open = quiet_open;
    out.close = quiet_close;
    out.call = quiet_call;
    out.submit = quiet_submit;
    out.cancel = quiet_cancel;
    out.next = quiet_next;
    out.wake_fd = quiet_wake_fd;
    return out;
}
