/* submit, next, cancel, deadlines, detached calls and the wake-up descriptor. */
#include "harness.h"
#include "suite.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

static void completions_come_exactly_once(void)
{
    enum { count = 500 };
    static int seen[count];
    atlas_client client = open_client("{}");
    char request[64];
    int i;

    memset(seen, 0, sizeof seen);
    for (i = 0; i < count; i++) {
        snprintf(request, sizeof request, "{\"id\":\"n%d\",\"method\":\"atlas.info\"}", i);
        start(client, request, ATLAS_OK);
    }
    for (i = 0; i < count; i++) {
        reply item = next(client, 10000);
        int number = -1;
        CHECK_STATUS(item.status, ATLAS_OK);
        CHECK(strcmp(json_text(item.value, "/type"), "completion") == 0);
        CHECK(json_at(item.value, "/result/version") != NULL);
        if (CHECK(sscanf(json_text(item.value, "/id"), "n%d", &number) == 1 && number >= 0 && number < count))
            seen[number]++;
        forget(&item);
    }
    for (i = 0; i < count; i++)
        if (seen[i] != 1)
            CHECK(!"each completion comes once");
    CHECK_STATUS(next(client, 0).status, ATLAS_TIMEOUT);
    close_client(client);
}

static void next_waits_as_long_as_told(void)
{
    atlas_client client = open_client("{}");
    int64_t began = now_ms();

    CHECK_STATUS(next(client, 0).status, ATLAS_TIMEOUT);
    CHECK_STATUS(next(client, 50).status, ATLAS_TIMEOUT);
    CHECK(now_ms() - began >= 49);
    close_client(client);
    CHECK_STATUS(next(client, -1).status, ATLAS_CLOSED);
}

static void check_ends(reply item, const char *id, const char *kind)
{
    CHECK_STATUS(item.status, ATLAS_OK);
    CHECK(strcmp(json_text(item.value, "/id"), id) == 0);
    if (!CHECK(strcmp(json_text(item.value, "/error/kind"), kind) == 0))
        printf("    %s\n", item.text == NULL ? "(none)" : item.text);
    forget(&item);
}

static void cancel_ends_a_submitted_call(void)
{
    atlas_client client = open_silent_client();

    start(client, hanging_request("a", ""), ATLAS_OK);
    start(client, hanging_request("b", ""), ATLAS_OK);
    start(client, hanging_request("a", ""), ATLAS_BUSY);
    CHECK_STATUS(next(client, 20).status, ATLAS_TIMEOUT);
    CHECK_STATUS(atlas_cancel(client, "b", 1), ATLAS_OK);
    check_ends(next(client, 10000), "b", "cancelled");
    CHECK_STATUS(atlas_cancel(client, "b", 1), ATLAS_OK);
    CHECK_STATUS(atlas_cancel(client, "never", 5), ATLAS_OK);
    CHECK_STATUS(atlas_cancel(client, "a", 1), ATLAS_OK);
    check_ends(next(client, 10000), "a", "cancelled");
    close_client(client);
}

static void deadlines_end_calls(void)
{
    atlas_client client = open_silent_client();
    int64_t began = now_ms();
    reply answer = call(client, hanging_request("d", ",\"deadline_ms\":80"));

    CHECK_STATUS(answer.status, ATLAS_TIMEOUT);
    CHECK(strcmp(json_text(answer.value, "/error/kind"), "timeout") == 0);
    CHECK(now_ms() - began >= 79);
    forget(&answer);
    start(client, hanging_request("e", ",\"deadline_ms\":80"), ATLAS_OK);
    check_ends(next(client, 10000), "e", "timeout");
    close_client(client);
}

static void detached_calls_complete_in_the_queue(void)
{
    atlas_client client = open_silent_client();
    reply answer = call(client, hanging_request("later", ",\"detach_after_ms\":30"));

    CHECK_STATUS(answer.status, ATLAS_PENDING);
    CHECK(strcmp(json_text(answer.value, "/id"), "later") == 0);
    forget(&answer);
    CHECK_STATUS(next(client, 0).status, ATLAS_TIMEOUT);
    CHECK_STATUS(atlas_cancel(client, "later", 5), ATLAS_OK);
    check_ends(next(client, 10000), "later", "cancelled");
    /* One that is done in time is an ordinary call, and nothing comes after it. */
    answer = call(client, "{\"id\":\"now\",\"method\":\"atlas.info\",\"detach_after_ms\":10000}");
    CHECK_STATUS(answer.status, ATLAS_OK);
    forget(&answer);
    CHECK_STATUS(next(client, 0).status, ATLAS_TIMEOUT);
    close_client(client);
}

static void too_many_calls_are_busy(void)
{
    char config[256];
    atlas_client client;

    snprintf(config, sizeof config,
             "{\"default_provider\":\"runpod\",\"limits\":{\"calls\":2},\"providers\":{\"runpod\":{\"api_key\":\"k\",\"base_url\":\"%s\"}}}",
             silent_server());
    client = open_client(config);
    start(client, hanging_request("a", ""), ATLAS_OK);
    start(client, hanging_request("b", ""), ATLAS_OK);
    start(client, hanging_request("c", ""), ATLAS_BUSY);
    CHECK_STATUS(atlas_cancel(client, "a", 1), ATLAS_OK);
    check_ends(next(client, 10000), "a", "cancelled");
    CHECK_STATUS(atlas_cancel(client, "b", 1), ATLAS_OK);
    check_ends(next(client, 10000), "b", "cancelled");
    close_client(client);
}

static void the_last_completions_survive_close(void)
{
    atlas_client client = open_silent_client();
    int i, ended = 0;
    char id[16];

    for (i = 0; i < 5; i++) {
        snprintf(id, sizeof id, "c%d", i);
        start(client, hanging_request(id, ""), ATLAS_OK);
    }
    close_client(client);
    for (;;) {
        reply item = next(client, -1);
        int status = item.status;
        if (status == ATLAS_OK && strcmp(json_text(item.value, "/error/kind"), "cancelled") == 0)
            ended++;
        forget(&item);
        if (status != ATLAS_OK) {
            CHECK_STATUS(status, ATLAS_CLOSED);
            break;
        }
    }
    CHECK(ended == 5);
}

static int readable(int fd, int timeout_ms)
{
    struct pollfd wanted = {fd, POLLIN, 0};
    return poll(&wanted, 1, timeout_ms) == 1 && (wanted.revents & POLLIN) != 0;
}

static void the_wake_descriptor_is_readable_while_there_are_items(void)
{
    atlas_client client = open_client("{}");
    int fd = atlas_wake_fd(client), i;

    CHECK(fd >= 0);
    CHECK(atlas_wake_fd(client) == fd);
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(!readable(fd, 0));
    for (i = 0; i < 50; i++) {
        reply item;
        start(client, "{\"id\":\"a\",\"method\":\"atlas.info\"}", ATLAS_OK);
        CHECK(readable(fd, 10000));
        CHECK(readable(fd, 0)); /* level-triggered: still */
        item = next(client, 0);
        CHECK_STATUS(item.status, ATLAS_OK);
        forget(&item);
        CHECK(!readable(fd, 0));
        while (gauge(client, "calls") > 1) /* the id is free once the call has left */
            ;
    }
    close_client(client);
    CHECK(fcntl(fd, F_GETFD) == -1);
    CHECK(atlas_wake_fd(client) == -1);
}

static void the_wake_descriptor_shows_what_was_there_before_it(void)
{
    atlas_client client = open_client("{}");
    reply item;
    int fd;

    start(client, "{\"id\":\"a\",\"method\":\"atlas.info\"}", ATLAS_OK);
    start(client, "{\"id\":\"b\",\"method\":\"atlas.info\"}", ATLAS_OK);
    item = next(client, 10000);
    forget(&item);
    fd = atlas_wake_fd(client);
    CHECK(readable(fd, 10000));
    item = next(client, 10000);
    CHECK_STATUS(item.status, ATLAS_OK);
    forget(&item);
    CHECK(!readable(fd, 0));
    close_client(client);
}

static void *poll_for_ever(void *argument)
{
    struct pollfd wanted = {*(int *)argument, POLLIN, 0};
    poll(&wanted, 1, 20000);
    return wanted.revents != 0 ? argument : NULL;
}

static void close_wakes_a_thread_in_poll(void)
{
    atlas_client client = open_client("{}");
    int fd = atlas_wake_fd(client);
    pthread_t poller;
    void *woken = NULL;

    CHECK(pthread_create(&poller, NULL, poll_for_ever, &fd) == 0);
    CHECK(!readable(fd, 30)); /* time for the poller to get there; right either way */
    close_client(client);
    CHECK(pthread_join(poller, &woken) == 0);
    CHECK(woken != NULL);
}

static void two_clients_share_nothing(void)
{
    atlas_client first = open_client("{}"), second = open_client("{}");
    reply item;

    CHECK(first != second);
    start(first, "{\"id\":\"same\",\"method\":\"atlas.info\"}", ATLAS_OK);
    start(second, "{\"id\":\"same\",\"method\":\"auth.token.mint\"}", ATLAS_OK);
    item = next(second, 10000);
    CHECK(json_at(item.value, "/result/token") != NULL);
    forget(&item);
    CHECK_STATUS(next(second, 20).status, ATLAS_TIMEOUT);
    close_client(second);
    item = next(first, 10000);
    CHECK(json_at(item.value, "/result/version") != NULL);
    forget(&item);
    close_client(first);
}

void run_queue(void)
{
    RUN(completions_come_exactly_once);
    RUN(next_waits_as_long_as_told);
    RUN(cancel_ends_a_submitted_call);
    RUN(deadlines_end_calls);
    RUN(detached_calls_complete_in_the_queue);
    RUN(too_many_calls_are_busy);
    RUN(the_last_completions_survive_close);
    RUN(the_wake_descriptor_is_readable_while_there_are_items);
    RUN(the_wake_descriptor_shows_what_was_there_before_it);
    RUN(close_wakes_a_thread_in_poll);
    RUN(two_clients_share_nothing);
}
