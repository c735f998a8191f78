/*
 * Handles of files, as NFS servers give them to their clients (open_by_handle_at(2)).
 *
 * handles save MOUNT STORE [PATH...]   the handles of all that is listed below MOUNT, and
 *                                      of these paths, and what each leads to
 * handles open MOUNT STORE             opens each of them, and prints every one that
 *                                      fails or leads to something else
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct known {
    char path[512];
    struct stat stat;
    uint64_t digest;
    struct {
        struct file_handle head;
        unsigned char bytes[MAX_HANDLE_SZ];
    } handle;
};

static FILE *store;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* FNV-1a of what a file holds; of a directory it is not asked for. */
static uint64_t digest(int fd)
{
    unsigned char buffer[1 << 16];
    uint64_t hash = 0xcbf29ce484222325;
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0)
        for (ssize_t k = 0; k < count; k++)
            hash = (hash ^ buffer[k]) * 0x100000001b3;
    if (count < 0)
        die("read");
    return hash;
}

static int save(const char *path, const struct stat *found, int flag, struct FTW *place)
{
    struct known known = {.stat = *found, .handle.head.handle_bytes = MAX_HANDLE_SZ};
    int mount;
    (void)flag;
    (void)place;
    snprintf(known.path, sizeof known.path, "%s", path);
    if (name_to_handle_at(AT_FDCWD, path, &known.handle.head, &mount, 0))
        die(path);
    if (S_ISREG(found->st_mode)) {
        int fd = open(path, O_RDONLY);
        if (fd < 0)
            die(path);
        known.digest = digest(fd);
        close(fd);
    }
    if (fwrite(&known, sizeof known, 1, store) != 1)
        die("store");
    return 0;
}

static const char *trouble(int mount, struct known *known)
{
    struct stat found;
    int fd = open_by_handle_at(mount, &known->handle.head, O_RDONLY);
    const char *why = NULL;
    if (fd < 0)
        return strerror(errno);
    if (fstat(fd, &found))
        why = "no fstat";
    else if (found.st_ino != known->stat.st_ino || found.st_mode != known->stat.st_mode ||
             found.st_size != known->stat.st_size)
        why = "another node";
    else if (S_ISREG(found.st_mode) && digest(fd) != known->digest)
        why = "other bytes";
    close(fd);
    return why;
}

int main(int count, char **words)
{
    struct known known;
    int opened = 0;
    if (count < 4)
        return 2;
    int mount = open(words[2], O_RDONLY | O_DIRECTORY);
    int is_save = strcmp(words[1], "save") == 0;
    store = fopen(words[3], is_save ? "w" : "r");
    if (mount < 0 || !store)
        die(words[2]);
    if (is_save) {
        if (nftw(words[2], save, 16, FTW_PHYS | FTW_MOUNT))
            die("nftw");
        for (int k = 4; k < count; k++) {
            struct stat found;
            if (stat(words[k], &found))
                die(words[k]);
            save(words[k], &found, 0, NULL);
        }
        return fclose(store) ? 1 : 0;
    }
    for (; fread(&known, sizeof known, 1, store) == 1; opened++) {
        const char *why = trouble(mount, &known);
        if (why)
            printf("%s: %s\n", known.path, why);
    }
    fprintf(stderr, "%d handles\n", opened);
    return opened == 0;
}
