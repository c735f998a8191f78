/* The directory that holds the file: listing, names that are and are not, and no change to any. */
#include "checks.h"

#include <dirent.h>
#include <linux/fs.h>

struct entry {
    uint64_t inode;
    int64_t next;
    unsigned short length;
    unsigned char type;
    char name[];
};

struct listed {
    uint64_t inode;
    int64_t next;
    unsigned char type;
    char name[256];
};

/* Reads the directory on from where it stands, by pieces of `room` bytes; how many entries. */
static int list(int opened, long room, struct listed *into, int most)
{
    static char buffer[1 << 16] __attribute__((aligned(8)));
    int count = 0;
    long filled;
    while ((filled = syscall(SYS_getdents64, opened, buffer, room)) > 0) {
        for (long at = 0; at < filled;) {
            struct entry *entry = (struct entry *)(buffer + at);
            if (count < most) {
                into[count] = (struct listed){entry->inode, entry->next, entry->type, ""};
                strncpy(into[count++].name, entry->name, 255);
            }
            at += entry->length;
        }
    }
    EQUAL(filled, 0);
    return count;
}

static struct listed all[1000], some[1000];

CHECK(a_directory_is_listed_in_pieces_of_any_size, ANYWHERE)
{
    int opened = openat(directory, ".", O_RDONLY | O_DIRECTORY);
    int count = list(opened, 1 << 16, all, 1000);
    EQUAL(count > 5, 1);
    for (long room = 32; room < 300; room += 24) {
        EQUAL(lseek(opened, 0, SEEK_SET), 0);
        EQUAL(list(opened, room, some, 1000), count);
        for (int k = 0; k < count; k++)
            EQUAL(strcmp(all[k].name, some[k].name), 0);
    }
    char small[8];
    EQUAL(lseek(opened, 0, SEEK_SET), 0);
    REFUSED(syscall(SYS_getdents64, opened, small, sizeof small), EINVAL);
    close(opened);
}

CHECK(listing_goes_on_from_every_position_in_any_order, ANYWHERE)
{
    int opened = openat(directory, ".", O_RDONLY | O_DIRECTORY);
    int count = list(opened, 1 << 16, all, 1000);
    for (int k = count - 1; k >= 0; k--) {
        EQUAL(lseek(opened, all[k].next, SEEK_SET), all[k].next);
        EQUAL(list(opened, 64, some, 1000), count - k - 1);
        if (k + 1 < count)
            EQUAL(strcmp(all[k + 1].name, some[0].name), 0);
    }
    close(opened);
}

CHECK(what_is_listed_is_what_stat_finds, ANYWHERE)
{
    int opened = openat(directory, ".", O_RDONLY | O_DIRECTORY), found_name = 0;
    int count = list(opened, 1 << 16, all, 1000);
    for (int k = 0; k < count; k++) {
        struct stat found;
        EQUAL(fstatat(directory, all[k].name, &found, AT_SYMLINK_NOFOLLOW), 0);
        /* At the root of a mount, the directory above is another file system's. */
        if (strcmp(all[k].name, ".."))
            EQUAL(all[k].inode, found.st_ino);
        EQUAL(all[k].type, IFTODT(found.st_mode));
        found_name += !strcmp(all[k].name, name);
        for (int other_entry = 0; other_entry < k; other_entry++)
            EQUAL(strcmp(all[k].name, all[other_entry].name) != 0, 1);
    }
    EQUAL(found_name, 1);
    close(opened);
}

/* A name of `length` letters. */
static const char *long_name(int length)
{
    static char made[5000];
    memset(made, 'n', length);
    made[length] = 0;
    return made;
}

/* Names that are not UTF-8, and others that no array has. */
static const char *const odd_names[] = {
    "\xff", "\xc3\x28", "3\x80", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "a\nb", " ", "...", "3 ",
};
enum { ODD = sizeof odd_names / sizeof *odd_names };

CHECK(a_name_that_is_not_there_is_not_found, ANYWHERE)
{
    struct stat found;
    REFUSED(fstatat(directory, long_name(255), &found, 0), ENOENT);
    REFUSED(fstatat(directory, "", &found, 0), ENOENT);
    for (int k = 0; k < ODD; k++)
        REFUSED(fstatat(directory, odd_names[k], &found, 0), ENOENT);
}

CHECK(a_name_that_is_too_long_is_refused, ANYWHERE)
{
    struct stat found;
    int lengths[] = {256, 1000, 1024, 1025, 4000, 4096};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        REFUSED(fstatat(directory, long_name(lengths[k]), &found, 0), ENAMETOOLONG);
        REFUSED(openat(directory, long_name(lengths[k]), O_RDWR | O_CREAT, 0644), ENAMETOOLONG);
        REFUSED(mkdirat(directory, long_name(lengths[k]), 0755), ENAMETOOLONG);
    }
}

static int refusal(void)
{
    return mode == 'r' ? EROFS : EPERM;
}

CHECK(no_name_is_made, ON_ARRAYS)
{
    const char *names[ODD + 2] = {"missing", long_name(255)};
    memcpy(names + 2, odd_names, sizeof odd_names);
    for (int k = 0; k < ODD + 2; k++) {
        REFUSED(mkdirat(directory, names[k], 0755), refusal());
        REFUSED(symlinkat("target", directory, names[k]), refusal());
        REFUSED(mknodat(directory, names[k], S_IFREG | 0644, 0), refusal());
        REFUSED(mknodat(directory, names[k], S_IFIFO | 0644, 0), refusal());
        REFUSED(mknodat(directory, names[k], S_IFSOCK | 0644, 0), refusal());
        REFUSED(linkat(directory, name, directory, names[k], 0), refusal());
        REFUSED(linkat(fd, "", directory, names[k], AT_EMPTY_PATH), refusal());
        REFUSED(renameat(directory, name, directory, names[k]), refusal());
    }
    EQUAL(faccessat(directory, name, F_OK, 0), 0);
}

/* Names that read as an index: whoever writes them means a row. */
CHECK(no_index_and_no_file_of_macos_is_made, ON_ARRAYS)
{
    const char *names[] = {"700", "-700", "12345678901234567890123", "3 ", "...", "1:2", "._x", ".DS_Store"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        REFUSED(openat(directory, names[k], O_RDWR | O_CREAT, 0644), refusal());
}

CHECK(a_file_is_made_aside_under_any_other_name, WRITABLE)
{
    const char *names[] = {"missing", long_name(255), "\xff", "3\x80", "a\nb", ".3.x1Y2z3", "3~", "0.1f.partial", "0.__lock", "sedA1b2C3"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        int made = openat(directory, names[k], O_RDWR | O_CREAT | O_EXCL, 0644);
        EQUAL(made >= 0, 1);
        EQUAL(faccessat(directory, names[k], F_OK, 0), 0);
        EQUAL(unlinkat(directory, names[k], 0), 0);
        EQUAL(close(made), 0);
        REFUSED(faccessat(directory, names[k], F_OK, 0), ENOENT);
    }
}

CHECK(a_name_that_is_there_already_is_not_made, ON_ARRAYS)
{
    REFUSED(mkdirat(directory, name, 0755), EEXIST);
    REFUSED(symlinkat("target", directory, name), EEXIST);
    REFUSED(mknodat(directory, name, S_IFREG | 0644, 0), EEXIST);
    REFUSED(linkat(directory, name, directory, name, 0), EEXIST);
}

CHECK(no_name_is_removed, ON_ARRAYS)
{
    REFUSED(unlinkat(directory, name, 0), refusal());
    REFUSED(unlinkat(directory, name, AT_REMOVEDIR), mode == 'r' ? EROFS : ENOTDIR);
    REFUSED(unlinkat(directory, "missing", 0), mode == 'r' ? EROFS : ENOENT);
    REFUSED(unlinkat(directory, ".", AT_REMOVEDIR), EINVAL);
    EQUAL(faccessat(directory, name, F_OK, 0), 0);
}

/* Another name in the directory. */
static const char *neighbour(void)
{
    int opened = openat(directory, ".", O_RDONLY | O_DIRECTORY);
    int count = list(opened, 1 << 16, all, 1000), k = 0;
    close(opened);
    while (k < count && (all[k].name[0] == '.' || !strcmp(all[k].name, name)))
        k++;
    return all[k].name;
}

CHECK(no_name_is_changed, ON_ARRAYS)
{
    int flags[] = {0, RENAME_NOREPLACE, RENAME_WHITEOUT};
    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++) {
        REFUSED(renameat2(directory, name, directory, "missing", flags[k]), refusal());
        REFUSED(renameat2(directory, name, AT_FDCWD, "elsewhere", flags[k]), EXDEV);
    }
    REFUSED(renameat2(directory, name, directory, neighbour(), RENAME_EXCHANGE), refusal());
    REFUSED(renameat2(directory, "missing", directory, name, 0), mode == 'r' ? EROFS : ENOENT);
    REFUSED(renameat2(directory, name, directory, "x", RENAME_NOREPLACE | RENAME_EXCHANGE), EINVAL);
    EQUAL(faccessat(directory, name, F_OK, 0), 0);
}

CHECK(a_file_is_no_link_and_no_directory, ANYWHERE)
{
    char target[10];
    struct stat found;
    REFUSED(readlinkat(directory, name, target, sizeof target), EINVAL);
    REFUSED(fstatat(fd, "x", &found, 0), ENOTDIR);
    REFUSED(syscall(SYS_getdents64, fd, target, sizeof target), ENOTDIR);
    REFUSED(fchdir(fd), ENOTDIR);
}
