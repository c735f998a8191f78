/* Files that are made beside the file and renamed over it. */
#include "checks.h"

#include <linux/fs.h>
#include <sys/file.h>

/* A new file beside the checked one, of `count` bytes at `from`. */
static int made_aside(const char *aside, const void *from, long count)
{
    int made = openat(directory, aside, O_RDWR | O_CREAT | O_EXCL, 0600);
    EQUAL(pwrite(made, from, count, 0), count);
    return made;
}

/* How many names the directory lists that begin with "aside". */
static int listed(void)
{
    char command[4200];
    snprintf(command, sizeof command, "ls -A \"$(dirname '%s')\" | grep -c ^aside", path);
    FILE *counted = popen(command, "r");
    int count = -1;
    EQUAL(fscanf(counted, "%d", &count), 1);
    pclose(counted);
    return count;
}

CHECK(a_file_made_aside_is_a_file, WRITABLE)
{
    struct stat found, by_name;
    mode_t mask = umask(027);
    int made = openat(directory, "aside", O_RDWR | O_CREAT | O_EXCL, 0666);
    umask(mask);
    EQUAL(fstat(made, &found), 0);
    EQUAL(found.st_mode, S_IFREG | 0640);
    EQUAL(found.st_size, 0);
    EQUAL(found.st_nlink, 1);
    EQUAL(found.st_uid, getuid());
    EQUAL(found.st_gid, getgid());
    REFUSED(openat(directory, "aside", O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
    REFUSED(mkdirat(directory, "aside", 0755), EEXIST);

    EQUAL(pwrite(made, "abcdef", 6, 0), 6);
    EQUAL(pwrite(made, "xyz", 3, 100000), 3);
    EQUAL(ftruncate(made, 100002), 0);
    EQUAL(ftruncate(made, 200000), 0);
    EQUAL(fstatat(directory, "aside", &by_name, AT_SYMLINK_NOFOLLOW), 0);
    EQUAL(by_name.st_ino, found.st_ino);
    EQUAL(by_name.st_size, 200000);
    char read[8] = "--------";
    EQUAL(pread(made, read, 8, 3), 8);
    SAME(read, "def\0\0\0\0\0", 8);
    EQUAL(pread(made, read, 8, 99998), 8);
    SAME(read, "\0\0xy\0\0\0\0", 8);
    EQUAL(pread(made, read, 8, 199999), 1);
    EQUAL(pread(made, read, 8, 200000), 0);
    EQUAL(lseek(made, 0, SEEK_END), 200000);

    EQUAL(fchmod(made, 0751), 0);
    struct timespec times[] = {{1000, 0}, {2000, 5}};
    EQUAL(futimens(made, times), 0);
    EQUAL(fstatat(directory, "aside", &by_name, 0), 0);
    EQUAL(by_name.st_mode, S_IFREG | 0751);
    EQUAL(by_name.st_atim.tv_sec, 1000);
    EQUAL(by_name.st_mtim.tv_sec, 2000);
    EQUAL(by_name.st_mtim.tv_nsec, 5);
    EQUAL(fsync(made), 0);
    EQUAL(close(made), 0);

    made = openat(directory, "aside", O_WRONLY | O_APPEND);
    EQUAL(write(made, "end", 3), 3);
    EQUAL(close(made), 0);
    made = openat(directory, "aside", O_RDWR);
    EQUAL(pread(made, read, 8, 199998), 5);
    SAME(read, "\0\0end", 5);
    EQUAL(close(made), 0);
    made = openat(directory, "aside", O_RDWR | O_TRUNC);
    EQUAL(fstat(made, &found), 0);
    EQUAL(found.st_size, 0);
    EQUAL(fstat(made, &found), 0);
    EQUAL(close(made), 0);
    EQUAL(unlinkat(directory, "aside", 0), 0);
    REFUSED(openat(directory, "aside", O_RDWR), ENOENT);
}

CHECK(a_file_made_aside_and_removed_lives_while_it_is_open, WRITABLE)
{
    struct stat found;
    char read[3];
    int made = made_aside("aside", "abc", 3);
    EQUAL(unlinkat(directory, "aside", 0), 0);
    REFUSED(unlinkat(directory, "aside", 0), ENOENT);
    REFUSED(fstatat(directory, "aside", &found, 0), ENOENT);
    EQUAL(fstat(made, &found), 0);
    EQUAL(found.st_nlink, 0);
    EQUAL(pwrite(made, "B", 1, 1), 1);
    EQUAL(pread(made, read, 3, 0), 3);
    SAME(read, "aBc", 3);
    int other_made = made_aside("aside", "xyz", 3);
    EQUAL(pread(made, read, 3, 0), 3);
    SAME(read, "aBc", 3);
    EQUAL(close(made), 0);
    EQUAL(close(other_made), 0);
    EQUAL(unlinkat(directory, "aside", 0), 0);
}

CHECK(a_file_made_aside_replaces_the_file, WRITABLE)
{
    const unsigned char *expected = new_bytes(1, size);
    int made = made_aside("aside", expected, size);
    EQUAL(fchmod(made, 0600), 0);
    EQUAL(renameat(directory, "aside", directory, name), 0);
    HOLDS(0, expected, size);
    REFUSED(openat(directory, "aside", O_RDONLY), ENOENT);
    /* A descriptor goes on to the file. */
    unsigned char read[100];
    EQUAL(pread(made, read, 100, PAGE), 100);
    SAME(read, expected + PAGE, 100);
    EQUAL(pwrite(made, "written", 7, PAGE - 3), 7);
    EQUAL(fsync(made), 0);
    HOLDS(PAGE - 3, "written", 7);
    int again = reopened(O_RDWR);
    EQUAL(pwrite(again, "again", 5, 10), 5);
    EQUAL(pread(made, read, 5, 10), 5);
    SAME(read, "again", 5);
    EQUAL(lseek(made, 0, SEEK_END), size);
    struct stat found, by_name;
    EQUAL(fstat(made, &found), 0);
    EQUAL(fstatat(directory, name, &by_name, 0), 0);
    EQUAL(found.st_size, size);
    EQUAL(by_name.st_nlink, 1);
    close(again);
    close(made);
    HOLDS(20, expected + 20, PAGE - 30);
}

CHECK(a_file_made_aside_can_be_made_again_at_once, WRITABLE)
{
    for (int k = 0; k < 20; k++) {
        const unsigned char *expected = new_bytes(k, size);
        int made = made_aside("aside", expected, size);
        EQUAL(close(made), 0);
        EQUAL(renameat(directory, "aside", directory, name), 0);
        HOLDS(0, expected, size);
    }
}

CHECK(a_file_made_aside_can_be_mapped, WRITABLE | SHARED)
{
    const unsigned char *expected = new_bytes(2, size);
    int made = made_aside("aside", expected, size);
    unsigned char *map = mapped(made, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    SAME(map, expected, size);
    memcpy(map + 5000, "stored", 6);
    EQUAL(msync(map, size, MS_SYNC), 0);
    EQUAL(renameat(directory, "aside", directory, name), 0);
    HOLDS(5000, "stored", 6);
    HOLDS(0, expected, 5000);
    /* The mapping is of the file now, both ways. */
    int again = reopened(O_RDWR);
    EQUAL(pwrite(again, "through the name", 16, 4090), 16);
    SAME(map + 4090, "through the name", 16);
    memcpy(map + 100, "through the mapping", 19);
    EQUAL(msync(map, size, MS_SYNC), 0);
    HOLDS(100, "through the mapping", 19);
    HOLDS(4090, "through the name", 16);
    close(again);
    munmap(map, size);
    close(made);
}

CHECK(a_store_to_a_mapped_file_made_aside_is_not_lost_by_the_rename, WRITABLE | SHARED)
{
    const unsigned char *expected = new_bytes(3, size);
    int made = made_aside("aside", expected, size);
    unsigned char *map = mapped(made, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    memcpy(map + 5000, "stored", 6);
    EQUAL(close(made), 0);
    memcpy(map + 9000, "later", 5);
    EQUAL(renameat(directory, "aside", directory, name), 0);
    munmap(map, size);
    HOLDS(5000, "stored", 6);
    HOLDS(9000, "later", 5);
    HOLDS(0, expected, 5000);
}

CHECK(locks_of_a_file_made_aside_are_the_kernels, WRITABLE)
{
    int made = made_aside("aside", "abc", 3);
    int again = openat(directory, "aside", O_RDWR);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    EQUAL(fcntl(made, F_OFD_SETLK, &whole), 0);
    REFUSED(fcntl(again, F_OFD_SETLK, &whole), EAGAIN);
    EQUAL(flock(made, LOCK_EX | LOCK_NB), 0);
    REFUSED(flock(again, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    EQUAL(close(made), 0);
    EQUAL(fcntl(again, F_OFD_SETLK, &whole), 0);
    EQUAL(close(again), 0);
    EQUAL(unlinkat(directory, "aside", 0), 0);
}

CHECK(a_file_made_aside_is_in_no_listing, ON_ARRAYS | WRITABLE)
{
    int made = made_aside("aside", "abc", 3);
    EQUAL(listed(), 0);
    EQUAL(faccessat(directory, "aside", R_OK | W_OK, 0), 0);
    EQUAL(close(made), 0);
    EQUAL(unlinkat(directory, "aside", 0), 0);
}

CHECK(a_file_made_aside_is_renamed_over_a_file_of_its_size_only, ON_ARRAYS | WRITABLE)
{
    const unsigned char *expected = new_bytes(4, size);
    int made = made_aside("aside", expected, size - 1);
    REFUSED(renameat(directory, "aside", directory, name), EINVAL);
    EQUAL(ftruncate(made, size + 1), 0);
    REFUSED(renameat(directory, "aside", directory, name), EINVAL);
    EQUAL(ftruncate(made, size - 1), 0);
    EQUAL(pwrite(made, expected + size - 1, 1, size - 1), 1);
    REFUSED(renameat(directory, "aside", directory, "elsewhere"), EPERM);
    REFUSED(renameat(directory, name, directory, "aside"), EPERM);
    REFUSED(renameat2(directory, "aside", directory, name, RENAME_NOREPLACE), EEXIST);
    REFUSED(renameat2(directory, "aside", directory, name, RENAME_EXCHANGE), EPERM);
    REFUSED(renameat(directory, "aside", AT_FDCWD, "elsewhere"), EXDEV);
    REFUSED(linkat(directory, "aside", directory, "elsewhere", 0), EPERM);
    int third = made_aside("aside2", expected, 5);
    REFUSED(renameat(directory, "aside", directory, "aside2"), EPERM);
    EQUAL(unlinkat(directory, "aside2", 0), 0);
    EQUAL(close(third), 0);
    HOLDS(0, bytes, size);
    EQUAL(renameat(directory, "aside", directory, name), 0);
    HOLDS(0, expected, size);
    EQUAL(ftruncate(made, size), 0);
    REFUSED(ftruncate(made, size - 1), EPERM);
    REFUSED(pwrite(made, "x", 1, size), EFBIG);
    REFUSED(fchmod(made, 0600), EPERM);
    EQUAL(close(made), 0);
}

CHECK(a_name_goes_on_meaning_the_file_of_the_array, ON_ARRAYS | WRITABLE)
{
    struct stat before, found;
    EQUAL(fstatat(directory, name, &before, 0), 0);
    for (int k = 0; k < 3; k++) {
        int made = made_aside("aside", bytes, size);
        EQUAL(fchmod(made, 0600), 0);
        /* The kernel has looked the name up. */
        EQUAL(fstatat(directory, "aside", &found, 0), 0);
        EQUAL(found.st_ino != before.st_ino, 1);
        EQUAL(renameat(directory, "aside", directory, name), 0);
        EQUAL(fstatat(directory, name, &found, 0), 0);
        EQUAL(found.st_ino, before.st_ino);
        EQUAL(found.st_mode, before.st_mode);
        EQUAL(found.st_nlink, 1);
        EQUAL(fstat(fd, &found), 0);
        EQUAL(found.st_ino, before.st_ino);
        EQUAL(found.st_nlink, 1);
        REFUSED(fstatat(directory, "aside", &found, 0), ENOENT);
        EQUAL(close(made), 0);
    }
    HOLDS(0, bytes, size);
}

/* A truncation of the file, which then counts as empty until written. */
CHECK(a_rename_over_a_truncated_file_writes_all_of_it, ON_ARRAYS | WRITABLE)
{
    const unsigned char *expected = new_bytes(5, size);
    int opened = reopened(O_WRONLY | O_TRUNC);
    int made = made_aside("aside", expected, size);
    EQUAL(close(made), 0);
    EQUAL(renameat(directory, "aside", directory, name), 0);
    EQUAL(pwrite(opened, "later", 5, 6000), 5);
    EQUAL(ftruncate(opened, size), 0);
    EQUAL(close(opened), 0);
    HOLDS(6000, "later", 5);
    HOLDS(0, expected, 6000);
    HOLDS(6005, expected + 6005, size - 6005);
}

CHECK(a_mapping_of_the_file_shows_what_is_renamed_over_it, ON_ARRAYS | WRITABLE | SHARED)
{
    const unsigned char *expected = new_bytes(6, size);
    unsigned char *map = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    SAME(map, bytes, size);
    int made = made_aside("aside", expected, size);
    EQUAL(renameat(directory, "aside", directory, name), 0);
    SAME(map, expected, size);
    memcpy(map + 50, "stored", 6);
    EQUAL(msync(map, size, MS_SYNC), 0);
    unsigned char read[6];
    EQUAL(pread(made, read, 6, 50), 6);
    SAME(read, "stored", 6);
    munmap(map, size);
    close(made);
}

CHECK(a_directory_of_read_only_files_takes_none, ON_ARRAYS | READ_ONLY)
{
    REFUSED(openat(directory, "aside", O_RDWR | O_CREAT, 0600), EROFS);
    REFUSED(unlinkat(directory, "aside", 0), EROFS);
}
