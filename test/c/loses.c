/* Loses 25 answers on purpose: run.sh demands that the leak sanitizer and the
 * library's own count both find them, or their silence elsewhere proves nothing. */
#include "atlas.h"

#include <stdio.h>
#include <string.h>

static void lose(atlas_client client)
{
    static const char request[] = "{\"method\":\"auth.token.mint\"}";
    char *answer = NULL;

    atlas_call(client, request, sizeof request - 1, &answer, NULL);
    memset(&answer, 0, sizeof answer);
}

int main(void)
{
    static const char info[] = "{\"method\":\"atlas.info\"}";
    atlas_client client = 0;
    char *answer = NULL;
    const char *count;
    int i;

    if (atlas_open("{}", 2, &client, NULL, NULL) != ATLAS_OK)
        return 9;
    for (i = 0; i < 25; i++)
        lose(client);
    if (atlas_call(client, info, sizeof info - 1, &answer, NULL) != ATLAS_OK)
        return 9;
    count = strstr(answer, "\"allocations\":25");
    printf("the library counts %s\n", count == NULL ? "something else than 25" : "25");
    atlas_free(answer);
    atlas_close(client, -1);
    fflush(stdout);
    return 0;
}
