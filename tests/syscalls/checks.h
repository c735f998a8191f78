/*
 * System calls on one file and the directory that holds it. A check states
 * what it expects with EQUAL, REFUSED and SAME; to write `CHECK(name, where)
 * { ... }` in any of the files is to add it to the table, which main.c runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a check is run; several are to hold at once. */
enum where {
    ANYWHERE = 0,   /* On arrays and on a regular file, in every mode. */
    ON_ARRAYS = 1,  /* Not on a regular file, which answers otherwise. */
    WRITABLE = 2,   /* In modes r+ and c. */
    READ_ONLY = 4,  /* In mode r. */
    SHARED = 8,     /* Where arrays can be mapped shared. */
};

/* Without what only Linux has, arrays can neither have space reserved nor be
   mapped shared. */
#ifdef PORTABLE
static const bool portable = true;
#else
static const bool portable = false;
#endif

/* Whether the kernel maps files shared that are open for direct I/O, as those are that
   can be written. */
#ifdef NO_DIRECT_MAPPINGS
static const bool direct_mappings = false;
#else
static const bool direct_mappings = true;
#endif

/* What is checked: the file, its last name, and the directory that holds it. */
extern const char *path, *name;
extern int directory;
/* The file, open for all that the mode allows. */
extern int fd;
/* Its size, more than three pages and no whole number of them. */
extern long size;
/* What it holds when a check begins. */
extern const unsigned char *bytes;
/* Another file, of the same size. */
extern const char *other_path;
extern int other;
extern const unsigned char *other_bytes;
/* Whether the file is an array's, and in which mode it is mounted: r, + or c. */
extern bool is_array;
extern char mode;

/* How the file can be opened. */
#define O_MOST (mode == 'r' ? O_RDONLY : O_RDWR)

/* The page size, which is that of all Linux on x86-64 and most on arm64. */
enum { PAGE = 4096 };

void add_check(const char *name, void (*run)(void), int where);

#define CHECK(name, where)                                            \
    static void name(void);                                           \
    __attribute__((constructor)) static void add_##name(void)         \
    {                                                                 \
        add_check(#name, name, where);                                \
    }                                                                 \
    static void name(void)

void expect_equal(const char *file, int line, const char *what, long long got, long long expected);
void expect_refused(const char *file, int line, const char *what, long long got, int expected);
void expect_same(const char *file, int line, const char *what, const void *got,
                 const void *expected, size_t count);

/* The number `got` has to be the number `expected`. */
#define EQUAL(got, expected) \
    (errno = 0, expect_equal(__FILE__, __LINE__, #got, (long long)(got), (long long)(expected)))
/* The call has to return -1 with this errno. */
#define REFUSED(call, expected) \
    (errno = 0, expect_refused(__FILE__, __LINE__, #call, (long long)(call), expected))
/* Two pieces of memory have to hold the same bytes. */
#define SAME(got, expected, count) \
    expect_same(__FILE__, __LINE__, #got, got, expected, (size_t)(count))
/* The file has to hold the bytes at `expected` from byte `at` on. */
#define HOLDS(at, expected, count) SAME(contents(at, count), expected, count)

/* The bytes of the file from `at` on, as a new descriptor has them. */
const void *contents(long at, long count);
/* As many bytes that are not the file's, from another start each time. */
const unsigned char *new_bytes(int start, long count);
/* The file opened once more; as when `open` fails, -1. */
int reopened(int flags);
/* Maps `count` bytes of `of` from `at` on; what fails fails the check. */
unsigned char *mapped(int of, long at, long count, int protection, int flags);
/* The signal that ends a process that calls `run` with `argument`, or 0. */
int signal_of(void (*run)(void *), void *argument);
/* What `run` returns in another process, as exit status. */
int in_child(int (*run)(void));
/* A new file of these bytes, or none, on another file system: in memory. */
int outside(const void *from, long count);
