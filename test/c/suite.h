/* suite.h - the groups of tests, one file each. */
#ifndef TEST_SUITE_H
#define TEST_SUITE_H

void run_misuse(void);
void run_queue(void);
void run_threads(void);
void run_fork(void);
void run_signals(void);
void run_process(void);

#endif
