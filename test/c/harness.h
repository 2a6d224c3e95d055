/*
 * harness.h - a test prints its name and what went wrong; the last line of a
 * program is "N passed, N failed". After each test the library must hold
 * nothing of it: no memory, no client, no goroutine, no wake-up descriptor.
 */
#ifndef TEST_HARNESS_H
#define TEST_HARNESS_H

#include "atlas.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

#define CHECK(condition) test_check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define CHECK_STATUS(got, wanted) test_status((got), (wanted), #got, __FILE__, __LINE__)
#define RUN(test) test_run(#test, test)

typedef struct {
    int status;
    char *text; /* NULL or atlas_free */
    size_t size;
    json *value; /* NULL or json_free */
} reply;

void test_run(const char *name, void (*test)(void));
int test_check(int ok, const char *what, const char *file, int line);
int test_status(int got, int wanted, const char *what, const char *file, int line);
/* Prints the closing line; the exit status of the program. */
int test_finish(void);

/* A client with that configuration; fails the test when there is none. */
atlas_client open_client(const char *config);
void close_client(atlas_client client);

reply call(atlas_client client, const char *request);
reply submit(atlas_client client, const char *request);
/* Submits and expects that status. */
void start(atlas_client client, const char *request, int wanted);
reply next(atlas_client client, int64_t timeout_ms);
void forget(reply *answer);

/* A gauge of atlas.info, asked of client. */
double gauge(atlas_client client, const char *name);

/* Milliseconds of a clock that only goes forward. */
int64_t now_ms(void);

/* Entries of a folder of /proc/self, such as "fd" or "task". */
int count_self(const char *folder);

/* Waits at most ten seconds until reached answers true. */
int eventually(int (*reached)(void *), void *argument);

/* A server on the loopback that takes connections and never answers: a call to
 * it lasts until it is cancelled. Its URL, and what stops it. */
const char *silent_server(void);
/* A client whose provider "runpod" is that server. */
atlas_client open_silent_client(void);
/* A request that hangs there. Static text; the id is the caller's. */
const char *hanging_request(const char *id, const char *extra);

#endif
