/* A child of fork: everything but the four answers ATLAS_FORKED, at once. */
#define _GNU_SOURCE
#include "harness.h"
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs body in a child that is killed should it hang; its exit status. */
static int in_child(int (*body)(void *), void *argument)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        alarm(10);
        _exit(body(argument));
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

typedef struct {
    atlas_client client;
    char *text;
} before_fork;

static int use_everything(void *argument)
{
    static const char info[] = "{\"method\":\"atlas.info\"}";
    before_fork *given = argument;
    atlas_client other = 3;
    char *text = (char *)info;
    size_t size = 9;
    int64_t start = now_ms();

    if (atlas_open("{}", 2, &other, &text, &size) != ATLAS_FORKED || other != 0 || text != NULL || size != 0)
        return 1;
    if (atlas_call(given->client, info, sizeof info - 1, &text, &size) != ATLAS_FORKED || text != NULL)
        return 2;
    if (atlas_submit(given->client, info, sizeof info - 1, &text, &size) != ATLAS_FORKED || text != NULL)
        return 3;
    if (atlas_next(given->client, -1, &text, &size) != ATLAS_FORKED || text != NULL)
        return 4;
    if (atlas_cancel(given->client, "x", 1) != ATLAS_FORKED)
        return 5;
    if (atlas_close(given->client, -1) != ATLAS_FORKED)
        return 6;
    if (atlas_wake_fd(given->client) != -1)
        return 7;
    atlas_free(given->text);
    if (atlas_abi_version() != ATLAS_ABI_VERSION || strcmp(atlas_status_name(ATLAS_FORKED), "ATLAS_FORKED") != 0)
        return 8;
    if (strlen(atlas_version()) == 0)
        return 9;
    return now_ms() - start < 1000 ? 0 : 10;
}

static void a_child_is_refused_at_once(void)
{
    before_fork given;
    reply answer;

    given.client = open_client("{}");
    answer = call(given.client, "{\"method\":\"atlas.info\"}");
    given.text = answer.text;
    CHECK(in_child(use_everything, &given) == 0);
    CHECK(gauge(given.client, "allocations") == 1); /* the child freed its own copy */
    forget(&answer);
    close_client(given.client);
}

static int execute(void *argument)
{
    (void)argument;
    execl("/bin/sh", "sh", "-c", "exit 42", (char *)NULL);
    return 1;
}

static void a_child_can_exec(void)
{
    atlas_client client = open_client("{}");

    CHECK(in_child(execute, NULL) == 42);
    CHECK(WEXITSTATUS(system("exit 7")) == 7);
    close_client(client);
}

static int fork_again(void *argument) { return in_child(use_everything, argument); }

static void a_grandchild_is_refused_too(void)
{
    before_fork given;

    given.client = open_client("{}");
    given.text = NULL;
    CHECK(in_child(fork_again, &given) == 0);
    close_client(given.client);
}

static void *call_until_told(void *argument)
{
    before_fork *shared = argument;
    intptr_t wrong = 0;

    while (__atomic_load_n(&shared->text, __ATOMIC_ACQUIRE) == NULL) {
        reply answer = call(shared->client, "{\"method\":\"auth.token.mint\"}");
        wrong += answer.status != ATLAS_OK;
        forget(&answer);
    }
    return (void *)wrong;
}

static void the_parent_goes_on_while_it_forks(void)
{
    static char done;
    before_fork shared, given;
    pthread_t threads[4];
    int i;

    given.client = shared.client = open_client("{}");
    given.text = shared.text = NULL;
    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, call_until_told, &shared) == 0);
    for (i = 0; i < 20; i++)
        CHECK(in_child(use_everything, &given) == 0);
    __atomic_store_n(&shared.text, &done, __ATOMIC_RELEASE);
    for (i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        CHECK(wrong == NULL);
    }
    close_client(shared.client);
}

void run_fork(void)
{
    RUN(a_child_is_refused_at_once);
    RUN(a_child_can_exec);
    RUN(a_grandchild_is_refused_too);
    RUN(the_parent_goes_on_while_it_forks);
}
