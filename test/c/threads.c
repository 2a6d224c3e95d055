/* Many threads, and closing while they are at it. */
#include "harness.h"
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>

enum { callers = 32, calls_each = 300, blocked = 1000 };

static int start_small(pthread_t *thread, void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    int failed;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    failed = pthread_create(thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    return failed;
}

static void *call_often(void *argument)
{
    atlas_client client = *(atlas_client *)argument;
    intptr_t right = 0;
    int i;

    for (i = 0; i < calls_each; i++) {
        reply answer = call(client, i % 2 ? "{\"method\":\"atlas.info\"}" : "{\"method\":\"auth.token.mint\"}");
        right += answer.status == ATLAS_OK && json_at(answer.value, i % 2 ? "/result/version" : "/result/token") != NULL;
        forget(&answer);
    }
    return (void *)right;
}

static void many_threads_call_one_client(void)
{
    atlas_client client = open_client("{}");
    pthread_t threads[callers];
    intptr_t right = 0;
    int i;

    for (i = 0; i < callers; i++)
        CHECK(start_small(&threads[i], call_often, &client) == 0);
    for (i = 0; i < callers; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        right += (intptr_t)result;
    }
    CHECK(right == callers * calls_each);
    close_client(client);
}

static void *open_and_close(void *argument)
{
    int i;

    (void)argument;
    for (i = 0; i < 20; i++) {
        atlas_client client = open_client("{}");
        reply answer = call(client, "{\"method\":\"atlas.info\"}");
        CHECK_STATUS(answer.status, ATLAS_OK);
        forget(&answer);
        atlas_wake_fd(client);
        close_client(client);
    }
    return NULL;
}

static void many_threads_open_and_close(void)
{
    pthread_t threads[callers];
    int i, descriptors = count_self("fd");

    for (i = 0; i < callers; i++)
        CHECK(start_small(&threads[i], open_and_close, NULL) == 0);
    for (i = 0; i < callers; i++)
        pthread_join(threads[i], NULL);
    CHECK(count_self("fd") <= descriptors);
}

typedef struct {
    atlas_client client;
    int number, status;
    pthread_t thread;
} waiter;

static void *wait_in_call(void *argument)
{
    waiter *self = argument;
    char id[16];
    reply answer;

    snprintf(id, sizeof id, "w%d", self->number);
    answer = call(self->client, hanging_request(id, ""));
    self->status = answer.status;
    forget(&answer);
    return NULL;
}

static void *wait_in_next(void *argument)
{
    waiter *self = argument;
    reply item = next(self->client, -1);

    self->status = item.status;
    forget(&item);
    return NULL;
}

static int all_are_waiting(void *argument)
{
    waiter *first = argument;
    return gauge(first->client, "calls") >= blocked;
}

static void close_ends_a_thousand_waiting_threads(void)
{
    atlas_client client = open_silent_client();
    waiter *waiters = calloc(2 * blocked, sizeof *waiters);
    int i;
    int64_t began;

    for (i = 0; i < 2 * blocked; i++) {
        waiters[i].client = client;
        waiters[i].number = i;
        CHECK(start_small(&waiters[i].thread, i < blocked ? wait_in_call : wait_in_next, &waiters[i]) == 0);
    }
    CHECK(eventually(all_are_waiting, waiters));
    began = now_ms();
    CHECK_STATUS(atlas_close(client, 60000), ATLAS_OK);
    for (i = 0; i < 2 * blocked; i++)
        pthread_join(waiters[i].thread, NULL);
    printf("    %d threads ended %lld ms after atlas_close\n", 2 * blocked, (long long)(now_ms() - began));
    for (i = 0; i < 2 * blocked; i++)
        if (i < blocked ? waiters[i].status != ATLAS_CANCELLED && waiters[i].status != ATLAS_CLOSED : waiters[i].status != ATLAS_CLOSED) {
            CHECK_STATUS(waiters[i].status, i < blocked ? ATLAS_CANCELLED : ATLAS_CLOSED);
            break;
        }
    free(waiters);
}

static void *use_until_closed(void *argument)
{
    waiter *self = argument;
    int status;

    do {
        char id[64];
        reply answer;
        if (self->number % 3 == 0) {
            answer = call(self->client, "{\"method\":\"atlas.info\"}");
        } else if (self->number % 3 == 1) {
            snprintf(id, sizeof id, "{\"id\":\"u%d\",\"method\":\"atlas.info\"}", self->number);
            answer = submit(self->client, id);
            if (answer.status == ATLAS_BUSY) /* its last call is still in flight */
                answer.status = ATLAS_OK;
        } else {
            answer = next(self->client, 1000);
            if (answer.status == ATLAS_TIMEOUT)
                answer.status = ATLAS_OK;
        }
        atlas_wake_fd(self->client);
        status = answer.status;
        forget(&answer);
    } while (status == ATLAS_OK);
    self->status = status;
    return NULL;
}

static void close_is_safe_while_threads_use_the_client(void)
{
    int round, i;

    for (round = 0; round < 10; round++) {
        atlas_client client = open_client("{}");
        waiter users[12];
        for (i = 0; i < 12; i++) {
            users[i].client = client;
            users[i].number = i;
            CHECK(start_small(&users[i].thread, use_until_closed, &users[i]) == 0);
        }
        gauge(client, "calls"); /* somewhere in the middle of their work */
        close_client(client);
        close_client(client);
        for (i = 0; i < 12; i++) {
            pthread_join(users[i].thread, NULL);
            CHECK(users[i].status == ATLAS_CLOSED || users[i].status == ATLAS_CANCELLED);
        }
        while (next(client, 0).status == ATLAS_OK)
            CHECK(!"the takers had left an item, and it was lost");
    }
}

void run_threads(void)
{
    RUN(many_threads_call_one_client);
    RUN(many_threads_open_and_close);
    RUN(close_ends_a_thousand_waiting_threads);
    RUN(close_is_safe_while_threads_use_the_client);
}
