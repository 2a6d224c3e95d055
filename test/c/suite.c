/* The C suite: one program, built with sanitizers by run.sh. */
#include "harness.h"
#include "suite.h"

#include <unistd.h>

static int descriptors_before;

static void show_descriptors(void)
{
    char path[64], target[256];
    ssize_t size;
    int fd;

    for (fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        size = readlink(path, target, sizeof target - 1);
        if (size > 0)
            printf("    %d %.*s\n", fd, (int)size, target);
    }
}

static void nothing_is_left_of_the_whole_suite(void)
{
    atlas_client client = open_client("{}");

    CHECK(gauge(client, "calls") <= 1); /* the one that asks may count itself */
    if (!CHECK(count_self("fd") <= descriptors_before))
        show_descriptors();
    CHECK(count_self("task") <= 64); /* the Go runtime keeps idle threads, not one per call */
    close_client(client);
}

int main(void)
{
    silent_server(); /* its descriptor is the suite's own */
    atlas_close(1, 0); /* waits until the Go runtime has started: it keeps files of the control group open */
    descriptors_before = count_self("fd") + 2; /* the runtime's epoll and eventfd, made at first use */
    run_misuse();
    run_queue();
    run_threads();
    run_process();
    run_signals();
    run_fork();
    RUN(nothing_is_left_of_the_whole_suite);
    return test_finish();
}
