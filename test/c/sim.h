/* sim.h - the simulated clouds of `exatlas sim`, as a child process. */
#ifndef TEST_SIM_H
#define TEST_SIM_H

/* Starts $ATLAS_CLI sim with settings of the clouds, a JSON object or NULL; its
 * line of JSON with the address of each cloud is malloc'ed. NULL when it did not
 * start. It ends when the program does. */
char *sim_start(const char *settings);
/* Stops it and waits for it; 0 when it ended well. */
int sim_stop(void);

#endif
