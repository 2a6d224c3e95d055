#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quiet.h"

struct library atlas;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char loaded[PATH_MAX]; /* guarded by lock; empty until loaded */

/* A path and its symbolic links name one file; a bare name is for the system's
 * search and stays as it is. */
static void canonical(const char *path, char out[PATH_MAX]) {
    if (strchr(path, '/') == NULL || realpath(path, out) == NULL)
        snprintf(out, PATH_MAX, "%s", path);
}

/* POSIX lets a data pointer from dlsym stand for a function. */
static int find(void *handle, const char *name, void *function_out) {
    void *symbol = dlsym(handle, name);
    if (symbol == NULL) return 0;
    memcpy(function_out, &symbol, sizeof symbol);
    return 1;
}

static const char *bind(void *handle, struct library *out) {
#define FIND(field, name) if (!find(handle, name, &out->field)) return name
    FIND(abi_version, "atlas_abi_version");
    FIND(version, "atlas_version");
    FIND(status_name, "atlas_status_name");
    FIND(free, "atlas_free");
    FIND(open, "atlas_open");
    FIND(close, "atlas_close");
    FIND(call, "atlas_call");
    FIND(submit, "atlas_submit");
    FIND(cancel, "atlas_cancel");
    FIND(next, "atlas_next");
    FIND(wake_fd, "atlas_wake_fd");
#undef FIND
    return NULL;
}

static int load(const char *path, char *reason, size_t size) {
    struct library found;
    const char *missing;
    void *handle;
    quiet_children(); /* before Go has threads */
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        snprintf(reason, size, "%s", dlerror());
        return -1;
    }
    missing = bind(handle, &found);
    if (missing != NULL) {
        snprintf(reason, size, "it has no function %s, so it is not the Atlas library", missing);
        return -1;
    }
    if (found.abi_version() != ATLAS_ABI_VERSION) {
        snprintf(reason, size, "it speaks ABI version %d, this package needs %d",
                 found.abi_version(), ATLAS_ABI_VERSION);
        return -1;
    }
    atlas = quiet(&found);
    return 0;
}

int library_load(const char *path, char *reason, size_t size) {
    char wanted[PATH_MAX];
    int result = 0;
    canonical(path, wanted);
    pthread_mutex_lock(&lock);
    if (loaded[0] == '\0') {
        result = load(path, reason, size);
        if (result == 0) memcpy(loaded, wanted, sizeof loaded);
    } else if (strcmp(loaded, wanted) != 0) {
        snprintf(reason, size, "this process has loaded another copy, %s, and can hold only one",
                 loaded);
        result = -1;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

const char *library_path(void) {
    const char *path;
    pthread_mutex_lock(&lock);
    path = loaded[0] == '\0' ? NULL : loaded; /* never changes once set */
    pthread_mutex_unlock(&lock);
    return path;
}
