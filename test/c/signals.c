/* Handlers that the program installs after the library was loaded. What it
 * installs before is in late.c. */
#define _GNU_SOURCE
#include "harness.h"
#include "suite.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupts, users, alarms;
static sigjmp_buf after_fault;

static void count_interrupt(int number) { (void)number; interrupts++; }
static void count_user(int number) { (void)number; users++; }
static void count_alarm(int number) { (void)number; alarms++; }
static void leave_fault(int number) { siglongjmp(after_fault, number); }

static struct sigaction install(int number, void (*handler)(int))
{
    struct sigaction wanted, before;

    memset(&wanted, 0, sizeof wanted);
    wanted.sa_handler = handler;
    wanted.sa_flags = SA_RESTART | SA_ONSTACK;
    CHECK(sigaction(number, &wanted, &before) == 0);
    return before;
}

static int enough;

static void *call_until_enough(void *argument)
{
    intptr_t wrong = 0;

    while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE)) {
        reply answer = call(*(atlas_client *)argument, "{\"method\":\"atlas.info\"}");
        wrong += answer.status != ATLAS_OK;
        forget(&answer);
    }
    return (void *)wrong;
}

static void handlers_of_the_program_run_during_calls(void)
{
    atlas_client client = open_client("{}");
    struct sigaction old[3];
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    pthread_t threads[4];
    int i;

    interrupts = users = alarms = enough = 0;
    old[0] = install(SIGINT, count_interrupt);
    old[1] = install(SIGUSR1, count_user);
    old[2] = install(SIGALRM, count_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, call_until_enough, &client) == 0);
    for (i = 0; i < 100; i++) {
        CHECK(pthread_kill(threads[i % 4], SIGUSR1) == 0);
        CHECK(kill(getpid(), SIGINT) == 0);
        CHECK_STATUS(next(client, 1).status, ATLAS_TIMEOUT);
    }
    while (alarms < 3)
        pause();
    __atomic_store_n(&enough, 1, __ATOMIC_RELEASE);
    for (i = 0; i < 4; i++) {
        void *wrong = NULL;
        pthread_join(threads[i], &wrong);
        CHECK(wrong == NULL);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    CHECK(interrupts > 0 && users > 0 && alarms > 0);
    printf("    %d SIGINT, %d SIGUSR1, %d SIGALRM\n", (int)interrupts, (int)users, (int)alarms);
    sigaction(SIGINT, &old[0], NULL);
    sigaction(SIGUSR1, &old[1], NULL);
    sigaction(SIGALRM, &old[2], NULL);
    close_client(client);
}

/* A thread of the library's that did not block it would take it, and die of it. */
static void a_signal_that_all_threads_of_the_program_block_waits_for_them(void)
{
    struct timespec most = {30, 0};
    atlas_client client = open_client("{}");
    sigset_t wanted, before;
    reply answer;
    int i;

    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGUSR2);
    CHECK(pthread_sigmask(SIG_BLOCK, &wanted, &before) == 0);
    answer = call(client, "{\"method\":\"atlas.info\"}");
    forget(&answer);
    for (i = 0; i < 10; i++) {
        CHECK(kill(getpid(), SIGTERM) == 0);
        CHECK(sigtimedwait(&wanted, NULL, &most) == SIGTERM);
        CHECK(kill(getpid(), SIGUSR2) == 0);
        CHECK(sigtimedwait(&wanted, NULL, &most) == SIGUSR2);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    CHECK(!sigismember(&before, SIGTERM)); /* loading left the mask of the program alone */
    close_client(client);
}

static void an_ignored_sigpipe_stays_ignored(void)
{
    struct sigaction old = install(SIGPIPE, SIG_IGN), now;
    atlas_client client = open_client("{}");
    int ends[2];

    close_client(client);
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE);
    close(ends[1]);
    CHECK(sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_IGN);
    sigaction(SIGPIPE, &old, NULL);
}

static void the_alternate_stack_of_a_thread_stays(void)
{
    atlas_client client = open_client("{}");
    stack_t mine, old, now;
    reply answer;

    memset(&mine, 0, sizeof mine);
    mine.ss_size = 64 * 1024;
    mine.ss_sp = malloc(mine.ss_size);
    CHECK(sigaltstack(&mine, &old) == 0);
    answer = call(client, "{\"method\":\"atlas.info\"}");
    forget(&answer);
    CHECK(sigaltstack(NULL, &now) == 0);
    CHECK(now.ss_sp == mine.ss_sp && now.ss_size == mine.ss_size && (now.ss_flags & SS_DISABLE) == 0);
    CHECK(sigaltstack(&old, NULL) == 0);
    close_client(client);
    free(mine.ss_sp);
}

/* The sanitizer would report the store, which is meant. */
__attribute__((no_sanitize("undefined"))) static void a_fault_of_the_program_reaches_its_handler(void)
{
    atlas_client client = open_client("{}");
    struct sigaction old = install(SIGSEGV, leave_fault);
    static char *volatile nowhere = NULL;
    int i;

    for (i = 0; i < 3; i++) {
        reply answer;
        int number = sigsetjmp(after_fault, 1);
        if (number == 0) {
            *nowhere = 1;
            CHECK(!"the program went on after its fault");
        }
        CHECK(number == SIGSEGV);
        answer = call(client, "{\"method\":\"atlas.info\"}"); /* the library still works */
        CHECK_STATUS(answer.status, ATLAS_OK);
        forget(&answer);
    }
    sigaction(SIGSEGV, &old, NULL);
    close_client(client);
}

void run_signals(void)
{
    RUN(handlers_of_the_program_run_during_calls);
    RUN(a_signal_that_all_threads_of_the_program_block_waits_for_them);
    RUN(an_ignored_sigpipe_stays_ignored);
    RUN(the_alternate_stack_of_a_thread_stays);
    RUN(a_fault_of_the_program_reaches_its_handler);
}
