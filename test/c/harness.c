#define _GNU_SOURCE
#include "harness.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int passed, failed, broken;

int test_check(int ok, const char *what, const char *file, int line)
{
    if (!ok) {
        __atomic_store_n(&broken, 1, __ATOMIC_RELAXED);
        printf("    %s:%d: not true: %s\n", file, line, what);
        fflush(stdout);
    }
    return ok;
}

int test_status(int got, int wanted, const char *what, const char *file, int line)
{
    if (got != wanted) {
        __atomic_store_n(&broken, 1, __ATOMIC_RELAXED);
        printf("    %s:%d: %s is %s (%d), want %s\n", file, line, what, atlas_status_name(got), got, atlas_status_name(wanted));
        fflush(stdout);
    }
    return got == wanted;
}

static const char *const held[] = {"allocations", "clients", "wake_fds", "goroutines"}; /* of the whole process */
enum { gauges = sizeof held / sizeof held[0] };
static double before[gauges]; /* what earlier tests left: each failure is told once */

/* Whether the library holds no more than before the test. */
static int nothing_left(void *argument)
{
    int i;

    for (i = 0; i < gauges; i++)
        if (gauge(*(atlas_client *)argument, held[i]) > before[i])
            return 0;
    return 1;
}

void test_run(const char *name, void (*test)(void))
{
    atlas_client checker = open_client("{}");
    int i;

    for (i = 0; i < gauges; i++)
        before[i] = gauge(checker, held[i]);
    close_client(checker);
    broken = 0;
    printf("%s\n", name);
    fflush(stdout);
    test();
    checker = open_client("{}");
    if (!CHECK(eventually(nothing_left, &checker)))
        for (i = 0; i < gauges; i++)
            printf("    %s left: %.0f\n", held[i], gauge(checker, held[i]) - before[i]);
    close_client(checker);
    if (broken)
        failed++;
    else
        passed++;
    printf("  %s\n", broken ? "FAILED" : "ok");
    fflush(stdout);
}

int test_finish(void)
{
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0 || passed == 0;
}

atlas_client open_client(const char *config)
{
    atlas_client client = 0;
    char *document = NULL;
    int status = atlas_open(config, strlen(config), &client, &document, NULL);

    if (!CHECK_STATUS(status, ATLAS_OK))
        printf("    %s\n", document == NULL ? "no document" : document);
    CHECK(client != 0);
    atlas_free(document);
    return client;
}

void close_client(atlas_client client)
{
    CHECK_STATUS(atlas_close(client, -1), ATLAS_OK);
}

static reply with_value(reply answer)
{
    answer.value = json_parse(answer.text, answer.size);
    if (answer.text != NULL) {
        CHECK(answer.text[answer.size] == '\0');
        CHECK(strlen(answer.text) == answer.size);
        CHECK(answer.value != NULL && answer.value->type == JSON_OBJECT);
    } else {
        CHECK(answer.size == 0);
    }
    return answer;
}

reply call(atlas_client client, const char *request)
{
    reply answer = {0, NULL, 77, NULL};
    answer.status = atlas_call(client, request, strlen(request), &answer.text, &answer.size);
    return with_value(answer);
}

reply submit(atlas_client client, const char *request)
{
    reply answer = {0, NULL, 77, NULL};
    answer.status = atlas_submit(client, request, strlen(request), &answer.text, &answer.size);
    return with_value(answer);
}

void start(atlas_client client, const char *request, int wanted)
{
    reply answer = submit(client, request);
    if (!CHECK_STATUS(answer.status, wanted))
        printf("    %s: %s\n", request, answer.text == NULL ? "no document" : answer.text);
    CHECK((answer.text == NULL) == (answer.status == ATLAS_OK));
    forget(&answer);
}

reply next(atlas_client client, int64_t timeout_ms)
{
    reply answer = {0, NULL, 77, NULL};
    answer.status = atlas_next(client, timeout_ms, &answer.text, &answer.size);
    return with_value(answer);
}

void forget(reply *answer)
{
    atlas_free(answer->text);
    json_free(answer->value);
    answer->text = NULL;
    answer->value = NULL;
}

double gauge(atlas_client client, const char *name)
{
    char path[64];
    double value;
    reply answer = call(client, "{\"method\":\"atlas.info\"}");

    snprintf(path, sizeof path, "/result/live/%s", name);
    value = json_at(answer.value, path) == NULL ? -1 : json_number(answer.value, path);
    forget(&answer);
    return value;
}

int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int count_self(const char *folder)
{
    char path[64];
    DIR *open_folder;
    int count = 0;

    snprintf(path, sizeof path, "/proc/self/%s", folder);
    open_folder = opendir(path);
    if (open_folder == NULL)
        return -1;
    while (readdir(open_folder) != NULL)
        count++;
    closedir(open_folder);
    return count - 3; /* ".", ".." and the folder itself */
}

int eventually(int (*reached)(void *), void *argument)
{
    int64_t until = now_ms() + 10000;

    while (!reached(argument)) {
        if (now_ms() > until)
            return 0;
        usleep(2000);
    }
    return 1;
}

const char *silent_server(void)
{
    static char url[64];
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    int listener;

    if (url[0] != '\0')
        return url;
    /* Nobody accepts: the system completes the connections and keeps what is sent. */
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return url;
}

atlas_client open_silent_client(void)
{
    char config[256];
    snprintf(config, sizeof config,
             "{\"default_provider\":\"runpod\",\"providers\":{\"runpod\":{\"api_key\":\"test-key\",\"base_url\":\"%s\"}}}", silent_server());
    return open_client(config);
}

const char *hanging_request(const char *id, const char *extra)
{
    static __thread char request[256];
    snprintf(request, sizeof request, "{\"id\":\"%s\",\"method\":\"compute.get\",\"params\":{\"id\":\"pod1\"}%s}", id, extra);
    return request;
}
