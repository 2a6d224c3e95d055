/* What the library does to the process it is in. */
#define _GNU_SOURCE
#include "harness.h"
#include "suite.h"

#include <stdlib.h>

static int configured(atlas_client client)
{
    reply answer = call(client, "{\"method\":\"providers.list\"}");
    const json *item = json_at(answer.value, "/result/items");
    int found = -1;

    CHECK_STATUS(answer.status, ATLAS_OK);
    for (item = item == NULL ? NULL : item->child; item != NULL; item = item->next)
        if (strcmp(json_text(item, "/name"), "runpod") == 0 && json_at(item, "/credential/configured") != NULL)
            found = json_at(item, "/credential/configured")->type == JSON_TRUE;
    forget(&answer);
    return found;
}

static void the_environment_is_read_when_a_client_opens(void)
{
    atlas_client before, after;

    unsetenv("RUNPOD_API_KEY");
    before = open_client("{}");
    setenv("RUNPOD_API_KEY", "set-by-the-program", 1);
    after = open_client("{}");
    CHECK(configured(before) == 0);
    CHECK(configured(after) == 1); /* C's environment, not the copy Go made when it was loaded */
    unsetenv("RUNPOD_API_KEY");
    CHECK(configured(after) == 1);
    close_client(before);
    close_client(after);
}

static void drain(atlas_client client)
{
    reply item;

    do {
        item = next(client, 0);
        forget(&item);
    } while (item.status == ATLAS_OK);
}

static void clients_leave_no_descriptor_thread_or_goroutine(void)
{
    atlas_client watcher = open_client("{}");
    int descriptors = count_self("fd"), i;
    double goroutines = gauge(watcher, "goroutines");

    for (i = 0; i < 100; i++) {
        atlas_client client = open_client("{}");
        CHECK(atlas_wake_fd(client) >= 0);
        start(client, "{\"id\":\"x\",\"method\":\"atlas.info\"}", ATLAS_OK);
        close_client(client);
        drain(client);
    }
    CHECK(count_self("fd") <= descriptors);
    CHECK(gauge(watcher, "goroutines") <= goroutines + 5);
    CHECK(count_self("task") <= 64);
    close_client(watcher);
}

void run_process(void)
{
    RUN(the_environment_is_read_when_a_client_opens);
    RUN(clients_leave_no_descriptor_thread_or_goroutine);
}
