/*
 * Holds many calls in flight and tells what memory they take.
 *
 *   flood -n CALLS -c CONFIG METHOD PARAMS
 *
 * After one call of its own it submits CALLS calls, prints {"submitted":N}, and
 * waits for a line on standard input, which says that all of them wait for the
 * server. Then it prints its resident memory before and now, waits for another
 * line (the server answers now), takes all completions and prints how many
 * failed.
 */
#define _GNU_SOURCE
#include "atlas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1)
        exit(1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void await_line(void)
{
    char line[16];

    if (fgets(line, sizeof line, stdin) == NULL)
        exit(1);
}

int main(int count, char **arguments)
{
    const char *config = "{}";
    long calls = 10000, failed = 0, before, during, i;
    char request[1024], *answer = NULL;
    atlas_client client;
    int option, status;

    while ((option = getopt(count, arguments, "n:c:")) != -1) {
        switch (option) {
        case 'n': calls = atol(optarg); break;
        case 'c': config = optarg; break;
        default: return 2;
        }
    }
    if (count - optind != 2 || atlas_open(config, strlen(config), &client, &answer, NULL) != ATLAS_OK) {
        fprintf(stderr, "usage, or %s\n", answer == NULL ? "atlas_open failed" : answer);
        return 2;
    }
    snprintf(request, sizeof request, "{\"method\":\"%s\",\"params\":%s}", arguments[optind], arguments[optind + 1]);
    if ((status = atlas_call(client, request, strlen(request), &answer, NULL)) != ATLAS_OK) {
        fprintf(stderr, "the first call: %s %s\n", atlas_status_name(status), answer);
        return 1;
    }
    atlas_free(answer);
    before = resident_bytes();
    for (i = 0; i < calls; i++) {
        snprintf(request, sizeof request, "{\"id\":\"%ld\",\"method\":\"%s\",\"params\":%s}", i, arguments[optind], arguments[optind + 1]);
        if (atlas_submit(client, request, strlen(request), NULL, NULL) != ATLAS_OK)
            return 1;
    }
    printf("{\"submitted\":%ld}\n", calls);
    fflush(stdout);
    await_line();
    during = resident_bytes();
    printf("{\"before_bytes\":%ld,\"during_bytes\":%ld}\n", before, during);
    fflush(stdout);
    await_line();
    for (i = 0; i < calls; i++) {
        if (atlas_next(client, 120000, &answer, NULL) != ATLAS_OK)
            return 1;
        if (strstr(answer, "\"error\"") != NULL && failed++ == 0)
            fprintf(stderr, "%s\n", answer);
        atlas_free(answer);
    }
    printf("{\"failed\":%ld,\"after_bytes\":%ld}\n", failed, resident_bytes());
    return atlas_close(client, -1) == ATLAS_OK ? 0 : 1;
}
