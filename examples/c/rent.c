/*
 * Rents a GPU for one user, waits for it, shows what the browser needs, and
 * gives it back.
 *
 *   cc rent.c $(pkg-config --cflags --libs exatlas) -o rent
 *   RUNPOD_API_KEY=... ./rent               on RunPod: costs money
 *   RUNPOD_API_KEY=any ./rent BASE_URL      on the simulator: see `exatlas sim`
 */
#include <atlas.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text of the first member of that name. A real program uses its JSON
 * library here; this one has none. */
static char *member(const char *document, const char *name)
{
    char quoted[64];
    const char *start = NULL;
    size_t size = 0;
    char *text;

    sprintf(quoted, "\"%.50s\":\"", name);
    if (document != NULL)
        start = strstr(document, quoted);
    if (start != NULL) {
        start += strlen(quoted);
        size = strcspn(start, "\"");
    }
    text = calloc(size + 1, 1);
    if (text == NULL)
        exit(1);
    memcpy(text, start == NULL ? "" : start, size);
    return text;
}

/* Calls a method; the answer is the caller's: atlas_free. */
static char *call(atlas_client client, const char *method, const char *params, int *failed)
{
    char *answer = NULL, *request = malloc(strlen(method) + strlen(params) + 64);
    int status;

    if (request == NULL)
        exit(1);
    sprintf(request, "{\"method\":\"%s\",\"params\":%s,\"deadline_ms\":660000}", method, params);
    status = atlas_call(client, request, strlen(request), &answer, NULL);
    free(request);
    if (status != ATLAS_OK) {
        fprintf(stderr, "%s: %s %s\n", method, atlas_status_name(status), answer == NULL ? "" : answer);
        *failed = 1;
    }
    return answer;
}

static int rent(atlas_client client)
{
    int failed = 0;
    char *machine = call(client, "compute.spawn",
                         "{\"gpu\":[\"rtx_4090\",\"l40s\",\"h100\"],\"image\":\"ghcr.io/me/inference:latest\","
                         "\"ports\":[{\"internal\":8000}],\"auth\":\"bearer\"}",
                         &failed);
    char *id = member(machine, "id"), *gpu = member(machine, "gpu_type"), *header = member(machine, "header"), *url, *ready, *gone;
    char params[256];

    if (!failed) {
        printf("rented %s, machine %s\n", gpu, id);
        sprintf(params, "{\"id\":\"%.128s\",\"timeout_ms\":600000}", id);
        ready = call(client, "compute.await_ready", params, &failed);
        url = member(ready, "url");
        printf("the browser calls %s\nwith the header %.30s...\n", url, header);

        sprintf(params, "{\"id\":\"%.128s\"}", id);
        gone = call(client, "compute.terminate", params, &failed); /* whatever happened before: it costs money */
        if (!failed)
            printf("given back\n");
        atlas_free(ready);
        atlas_free(gone);
        free(url);
    }
    atlas_free(machine);
    free(id);
    free(gpu);
    free(header);
    return failed;
}

int main(int count, char **arguments)
{
    atlas_client client;
    char config[512], *mistake = NULL;
    int status, failed = 1;

    /* The key comes from RUNPOD_API_KEY; it may stand here as "api_key" too. */
    sprintf(config, "{\"default_provider\":\"runpod\",\"providers\":{\"runpod\":{\"base_url\":\"%.300s\"}}}",
            count > 1 ? arguments[1] : "");
    status = atlas_open(config, strlen(config), &client, &mistake, NULL);
    if (status == ATLAS_OK)
        failed = rent(client);
    else
        fprintf(stderr, "atlas_open: %s %s\n", atlas_status_name(status), mistake == NULL ? "" : mistake);
    atlas_free(mistake);
    atlas_close(client, -1);
    return failed;
}
