/*
 * The native layer: atlas.h one to one for JavaScript, where a call that
 * succeeds answers its text (or undefined) and any other answers the pair
 * [status, text]. lib/ is its only user and checks arguments.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "client.h"
#include "library.h"
#include "watch.h"

enum { SCRATCH = 64 * 1024 };

/* Each environment (the main thread, each worker) has its own, so requests are
 * copied without an allocation. */
struct environment {
    char scratch[SCRATCH];
};

static void free_environment(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    free(data);
}

/* A string argument as UTF-8: in the scratch space, or where it does not fit in
 * memory of its own. Only release may free it. */
struct text {
    char *bytes;
    size_t len;
    bool owned;
};

static bool text_of(napi_env env, napi_value value, struct text *out) {
    struct environment *e;
    if (napi_get_instance_data(env, (void **)&e) != napi_ok) return false;
    out->bytes = e->scratch;
    out->owned = false;
    if (napi_get_value_string_utf8(env, value, e->scratch, SCRATCH, &out->len) != napi_ok) return false;
    if (out->len < SCRATCH - 4) return true; /* the longest character takes 4 bytes */
    if (napi_get_value_string_utf8(env, value, NULL, 0, &out->len) != napi_ok) return false;
    out->bytes = malloc(out->len + 1);
    if (out->bytes == NULL) return false;
    out->owned = true;
    return napi_get_value_string_utf8(env, value, out->bytes, out->len + 1, &out->len) == napi_ok;
}

static void release(struct text *text) {
    if (text->owned) free(text->bytes);
}

static napi_value throw_misuse(napi_env env) {
    napi_throw_type_error(env, "ATLAS_INVALID", "exatlas: wrong argument to the native layer");
    return NULL;
}

static napi_value pair(napi_env env, int status, char *text, size_t len) {
    napi_value result = NULL, value;
    if (napi_create_array_with_length(env, 2, &result) != napi_ok) return NULL;
    napi_create_int32(env, status, &value);
    napi_set_element(env, result, 0, value);
    napi_set_element(env, result, 1, client_text(env, text, len));
    return result;
}

static bool arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *argv) {
    size_t argc = wanted;
    return napi_get_cb_info(env, info, &argc, argv, NULL, NULL) == napi_ok && argc >= wanted;
}

static struct client *client_of(napi_env env, napi_value value) {
    void *client = NULL;
    return napi_get_value_external(env, value, &client) == napi_ok ? client : NULL;
}

/* load(path): undefined, or why it failed. */
static napi_value load(napi_env env, napi_callback_info info) {
    napi_value argv[1];
    struct text path;
    char reason[1024] = "";
    napi_value result = NULL;
    if (!arguments(env, info, 1, argv) || !text_of(env, argv[0], &path)) return throw_misuse(env);
    if (library_load(path.bytes, reason, sizeof reason) != 0)
        napi_create_string_utf8(env, reason, NAPI_AUTO_LENGTH, &result);
    release(&path);
    return result;
}

static void set_text(napi_env env, napi_value object, const char *name, const char *text) {
    napi_value value;
    if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok)
        napi_set_named_property(env, object, name, value);
}

/* info(): what was loaded, and how queues are read. */
static napi_value info(napi_env env, napi_callback_info info) {
    napi_value result = NULL, value;
    (void)info;
    if (library_path() == NULL || napi_create_object(env, &result) != napi_ok) return NULL;
    set_text(env, result, "path", library_path());
    set_text(env, result, "version", atlas.version());
    set_text(env, result, "wake", watch_available() ? "poll" : "thread");
    napi_create_int32(env, atlas.abi_version(), &value);
    napi_set_named_property(env, result, "abi", value);
    return result;
}

static napi_value status_name(napi_env env, napi_callback_info info) {
    napi_value argv[1], result;
    int32_t status;
    if (!arguments(env, info, 1, argv) || napi_get_value_int32(env, argv[0], &status) != napi_ok)
        return throw_misuse(env);
    napi_create_string_utf8(env, atlas.status_name(status), NAPI_AUTO_LENGTH, &result);
    return result;
}

static void finalize_client(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    client_drop(data);
}

/* open(config, deliver, threaded): a handle. */
static napi_value open_client(napi_env env, napi_callback_info info) {
    napi_value argv[3], result = NULL;
    struct text config;
    bool threaded;
    atlas_client id = 0;
    char *document = NULL;
    size_t len = 0;
    int status;
    if (!arguments(env, info, 3, argv) || napi_get_value_bool(env, argv[2], &threaded) != napi_ok ||
        !text_of(env, argv[0], &config))
        return throw_misuse(env);
    status = atlas.open(config.bytes, config.len, &id, &document, &len);
    release(&config);
    if (status == ATLAS_OK) {
        struct client *c = client_start(env, id, argv[1], threaded);
        if (c == NULL) result = pair(env, ATLAS_NO_MEMORY, NULL, 0);
        else if (napi_create_external(env, c, finalize_client, NULL, &result) != napi_ok) client_drop(c);
    } else {
        result = pair(env, status, document, len);
    }
    atlas.free(document);
    return result;
}

/* submit(handle, request): undefined once accepted. */
static napi_value submit(napi_env env, napi_callback_info info) {
    napi_value argv[2], result = NULL;
    struct text request;
    struct client *c;
    char *document = NULL;
    size_t len = 0;
    int status;
    if (!arguments(env, info, 2, argv) || (c = client_of(env, argv[0])) == NULL ||
        !text_of(env, argv[1], &request))
        return throw_misuse(env);
    status = atlas.submit(client_id(c), request.bytes, request.len, &document, &len);
    release(&request);
    if (status == ATLAS_OK) client_expect(c);
    else result = pair(env, status, document, len);
    atlas.free(document);
    return result;
}

/* call(handle, request): the answer. Blocks. */
static napi_value call(napi_env env, napi_callback_info info) {
    napi_value argv[2], result;
    struct text request;
    struct client *c;
    char *answer = NULL;
    size_t len = 0;
    int status;
    if (!arguments(env, info, 2, argv) || (c = client_of(env, argv[0])) == NULL ||
        !text_of(env, argv[1], &request))
        return throw_misuse(env);
    status = atlas.call(client_id(c), request.bytes, request.len, &answer, &len);
    release(&request);
    result = status == ATLAS_OK ? client_text(env, answer, len) : pair(env, status, answer, len);
    atlas.free(answer);
    return result;
}

/* cancel(handle, id): the status. */
static napi_value cancel(napi_env env, napi_callback_info info) {
    napi_value argv[2], result = NULL;
    struct text id;
    struct client *c;
    int status;
    if (!arguments(env, info, 2, argv) || (c = client_of(env, argv[0])) == NULL ||
        !text_of(env, argv[1], &id))
        return throw_misuse(env);
    status = atlas.cancel(client_id(c), id.bytes, id.len);
    release(&id);
    napi_create_int32(env, status, &result);
    return result;
}

/* reference(handle, on). */
static napi_value reference(napi_env env, napi_callback_info info) {
    napi_value argv[2];
    struct client *c;
    bool on;
    if (!arguments(env, info, 2, argv) || (c = client_of(env, argv[0])) == NULL ||
        napi_get_value_bool(env, argv[1], &on) != napi_ok)
        return throw_misuse(env);
    client_reference(c, on);
    return NULL;
}

/* close(handle, timeoutMs, done): whether done() will be called. */
static napi_value close_client(napi_env env, napi_callback_info info) {
    napi_value argv[3], result = NULL;
    struct client *c;
    int64_t timeout_ms;
    if (!arguments(env, info, 3, argv) || (c = client_of(env, argv[0])) == NULL ||
        napi_get_value_int64(env, argv[1], &timeout_ms) != napi_ok)
        return throw_misuse(env);
    napi_get_boolean(env, client_close(c, timeout_ms, argv[2]), &result);
    return result;
}

NAPI_MODULE_INIT() {
    static const struct {
        const char *name;
        napi_callback function;
    } functions[] = {
        {"load", load},     {"info", info},     {"statusName", status_name}, {"open", open_client},
        {"submit", submit}, {"call", call},     {"cancel", cancel},          {"reference", reference},
        {"close", close_client},
    };
    struct environment *e = malloc(sizeof *e);
    if (e == NULL || napi_set_instance_data(env, e, free_environment, NULL) != napi_ok) {
        free(e);
        napi_throw_error(env, "ATLAS_NO_MEMORY", "exatlas: the system has no memory");
        return NULL;
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        napi_value function;
        if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL,
                                 &function) != napi_ok ||
            napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
            return NULL;
    }
    return exports;
}
