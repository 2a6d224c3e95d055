/*
 * Calls one method many times through the C interface and prints one JSON line.
 *
 *   callbench [-n CALLS] [-w WARM-UP CALLS] [-t THREADS] [-c CONFIG] [-s] [REQUEST]
 *
 * REQUEST is a whole request; the line also tells how long opening and the first
 * call took. With -s, for which it needs an id, each is submitted, and its
 * completion awaited at the descriptor as an event loop does. Without one the line holds the cost of a call that
 * does not enter Go (atlas_abi_version), of one that does and is refused there
 * (atlas_call without a client), and of atlas.info.
 */
#define _GNU_SOURCE
#include "atlas.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    atlas_client client;
    const char *request;
    long calls;
    long failed;
    int submits;
} load;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Submits a request and waits for its completion. */
static int submit_and_wait(const load *l, size_t size, char **answer)
{
    struct pollfd wake = {.fd = atlas_wake_fd(l->client), .events = POLLIN};
    int status = atlas_submit(l->client, l->request, size, answer, NULL);

    if (status != ATLAS_OK)
        return status;
    do {
        if (poll(&wake, 1, -1) < 0)
            return ATLAS_INTERNAL;
        status = atlas_next(l->client, 0, answer, NULL);
    } while (status == ATLAS_TIMEOUT);
    if (status == ATLAS_OK && strstr(*answer, "\"error\":") != NULL)
        return ATLAS_FAILED;
    return status;
}

static void *run(void *argument)
{
    load *l = argument;
    size_t size = strlen(l->request);
    long i;

    for (i = 0; i < l->calls; i++) {
        char *answer = NULL;
        int status = l->submits ? submit_and_wait(l, size, &answer) : atlas_call(l->client, l->request, size, &answer, NULL);
        if (status != ATLAS_OK && l->failed++ == 0)
            fprintf(stderr, "%s %s\n", atlas_status_name(status), answer == NULL ? "" : answer);
        atlas_free(answer);
    }
    return NULL;
}

/* ns per call, over all threads; exits when a call fails. */
static double measure(atlas_client client, const char *request, long calls, int threads, int submits)
{
    pthread_t *started = calloc((size_t)threads, sizeof *started);
    load *loads = calloc((size_t)threads, sizeof *loads);
    double start = now_ns(), taken;
    int i;

    for (i = 0; i < threads; i++) {
        loads[i].client = client;
        loads[i].request = request;
        loads[i].calls = calls / threads;
        loads[i].submits = submits;
        if (pthread_create(&started[i], NULL, run, &loads[i]) != 0)
            exit(1);
    }
    for (i = 0; i < threads; i++) {
        pthread_join(started[i], NULL);
        if (loads[i].failed != 0)
            exit(1);
    }
    taken = now_ns() - start;
    free(started);
    free(loads);
    return taken / (double)(calls / threads * threads);
}

static double measure_version(long calls)
{
    volatile int sum = 0;
    double start = now_ns();
    long i;

    for (i = 0; i < calls; i++)
        sum += atlas_abi_version();
    return (now_ns() - start) / (double)calls;
}

static double measure_refusal(long calls)
{
    double start = now_ns();
    char *answer;
    long i;

    for (i = 0; i < calls; i++)
        if (atlas_call(1, "{}", 2, &answer, NULL) != ATLAS_BAD_CLIENT)
            exit(1);
    return (now_ns() - start) / (double)calls;
}

int main(int count, char **arguments)
{
    const char *config = "{}";
    long calls = 100000, warm_up = -1;
    int threads = 1, submits = 0, option;
    atlas_client client;
    char *mistake = NULL;
    double open_start, open_ns;

    while ((option = getopt(count, arguments, "n:w:t:c:s")) != -1) {
        switch (option) {
        case 'n': calls = atol(optarg); break;
        case 'w': warm_up = atol(optarg); break;
        case 't': threads = atoi(optarg); break;
        case 'c': config = optarg; break;
        case 's': submits = 1; break;
        default: return 2;
        }
    }
    if (calls < 1 || threads < 1 || calls < threads || (submits && (threads > 1 || optind == count)))
        return 2;
    if (warm_up < 0)
        warm_up = calls / 10 + 1;
    open_start = now_ns();
    if (atlas_open(config, strlen(config), &client, &mistake, NULL) != ATLAS_OK) {
        fprintf(stderr, "%s\n", mistake == NULL ? "atlas_open failed" : mistake);
        return 1;
    }
    open_ns = now_ns() - open_start;
    if (optind < count) {
        double first_ns = measure(client, arguments[optind], 1, 1, submits);
        measure(client, arguments[optind], warm_up, 1, submits);
        printf("{\"calls\":%ld,\"threads\":%d,\"ns_per_call\":%.1f,\"open_ns\":%.0f,\"first_ns\":%.0f}\n", calls, threads,
               measure(client, arguments[optind], calls, threads, submits), open_ns, first_ns);
    } else {
        static const char info[] = "{\"method\":\"atlas.info\"}";
        measure(client, info, warm_up, 1, 0);
        printf("{\"calls\":%ld,\"threads\":%d,\"abi_version_ns\":%.1f,\"refused_call_ns\":%.1f,\"info_ns\":%.1f,\"open_ns\":%.0f}\n", calls,
               threads, measure_version(calls), measure_refusal(calls), measure(client, info, calls, threads, 0), open_ns);
    }
    atlas_close(client, -1);
    return 0;
}
