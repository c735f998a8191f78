/*
 * Runs the checks that belong on a file: `checks KIND MODE FILE OTHER`, where
 * KIND is "array" or "regular" and MODE is "r", "r+" or "c". A check prints
 * `ok NAME` with a digest of what it leaves in the files, or a line `FAIL
 * NAME: ...` for each thing that is not as expected. The next check begins
 * with what it leaves, but what is done on arrays only is undone, so that
 * files of both kinds that begin alike end alike.
 */
#include "checks.h"

#include <libgen.h>
#include <signal.h>

const char *path, *name, *other_path;
int directory, fd, other;
long size;
const unsigned char *bytes, *other_bytes;
bool is_array;
char mode;

static struct {
    const char *name;
    void (*run)(void);
    int where;
} checks[200];
static size_t count_of_checks;
static const char *current;
static int failures;

void add_check(const char *check, void (*run)(void), int where)
{
    if (count_of_checks == sizeof checks / sizeof *checks)
        abort();
    checks[count_of_checks].name = check;
    checks[count_of_checks].run = run;
    checks[count_of_checks++].where = where;
}

static void fail(const char *source, int line)
{
    failures++;
    printf("FAIL %s: %s:%d: ", current, basename(strdupa(source)), line);
}

void expect_equal(const char *source, int line, const char *what, long long got, long long expected)
{
    if (got == expected)
        return;
    int error = errno;
    fail(source, line);
    printf("%s: got %lld%s%s, expected %lld\n", what, got, error ? ", " : "",
           error ? strerror(error) : "", expected);
}

void expect_refused(const char *source, int line, const char *what, long long got, int expected)
{
    int error = errno;
    if (got == -1 && error == expected)
        return;
    fail(source, line);
    printf("%s: got %lld, %s, expected %s\n", what, got, got == -1 ? strerror(error) : "no error",
           strerror(expected));
}

void expect_same(const char *source, int line, const char *what, const void *got,
                 const void *expected, size_t count)
{
    const unsigned char *left = got, *right = expected;
    for (size_t k = 0; k < count; k++) {
        if (left[k] == right[k])
            continue;
        fail(source, line);
        printf("%s: byte %zu of %zu: got %d, expected %d\n", what, k, count, left[k], right[k]);
        return;
    }
}

/* What cannot be prepared ends the program. */
static void *needed(void *memory)
{
    if (!memory || memory == MAP_FAILED) {
        perror("memory");
        exit(2);
    }
    return memory;
}

static int open_or_exit(const char *which, int flags)
{
    int opened = open(which, flags);
    if (opened < 0) {
        perror(which);
        exit(2);
    }
    return opened;
}

static unsigned char *all_of(const char *which)
{
    unsigned char *read = needed(malloc(size));
    int opened = open_or_exit(which, O_RDONLY);
    if (pread(opened, read, size, 0) != size) {
        perror(which);
        exit(2);
    }
    close(opened);
    return read;
}

const void *contents(long at, long count)
{
    static unsigned char *buffer;
    buffer = needed(realloc(buffer, size));
    memset(buffer, 0, size);
    int opened = reopened(O_RDONLY);
    EQUAL(pread(opened, buffer, count, at), count);
    close(opened);
    return buffer;
}

const unsigned char *new_bytes(int start, long count)
{
    unsigned char *made = needed(malloc(count));
    for (long k = 0; k < count; k++)
        made[k] = start + 7 * k + k / 251;
    return made;
}

int reopened(int flags)
{
    return open(path, flags);
}

unsigned char *mapped(int of, long at, long count, int protection, int flags)
{
    void *memory = mmap(NULL, count, protection, flags, of, at);
    EQUAL(memory == MAP_FAILED, 0);
    return needed(memory);
}

int signal_of(void (*run)(void *), void *argument)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        run(argument);
        _exit(0);
    }
    int status = -1;
    EQUAL(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int in_child(int (*run)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(run());
    int status = -1;
    EQUAL(waitpid(child, &status, 0), child);
    EQUAL(WIFEXITED(status), 1);
    return WEXITSTATUS(status);
}

int outside(const void *from, long count)
{
    int made = memfd_create("outside", 0);
    EQUAL(pwrite(made, from, count, 0), count);
    return made;
}

static void put(const char *which, const unsigned char *from)
{
    int opened = open_or_exit(which, O_WRONLY);
    if (pwrite(opened, from, size, 0) != size) {
        perror(which);
        exit(2);
    }
    close(opened);
}

/* FNV-1a, of Fowler, Noll and Vo. */
static uint64_t digest(uint64_t hash, const unsigned char *of)
{
    for (long k = 0; k < size; k++)
        hash = (hash ^ of[k]) * 1099511628211u;
    return hash;
}

static void run_check(size_t number)
{
    current = checks[number].name;
    int before = failures;
    unsigned char *found = all_of(path), *found_in_other = all_of(other_path);
    bytes = found;
    other_bytes = found_in_other;
    fd = open_or_exit(path, O_MOST);
    other = open_or_exit(other_path, O_MOST);
    alarm(20);
    checks[number].run();
    alarm(0);
    close(fd);
    close(other);
    struct stat now;
    EQUAL(stat(path, &now), 0);
    EQUAL(now.st_size, size);
    unsigned char *left = all_of(path), *left_in_other = all_of(other_path);
    uint64_t of_both = digest(digest(14695981039346656037u, left), left_in_other);
    if (failures == before)
        printf("ok %s %016lx\n", current, of_both);
    if (mode != 'r' && checks[number].where & ON_ARRAYS) {
        put(path, found);
        put(other_path, found_in_other);
    }
    free(left);
    free(left_in_other);
    free(found);
    free(found_in_other);
}

/* What crashes or hangs is a failure of the check. */
static void end(int signal)
{
    printf("FAIL %s: signal %d\n", current, signal);
    fflush(stdout);
    _exit(1);
}

static bool belongs(int where)
{
    return !((where & ON_ARRAYS && !is_array) || (where & WRITABLE && mode == 'r') ||
             (where & READ_ONLY && mode != 'r') || (where & SHARED && portable) ||
             (where & SHARED && mode != 'r' && !direct_mappings));
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "usage: checks array|regular r|r+|c FILE OTHER\n");
        return 2;
    }
    is_array = !strcmp(arguments[1], "array");
    mode = arguments[2][strlen(arguments[2]) - 1];
    path = arguments[3];
    other_path = arguments[4];
    name = basename(strdup(path));
    directory = open_or_exit(dirname(strdup(path)), O_RDONLY | O_DIRECTORY);
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct stat found;
    if (stat(path, &found) || (size = found.st_size) <= 3 * PAGE || size % PAGE == 0) {
        fprintf(stderr, "%s: need a file of more than %d bytes\n", path, 3 * PAGE);
        return 2;
    }
    signal(SIGSEGV, end);
    signal(SIGBUS, end);
    signal(SIGALRM, end);
    for (size_t number = 0; number < count_of_checks; number++) {
        if (belongs(checks[number].where))
            run_check(number);
    }
    return failures > 0;
}
