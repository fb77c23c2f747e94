/* Preloaded into a server under test: while the file HOLDFAST_HANG_WHILE exists, no sync of a file below the directory
 * HOLDFAST_HANG_BELOW returns. That is a disk that hangs, and comes back. Everything else goes on. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void wait_while_it_hangs(int file)
{
    const char *below = getenv("HOLDFAST_HANG_BELOW");
    const char *flag = getenv("HOLDFAST_HANG_WHILE");
    char name[64], path[4096];
    if (below == NULL || flag == NULL)
        return;
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0)
        return;
    path[length] = '\0';
    if (strncmp(path, below, strlen(below)) != 0 || path[strlen(below)] != '/')
        return;
    while (access(flag, F_OK) == 0)
        usleep(200);
}

int fsync(int file)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_while_it_hangs(file);
    return next(file);
}

int fdatasync(int file)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_while_it_hangs(file);
    return next(file);
}
