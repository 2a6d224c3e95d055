/*
 * A program that was running before the library came: it has its handlers in
 * place, loads the library with dlopen and local scope, and closes it again.
 * The functions of atlas.h are trampolines to what dlsym found.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void *library;
static volatile sig_atomic_t interrupts;
static sigjmp_buf after_fault;
static sigset_t mask; /* of the program */

static void count_interrupt(int number) { (void)number; interrupts++; }
static void leave_fault(int number) { siglongjmp(after_fault, number); }

static void *found(const char *name)
{
    void *function = dlsym(library, name);
    if (function == NULL) {
        printf("no %s: %s\n", name, dlerror());
        exit(1);
    }
    return function;
}

int atlas_abi_version(void) { return ((int (*)(void))found("atlas_abi_version"))(); }

const char *atlas_status_name(int status) { return ((const char *(*)(int))found("atlas_status_name"))(status); }

void atlas_free(void *memory) { ((void (*)(void *))found("atlas_free"))(memory); }

int atlas_open(const char *config, size_t size, atlas_client *client_out, char **document_out, size_t *size_out)
{
    return ((int (*)(const char *, size_t, atlas_client *, char **, size_t *))found("atlas_open"))(config, size, client_out, document_out, size_out);
}

int atlas_close(atlas_client client, int64_t timeout_ms)
{
    return ((int (*)(atlas_client, int64_t))found("atlas_close"))(client, timeout_ms);
}

int atlas_call(atlas_client client, const char *request, size_t size, char **answer_out, size_t *size_out)
{
    return ((int (*)(atlas_client, const char *, size_t, char **, size_t *))found("atlas_call"))(client, request, size, answer_out, size_out);
}

int atlas_submit(atlas_client client, const char *request, size_t size, char **document_out, size_t *size_out)
{
    return ((int (*)(atlas_client, const char *, size_t, char **, size_t *))found("atlas_submit"))(client, request, size, document_out, size_out);
}

int atlas_next(atlas_client client, int64_t timeout_ms, char **item_out, size_t *size_out)
{
    return ((int (*)(atlas_client, int64_t, char **, size_t *))found("atlas_next"))(client, timeout_ms, item_out, size_out);
}

static void install(int number, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    if (sigaction(number, &action, NULL) != 0)
        exit(1);
}

static void works(void)
{
    atlas_client client = open_client("{}");
    reply answer = call(client, "{\"method\":\"atlas.info\"}");

    CHECK_STATUS(answer.status, ATLAS_OK);
    CHECK(json_number(answer.value, "/result/abi") == ATLAS_ABI_VERSION);
    forget(&answer);
    close_client(client);
}

static void the_library_adds_no_name_to_the_program(void)
{
    CHECK(atlas_abi_version() == ATLAS_ABI_VERSION);
    CHECK(dlsym(RTLD_DEFAULT, "atlas_open") == NULL);
    CHECK(dlsym(library, "exatlas_go_call") == NULL);
    CHECK(dlsym(library, "crosscall2") == NULL);
    works();
}

static void an_interrupt_still_reaches_the_program(void)
{
    works();
    CHECK(kill(getpid(), SIGINT) == 0);
    CHECK(interrupts == 1);
    works();
}

static void an_ignored_sigpipe_stays_ignored(void)
{
    int ends[2];

    works();
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE);
    close(ends[1]);
}

/* The sanitizer would report the store, which is meant. */
__attribute__((no_sanitize("undefined"))) static void a_fault_of_the_program_reaches_its_older_handler(void)
{
    static char *volatile nowhere = NULL;
    stack_t stack, old;
    int i;

    memset(&stack, 0, sizeof stack);
    stack.ss_size = 64 * 1024;
    stack.ss_sp = malloc(stack.ss_size);
    CHECK(sigaltstack(&stack, &old) == 0);
    for (i = 0; i < 3; i++) {
        int number = sigsetjmp(after_fault, 1);
        if (number == 0) {
            *nowhere = 1;
            CHECK(!"the program went on after its fault");
        }
        CHECK(number == SIGSEGV);
        works();
    }
    CHECK((old.ss_flags & SS_DISABLE) == 0); /* the library's own, which the thread must get back */
    CHECK(sigaltstack(&old, NULL) == 0);
    free(stack.ss_sp);
}

static void loading_leaves_the_signal_mask_alone(void)
{
    sigset_t now;
    int number;

    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0);
    for (number = 1; number < SIGRTMAX; number++)
        CHECK(sigismember(&now, number) == sigismember(&mask, number));
}

static void dlclose_leaves_it_loaded(void)
{
    void *again;

    CHECK(dlclose(library) == 0);
    again = dlopen(getenv("ATLAS_LIBRARY"), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    CHECK(again != NULL);
    library = again;
    works();
}

int main(void)
{
    const char *path = getenv("ATLAS_LIBRARY");

    install(SIGINT, count_interrupt);
    install(SIGSEGV, leave_fault);
    install(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    library = dlopen(path == NULL ? "libexatlas.so.1" : path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        printf("%s\n", dlerror());
        return 1;
    }
    RUN(loading_leaves_the_signal_mask_alone);
    RUN(the_library_adds_no_name_to_the_program);
    RUN(an_interrupt_still_reaches_the_program);
    RUN(an_ignored_sigpipe_stays_ignored);
    RUN(a_fault_of_the_program_reaches_its_older_handler);
    RUN(dlclose_leaves_it_loaded);
    return test_finish();
}
