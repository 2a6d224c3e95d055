/*
 * Runs the files of test/conformance named on the command line: each is a
 * client, and requests with the status and the shape of their answers. The
 * format is described in test/conformance/README.md.
 */
#define _GNU_SOURCE
#include "harness.h"
#include "sim.h"

#include <stdlib.h>

enum { most_saved = 64 };

static struct {
    char *name;
    json *value;
} saved[most_saved];
static int saved_count;
static const char *file_name;
static json *file;
static json *simulators;

static void save(const char *name, const json *value)
{
    int i;

    for (i = 0; i < saved_count && strcmp(saved[i].name, name) != 0; i++)
        ;
    if (!CHECK(i < most_saved && value != NULL))
        return;
    if (i == saved_count)
        saved[saved_count++].name = strdup(name);
    else
        json_free(saved[i].value);
    saved[i].value = json_copy(value);
}

static void forget_saved(void)
{
    while (saved_count > 0) {
        free(saved[--saved_count].name);
        json_free(saved[saved_count].value);
    }
}

static const json *lookup(const char *name, size_t size)
{
    int i;

    for (i = 0; i < saved_count; i++)
        if (strlen(saved[i].name) == size && memcmp(saved[i].name, name, size) == 0)
            return saved[i].value;
    printf("    %s: nothing was saved as %.*s\n", file_name, (int)size, name);
    CHECK(!"every variable is saved before it is used");
    return NULL;
}

/* Replaces ${name} in every string. A string that is one variable becomes its
 * value, of whatever type. */
static void substitute(json *value)
{
    json *child;
    char *open_brace, *close_brace;

    for (child = value->child; child != NULL; child = child->next)
        substitute(child);
    if (value->type != JSON_STRING)
        return;
    while ((open_brace = strstr(value->text, "${")) != NULL && (close_brace = strchr(open_brace, '}')) != NULL) {
        const json *found = lookup(open_brace + 2, (size_t)(close_brace - open_brace - 2));
        char *text = NULL;
        if (found == NULL)
            return;
        if (open_brace == value->text && close_brace[1] == '\0') {
            json *copy = json_copy(found);
            free(value->text);
            value->type = copy->type;
            value->text = copy->text;
            value->child = copy->child;
            free(copy);
            return;
        }
        *open_brace = '\0';
        if (asprintf(&text, "%s%s%s", value->text, found->text == NULL ? "" : found->text, close_brace + 1) < 0)
            abort();
        free(value->text);
        value->text = text;
    }
}

static json *substituted(const json *value)
{
    json *copy = json_copy(value);
    substitute(copy);
    return copy;
}

static int mismatch(const char *path, const char *what, const json *pattern)
{
    char *text = json_print(pattern);
    printf("    %s: at %s: %s, want %s\n", file_name, *path == '\0' ? "the top" : path, what, text);
    free(text);
    return 0;
}

/* Whether value, NULL when absent, is what the pattern asks for. */
static int matches(const json *pattern, const json *value, const char *path)
{
    const json *wanted, *got;
    char inner[512];
    int index = 0;

    if (pattern->type == JSON_STRING && strcmp(pattern->text, "$absent") == 0)
        return value == NULL ? 1 : mismatch(path, "something", pattern);
    if (value == NULL)
        return mismatch(path, "nothing", pattern);
    if (pattern->type == JSON_STRING && strcmp(pattern->text, "$any") == 0)
        return 1;
    if (pattern->type == JSON_STRING && (strcmp(pattern->text, "$string") == 0 || strcmp(pattern->text, "$number") == 0))
        return value->type == (pattern->text[1] == 's' ? JSON_STRING : JSON_NUMBER) ? 1 : mismatch(path, "another type", pattern);
    if (pattern->type != value->type)
        return mismatch(path, "another type", pattern);
    switch (pattern->type) {
    case JSON_STRING:
        return strcmp(pattern->text, value->text) == 0 ? 1 : mismatch(path, value->text, pattern);
    case JSON_NUMBER:
        return json_number(pattern, "") == json_number(value, "") ? 1 : mismatch(path, value->text, pattern);
    case JSON_OBJECT:
        for (wanted = pattern->child; wanted != NULL; wanted = wanted->next) {
            for (got = value->child; got != NULL && strcmp(got->key, wanted->key) != 0; got = got->next)
                ;
            snprintf(inner, sizeof inner, "%s/%s", path, wanted->key);
            if (!matches(wanted, got, inner))
                return 0;
        }
        return 1;
    case JSON_ARRAY:
        for (wanted = pattern->child, got = value->child; wanted != NULL || got != NULL; wanted = wanted->next, got = got->next) {
            if (wanted == NULL || got == NULL)
                return mismatch(path, "another number of elements", pattern);
            snprintf(inner, sizeof inner, "%s/%d", path, index++);
            if (!matches(wanted, got, inner))
                return 0;
        }
        return 1;
    default:
        return 1;
    }
}

/* Whether every member is one that the README describes. */
static int described(const json *object, const char *names)
{
    const json *member;
    char name[64];

    for (member = object->child; member != NULL; member = member->next) {
        snprintf(name, sizeof name, " %s ", member->key);
        if (strstr(names, name) == NULL) {
            printf("    %s: what is \"%s\"?\n", file_name, member->key);
            return 0;
        }
    }
    return 1;
}

/* Whether a document holds none of the texts that the file forbids. */
static int keeps_quiet(const char *document)
{
    const json *text = json_at(file, "/never");

    for (text = text == NULL ? NULL : text->child; text != NULL && document != NULL; text = text->next)
        if (strstr(document, text->text) != NULL)
            return 0;
    return 1;
}

static void run_step(atlas_client client, const json *step, int number)
{
    const json *question = json_at(step, "/call"), *wait = json_at(step, "/next"), *variable;
    json *request, *pattern;
    char *text;
    reply answer;
    int ok;

    if (!CHECK(described(step, " call next status answer save ")) || !CHECK((question == NULL) != (wait == NULL)) ||
        !CHECK(json_at(step, "/status") != NULL))
        return;
    request = substituted(question == NULL ? wait : question);
    text = json_print(request);
    answer = question == NULL ? next(client, (int64_t)json_number(wait, "")) : call(client, text);
    ok = CHECK_STATUS(answer.status, (int)json_number(step, "/status"));
    ok = CHECK(keeps_quiet(answer.text)) && ok;
    if (json_at(step, "/answer") != NULL) {
        pattern = substituted(json_at(step, "/answer"));
        ok = CHECK(matches(pattern, answer.value, "")) && ok;
        json_free(pattern);
    }
    if (!ok)
        printf("    %s: step %d: %s\n    answered %s\n", file_name, number, text, answer.text == NULL ? "nothing" : answer.text);
    if (json_at(step, "/save") != NULL)
        for (variable = json_at(step, "/save")->child; variable != NULL; variable = variable->next)
            save(variable->key, json_at(answer.value, variable->text));
    forget(&answer);
    free(text);
    json_free(request);
}

/* Opens with the status and document that a file expects. */
static atlas_client open_as_told(const char *config, const json *expected)
{
    atlas_client client = 0;
    char *document = NULL;
    size_t size = 0;
    json *value, *pattern;

    CHECK(described(expected, " status answer ") && json_at(expected, "/status") != NULL);
    CHECK_STATUS(atlas_open(config, strlen(config), &client, &document, &size), (int)json_number(expected, "/status"));
    CHECK(keeps_quiet(document));
    value = json_parse(document, size);
    if (json_at(expected, "/answer") != NULL) {
        pattern = substituted(json_at(expected, "/answer"));
        CHECK(matches(pattern, value, ""));
        json_free(pattern);
    }
    json_free(value);
    atlas_free(document);
    return client;
}

static json *read_json(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t capacity = 0;
    ssize_t size = file == NULL ? -1 : getdelim(&text, &capacity, '\0', file);
    json *value = size < 0 ? NULL : json_parse(text, (size_t)size);

    free(text);
    if (file != NULL)
        fclose(file);
    return value;
}

static void conformance(void)
{
    const json *step, *simulator;
    json *config;
    atlas_client client;
    char *text;
    int number = 0;

    if (!CHECK(file != NULL && described(file, " name sim config never open steps ")) ||
        !CHECK(json_at(file, "/open") != NULL || (json_at(file, "/steps") != NULL && json_at(file, "/steps")->child != NULL)))
        return;
    for (simulator = simulators->child; simulator != NULL; simulator = simulator->next)
        save(simulator->key, simulator);
    config = json_at(file, "/config") == NULL ? json_parse("{}", 2) : substituted(json_at(file, "/config"));
    text = json_print(config);
    client = json_at(file, "/open") == NULL ? open_client(text) : open_as_told(text, json_at(file, "/open"));
    step = json_at(file, "/steps");
    for (step = step == NULL ? NULL : step->child; client != 0 && step != NULL; step = step->next)
        run_step(client, step, ++number);
    if (client != 0)
        close_client(client);
    free(text);
    json_free(config);
    forget_saved();
}

static int descriptors; /* after the first file: the Go runtime opens its own once */

static int no_descriptor_left(void *argument)
{
    (void)argument;
    return count_self("fd") <= descriptors;
}

int main(int count, char **arguments)
{
    int i;

    for (i = 1; i < count; i++) {
        char *line, *settings;
        file_name = arguments[i];
        file = read_json(file_name);
        settings = json_at(file, "/sim") == NULL ? NULL : json_print(json_at(file, "/sim"));
        line = sim_start(settings); /* fresh ones for each file */
        simulators = line == NULL ? NULL : json_parse(line, strlen(line));
        free(line);
        free(settings);
        if (simulators == NULL) {
            printf("no simulators: set ATLAS_CLI to build/exatlas\n");
            return 1;
        }
        test_run(file_name, conformance);
        json_free(simulators);
        json_free(file);
        if (sim_stop() != 0) {
            printf("the simulators did not end well\n");
            return 1;
        }
        if (i == 1)
            descriptors = count_self("fd");
        if (!eventually(no_descriptor_left, NULL)) {
            printf("%s left descriptors: %d, not %d\n", file_name, count_self("fd"), descriptors);
            return 1;
        }
    }
    return test_finish();
}
