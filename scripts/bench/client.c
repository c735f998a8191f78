/* Reads and writes at random as a program does that knows its data, and prints
   how many seconds it took.

     client open DIRECTORY FILES COUNT CLIENTS   open, read 4 KiB, close
     client pread FILE COUNT                     read 4 KiB of one open file
     client fdatasync FILE COUNT                 write 4 KiB, fdatasync
     client ranges DIRECTORY FILES CLIENTS       each reads its share of the files

   Several clients are as many processes, which start together. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, LARGE = 1 << 20 };

static char buffer[LARGE];

static void need(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* xorshift64 */
static uint64_t below(uint64_t *state, uint64_t end)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state % end;
}

static long read_file(int directory, long number)
{
    char name[32];
    snprintf(name, sizeof name, "%ld", number);
    int file = openat(directory, name, O_RDONLY);
    need(file >= 0, name);
    long total = 0, count;
    do {
        count = read(file, buffer, sizeof buffer);
        need(count >= 0, name);
        total += count;
    } while (count == sizeof buffer);
    close(file);
    return total;
}

/* Runs `work` in so many processes, and prints the time from the first start to
   the last end. */
static void together(int clients, void (*work)(int client, char **words), char **words)
{
    int gate[2];
    need(!pipe(gate), "pipe");
    for (int client = 0; client < clients; client++) {
        pid_t child = fork();
        need(child >= 0, "fork");
        if (child == 0) {
            char byte;
            close(gate[1]);
            need(read(gate[0], &byte, 1) == 0, "gate");
            work(client, words);
            _exit(0);
        }
    }
    close(gate[0]);
    double start = now();
    close(gate[1]);
    for (int client = 0; client < clients; client++) {
        int status;
        need(wait(&status) > 0, "wait");
        need(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a client");
    }
    printf("%.9f\n", now() - start);
}

static void open_at_random(int client, char **words)
{
    int directory = open(words[0], O_RDONLY | O_DIRECTORY);
    need(directory >= 0, words[0]);
    long files = atol(words[1]), count = atol(words[2]) / atol(words[3]);
    uint64_t state = 88172645463325252u + client;
    for (long k = 0; k < count; k++)
        read_file(directory, below(&state, files));
}

static void read_share(int client, char **words)
{
    int directory = open(words[0], O_RDONLY | O_DIRECTORY);
    need(directory >= 0, words[0]);
    long files = atol(words[1]), clients = atol(words[2]);
    for (long k = client * files / clients; k < (client + 1) * files / clients; k++)
        read_file(directory, k);
}

static void at_random(const char *path, long count, int writes)
{
    int file = open(path, writes ? O_RDWR : O_RDONLY);
    need(file >= 0, path);
    struct stat found;
    need(!fstat(file, &found) && found.st_size >= BLOCK, path);
    uint64_t state = 88172645463325252u;
    double start = now();
    for (long k = 0; k < count; k++) {
        long at = below(&state, found.st_size / BLOCK) * BLOCK;
        if (writes) {
            need(pwrite(file, buffer, BLOCK, at) == BLOCK, path);
            need(!fdatasync(file), path);
        } else {
            need(pread(file, buffer, BLOCK, at) == BLOCK, path);
        }
    }
    printf("%.9f\n", now() - start);
}

int main(int count, char **words)
{
    const char *what = count > 1 ? words[1] : "";
    if (!strcmp(what, "open") && count == 6)
        together(atoi(words[5]), open_at_random, words + 2);
    else if (!strcmp(what, "ranges") && count == 5)
        together(atoi(words[4]), read_share, words + 2);
    else if (!strcmp(what, "pread") && count == 4)
        at_random(words[2], atol(words[3]), 0);
    else if (!strcmp(what, "fdatasync") && count == 4)
        at_random(words[2], atol(words[3]), 1);
    else {
        fprintf(stderr, "usage: see client.c\n");
        return 2;
    }
    return 0;
}
