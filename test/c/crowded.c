/* Opens a client in a process that has no descriptor left, then one with one left,
 * then one with room. run.sh demands that the program lives to tell all three. */
#define _GNU_SOURCE
#include "atlas.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int opens(void)
{
    static const char request[] = "{\"method\":\"atlas.info\"}";
    atlas_client client = 9;
    char *document = NULL;
    int status = atlas_open(NULL, 0, &client, &document, NULL);

    if (status == ATLAS_FAILED && (client != 0 || document == NULL || strstr(document, "too many open files") == NULL))
        status = ATLAS_INTERNAL;
    atlas_free(document);
    if (status == ATLAS_OK) {
        status = atlas_call(client, request, sizeof request - 1, &document, NULL);
        atlas_free(document);
        atlas_close(client, -1);
    }
    return status;
}

int main(void)
{
    struct rlimit limit = {64, 64};
    int last = -1, before, i, found[3];

    setrlimit(RLIMIT_NOFILE, &limit);
    while ((i = dup(1)) >= 0)
        last = i;
    before = last - 1;
    for (i = 0; i < 3; i++) {
        found[i] = opens();
        if (i == 0)
            close(last);
        else if (i == 1)
            close(before);
    }
    for (i = 0; i < 3; i++)
        printf("%s%s", i == 0 ? "" : " ", atlas_status_name(found[i]));
    printf("\n");
    return 0;
}
