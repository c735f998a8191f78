/* Reads and writes as a program does that knows its data, and prints how many
   seconds it took.

     client open DIRECTORY FILES BYTES COUNT CLIENTS
                     open, read and close COUNT files of BYTES in random order,
                     each once, as long as there are so many
     client own DIRECTORY FIRST STEP COUNT
                     read the files FIRST, FIRST + STEP, ..., which are open,
                     each into the same buffer
     client pread FILE COUNT
                     read 4 KiB of one open file at random
     client fdatasync FILE COUNT
                     write 4 KiB at random, fdatasync
     client ranges DIRECTORY FILES CLIENTS
                     each client reads its share of the files
     client produce FILE BEGIN END RATE
                     write 64 KiB at random within [BEGIN, END), RATE times a
                     second, until killed or left alone

   Several clients are as many processes, which start together. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, PRODUCED = 1 << 16, LARGE = 1 << 20, MOST = 256 };

static char buffer[LARGE];
/* The numbers of the files in random order. */
static long *order;

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

/* Fisher and Yates's shuffle. */
static void shuffle(long files)
{
    need((order = calloc(files, sizeof *order)) != NULL, "memory");
    uint64_t state = 88172645463325252u;
    for (long k = 0; k < files; k++) {
        long other = below(&state, k + 1);
        order[k] = order[other];
        order[other] = k;
    }
}

static void open_at_random(int client, char **words)
{
    int directory = open(words[0], O_RDONLY | O_DIRECTORY);
    need(directory >= 0, words[0]);
    long files = atol(words[1]), bytes = atol(words[2]);
    long count = atol(words[3]), clients = atol(words[4]);
    need(bytes <= (long)sizeof buffer, "the buffer");
    for (long k = client * count / clients; k < (client + 1) * count / clients; k++) {
        char name[32];
        snprintf(name, sizeof name, "%ld", order[k % files]);
        int file = openat(directory, name, O_RDONLY);
        need(file >= 0, name);
        need(read(file, buffer, bytes) == bytes, name);
        close(file);
    }
}

static void into_own_buffer(const char *path, long first, long step, long count)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY), files[MOST];
    need(directory >= 0, path);
    need(count <= MOST, "so many files");
    struct stat found = {0};
    for (long k = 0; k < count; k++) {
        char name[32];
        snprintf(name, sizeof name, "%ld", first + k * step);
        files[k] = openat(directory, name, O_RDONLY);
        need(files[k] >= 0 && !fstat(files[k], &found), name);
    }
    long bytes = found.st_size;
    need(bytes <= (long)sizeof buffer, "the buffer");
    memset(buffer, 1, sizeof buffer);
    double start = now();
    for (long k = 0; k < count; k++)
        need(pread(files[k], buffer, bytes, 0) == bytes, path);
    printf("%.9f\n", now() - start);
}

static void produce(const char *path, long begin, long end, long rate)
{
    need(!prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
    int file = open(path, O_WRONLY);
    need(file >= 0, path);
    uint64_t state = 88172645463325252u;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        long at = begin + below(&state, (end - begin) / PRODUCED) * PRODUCED;
        need(pwrite(file, buffer, PRODUCED, at) == PRODUCED, path);
        next.tv_nsec += 1000000000 / rate;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
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
    if (!strcmp(what, "open") && count == 7) {
        shuffle(atol(words[3]));
        together(atoi(words[6]), open_at_random, words + 2);
    } else if (!strcmp(what, "own") && count == 6)
        into_own_buffer(words[2], atol(words[3]), atol(words[4]), atol(words[5]));
    else if (!strcmp(what, "produce") && count == 6)
        produce(words[2], atol(words[3]), atol(words[4]), atol(words[5]));
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
