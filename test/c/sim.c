#define _GNU_SOURCE
#include "sim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t process;
static int input = -1; /* the simulators serve until this is closed */

char *sim_start(const char *settings)
{
    const char *cli = getenv("ATLAS_CLI");
    int in[2], out[2];
    FILE *lines;
    char *line = NULL;
    size_t capacity = 0;

    if (cli == NULL || pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return NULL;
    process = fork();
    if (process == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        if (settings != NULL)
            execl(cli, cli, "sim", "--options", settings, (char *)NULL);
        else
            execl(cli, cli, "sim", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    input = in[1];
    lines = fdopen(out[0], "r");
    if (process < 0 || lines == NULL || getline(&line, &capacity, lines) <= 0) {
        free(line);
        line = NULL;
    }
    fclose(lines);
    return line;
}

int sim_stop(void)
{
    int status = -1;

    close(input);
    return waitpid(process, &status, 0) == process && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
