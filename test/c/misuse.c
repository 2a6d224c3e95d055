/* Ownership, and every way to call the library wrong. */
#include "harness.h"
#include "suite.h"

#include <stdlib.h>

static const char info[] = "{\"method\":\"atlas.info\"}";

static void versions_and_names_need_no_client(void)
{
    CHECK(atlas_abi_version() == ATLAS_ABI_VERSION);
    CHECK(atlas_version()[0] >= '0' && atlas_version()[0] <= '9');
    CHECK(strcmp(atlas_status_name(ATLAS_OK), "ATLAS_OK") == 0);
    CHECK(strcmp(atlas_status_name(ATLAS_INTERNAL), "ATLAS_INTERNAL") == 0);
    CHECK(strcmp(atlas_status_name(12345), "ATLAS_UNKNOWN") == 0);
    atlas_free(NULL);
}

static void what_is_handed_out_lives_until_freed(void)
{
    atlas_client client = open_client("{}");
    reply first = call(client, info), second = call(client, info);

    CHECK(gauge(client, "allocations") == 2);
    close_client(client);
    CHECK(json_number(first.value, "/result/abi") == ATLAS_ABI_VERSION);
    CHECK(strcmp(json_text(first.value, "/result/version"), atlas_version()) == 0);
    CHECK(strncmp(second.text, "{", 1) == 0); /* still there: not the client's */
    forget(&first);
    forget(&second);
}

static void the_request_is_the_callers_again_after_submit(void)
{
    atlas_client client = open_client("{}");
    char request[] = "{\"id\":\"scribble\",\"method\":\"atlas.info\",\"params\":{}}";
    size_t size = sizeof request - 1;
    reply item;

    CHECK_STATUS(atlas_submit(client, request, size, NULL, NULL), ATLAS_OK);
    memset(request, 'x', size);
    item = next(client, 10000);
    CHECK_STATUS(item.status, ATLAS_OK);
    CHECK(strcmp(json_text(item.value, "/id"), "scribble") == 0);
    forget(&item);
    close_client(client);
}

static void null_arguments_are_refused(void)
{
    atlas_client client = open_client("{}"), none = 99;
    char *text = (char *)info;
    size_t size = 77;

    CHECK_STATUS(atlas_open("{}", 2, NULL, &text, &size), ATLAS_INVALID);
    CHECK(text == NULL && size == 0);
    CHECK_STATUS(atlas_open(NULL, 5, &none, NULL, NULL), ATLAS_INVALID);
    CHECK(none == 0);
    CHECK_STATUS(atlas_call(client, info, strlen(info), NULL, &size), ATLAS_INVALID);
    text = (char *)info;
    CHECK_STATUS(atlas_call(client, NULL, 0, &text, &size), ATLAS_INVALID);
    CHECK(text == NULL && size == 0);
    CHECK_STATUS(atlas_submit(client, NULL, 4, NULL, NULL), ATLAS_INVALID);
    CHECK_STATUS(atlas_next(client, 0, NULL, &size), ATLAS_INVALID);
    CHECK_STATUS(atlas_cancel(client, NULL, 3), ATLAS_INVALID);
    CHECK_STATUS(atlas_cancel(client, "x", 0), ATLAS_INVALID);
    close_client(client);
}

static void unwanted_outputs_may_be_null(void)
{
    atlas_client client = 0;
    char *text = NULL;

    CHECK_STATUS(atlas_open(NULL, 0, &client, NULL, NULL), ATLAS_OK);
    CHECK_STATUS(atlas_call(client, info, strlen(info), &text, NULL), ATLAS_OK);
    CHECK(text != NULL && text[0] == '{');
    atlas_free(text);
    CHECK_STATUS(atlas_submit(client, "{", 1, NULL, NULL), ATLAS_FAILED);
    close_client(client);
    CHECK_STATUS(atlas_open("{", 1, &client, NULL, NULL), ATLAS_FAILED);
    CHECK(client == 0);
}

static void check_every_function(atlas_client client, int wanted, int wanted_of_close)
{
    char *text = (char *)info;
    size_t size = 77;

    CHECK_STATUS(atlas_call(client, info, strlen(info), &text, &size), wanted);
    atlas_free(text);
    CHECK_STATUS(atlas_submit(client, info, strlen(info), &text, &size), wanted);
    atlas_free(text);
    text = (char *)info;
    CHECK_STATUS(atlas_next(client, -1, &text, &size), wanted);
    CHECK(text == NULL && size == 0);
    CHECK_STATUS(atlas_cancel(client, "id", 2), wanted);
    CHECK_STATUS(atlas_close(client, 0), wanted_of_close);
    CHECK(atlas_wake_fd(client) == -1);
}

static void clients_that_never_were_are_told_from_closed_ones(void)
{
    atlas_client client = open_client("{}"), other;

    CHECK(client > 0xFFFFFFFFu);          /* not to be mistaken for a descriptor or an index */
    CHECK(client < (uint64_t)1 << 53);    /* exact in a double */
    check_every_function(0, ATLAS_BAD_CLIENT, ATLAS_BAD_CLIENT);
    check_every_function(1, ATLAS_BAD_CLIENT, ATLAS_BAD_CLIENT);
    check_every_function(UINT64_MAX, ATLAS_BAD_CLIENT, ATLAS_BAD_CLIENT);
    check_every_function(client + 1000000, ATLAS_BAD_CLIENT, ATLAS_BAD_CLIENT);
    close_client(client);
    close_client(client);
    check_every_function(client, ATLAS_CLOSED, ATLAS_OK);
    other = open_client("{}");
    CHECK(other != client);
    check_every_function(client, ATLAS_CLOSED, ATLAS_OK);
    close_client(other);
}

static void check_refused(const char *config, size_t size, int wanted, const char *says)
{
    atlas_client client = 5;
    char *document = NULL;
    size_t document_size = 0;
    json *value;

    CHECK_STATUS(atlas_open(config, size, &client, &document, &document_size), wanted);
    CHECK(client == 0);
    value = json_parse(document, document_size);
    CHECK(strlen(json_text(value, "/error/kind")) > 0);
    if (!CHECK(document != NULL && strstr(document, says) != NULL))
        printf("    %s lacks %s\n", document == NULL ? "(none)" : document, says);
    json_free(value);
    atlas_free(document);
}

static void bad_configurations_name_the_mistake(void)
{
    size_t large = (size_t)8 << 20;
    char *spaces = malloc(large);

    check_refused("{\"abi\":2}", 9, ATLAS_VERSION, "2");
    check_refused("{\"provider\":{}}", 15, ATLAS_FAILED, "providers");
    check_refused("{\"abi\":", 7, ATLAS_FAILED, "config");
    check_refused("[]", 2, ATLAS_FAILED, "config");
    check_refused("\xff\xfe{}", 4, ATLAS_FAILED, "config");
    memset(spaces, ' ', large);
    check_refused(spaces, large, ATLAS_TOO_LARGE, "larger");
    free(spaces);
    CHECK_STATUS(atlas_open("{}", SIZE_MAX, &(atlas_client){0}, NULL, NULL), ATLAS_TOO_LARGE);
}

static void check_fails(atlas_client client, const char *request, size_t size)
{
    char *text = NULL;
    size_t text_size = 0;
    json *value;

    CHECK_STATUS(atlas_call(client, request, size, &text, &text_size), ATLAS_FAILED);
    value = json_parse(text, text_size);
    if (!CHECK(strcmp(json_text(value, "/error/kind"), "validation") == 0))
        printf("    %.80s: %s\n", request, text == NULL ? "(none)" : text);
    CHECK(strlen(json_text(value, "/error/message")) > 0);
    json_free(value);
    atlas_free(text);
    CHECK_STATUS(atlas_submit(client, request, size, NULL, NULL), ATLAS_FAILED);
}

static void malformed_requests_fail_with_a_document(void)
{
    static const char *const requests[] = {
        "", " ", "{", "null", "[]", "\"x\"", "{}", "{\"method\":7}", "{\"method\":\"nope\"}", "{\"method\":\"atlas.info\",}",
        "{\"method\":\"atlas.info\"} trailing", "{\"method\":\"atlas.info\",\"parms\":{}}", "{\"method\":\"atlas.info\",\"params\":[]}",
        "{\"method\":\"atlas.info\",\"params\":{\"x\":1}}", "{\"method\":\"atlas.info\",\"deadline_ms\":-1}",
        "{\"method\":\"atlas.info\",\"detach_after_ms\":5}", "{\"method\":\"auth.token.verify\",\"params\":{\"token\":1}}",
    };
    atlas_client client = open_client("{}");
    char long_id[400];
    size_t i;

    for (i = 0; i < sizeof requests / sizeof *requests; i++)
        check_fails(client, requests[i], strlen(requests[i]));
    snprintf(long_id, sizeof long_id, "{\"method\":\"atlas.info\",\"id\":\"%0*d\"}", 129, 0);
    check_fails(client, long_id, strlen(long_id));
    check_fails(client, info, sizeof info); /* with its terminator */
    CHECK(gauge(client, "calls") <= 1);
    close_client(client);
}

static void invalid_utf8_fails_and_never_comes_back(void)
{
    static const char *const requests[] = {
        "{\"id\":\"\xff\",\"method\":\"atlas.info\"}", "{\"id\":\"\xc0\xaf\",\"method\":\"atlas.info\"}",
        "{\"id\":\"\xed\xa0\x80\",\"method\":\"atlas.info\"}", "{\"id\":\"a\xe2\x82\",\"method\":\"atlas.info\"}",
    };
    atlas_client client = open_client("{}");
    size_t i;

    for (i = 0; i < sizeof requests / sizeof *requests; i++) {
        reply answer = call(client, requests[i]);
        CHECK_STATUS(answer.status, ATLAS_FAILED);
        CHECK(answer.text != NULL && strpbrk(answer.text, "\xff\xc0\xed\xe2") == NULL);
        forget(&answer);
    }
    close_client(client);
}

static void huge_requests_are_refused_and_harm_nothing(void)
{
    atlas_client client = open_client("{}");
    size_t large = (size_t)32 << 20, i;
    char *request = malloc(large);
    char *text = NULL;
    reply answer;

    memset(request, '[', large);
    CHECK_STATUS(atlas_call(client, request, large, &text, NULL), ATLAS_TOO_LARGE);
    atlas_free(text);
    CHECK_STATUS(atlas_submit(client, request, large, NULL, NULL), ATLAS_TOO_LARGE);
    /* Refused by its length alone: nothing beyond the first byte is there to read. */
    CHECK_STATUS(atlas_call(client, "{", SIZE_MAX, &text, NULL), ATLAS_TOO_LARGE);
    CHECK(text == NULL);
    CHECK_STATUS(atlas_cancel(client, "{", SIZE_MAX), ATLAS_TOO_LARGE);
    /* Within the limit and nested as deep as it goes. */
    for (i = 0; i < 2; i++) {
        int size = snprintf(request, large, "{\"method\":\"atlas.info\",\"params\":%s", i ? "{\"a\":" : "");
        memset(request + size, '[', 900000);
        CHECK_STATUS(atlas_call(client, request, size + 900000, &text, NULL), ATLAS_FAILED);
        atlas_free(text);
    }
    free(request);
    answer = call(client, info);
    CHECK_STATUS(answer.status, ATLAS_OK);
    forget(&answer);
    close_client(client);
}

void run_misuse(void)
{
    RUN(versions_and_names_need_no_client);
    RUN(what_is_handed_out_lives_until_freed);
    RUN(the_request_is_the_callers_again_after_submit);
    RUN(null_arguments_are_refused);
    RUN(unwanted_outputs_may_be_null);
    RUN(clients_that_never_were_are_told_from_closed_ones);
    RUN(bad_configurations_name_the_mistake);
    RUN(malformed_requests_fail_with_a_document);
    RUN(invalid_utf8_fails_and_never_comes_back);
    RUN(huge_requests_are_refused_and_harm_nothing);
}
