/* What is said about a file, and times: stat's kin, access, controls, extended attributes. */
#include "checks.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>

static struct stat now(void)
{
    struct stat found;
    EQUAL(stat(path, &found), 0);
    return found;
}

/* Whether mode c accepts times and drops them. */
static bool dropped(void)
{
    return is_array && mode == 'c';
}

/* A time has to be the one set, or the one before where it is dropped. */
static void is_time(struct timespec got, struct timespec set, struct timespec before)
{
    struct timespec expected = dropped() ? before : set;
    EQUAL(got.tv_sec, expected.tv_sec);
    EQUAL(got.tv_nsec, expected.tv_nsec);
}

CHECK(times_are_set_to_the_nanosecond, WRITABLE)
{
    struct timespec pairs[][2] = {
        {{1000000000, 123456789}, {1500000000, 987654321}},
        {{0, 0}, {0, 1}},
        {{2000000000, 999999999}, {1, 0}},
        {{-1000, 0}, {-1, 0}},
    };
    EQUAL(pwrite(fd, bytes, 1, 0), 1);
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++) {
        struct stat before = now();
        if (k % 2)
            EQUAL(futimens(fd, pairs[k]), 0);
        else
            EQUAL(utimensat(directory, name, pairs[k], 0), 0);
        is_time(now().st_atim, pairs[k][0], before.st_atim);
        is_time(now().st_mtim, pairs[k][1], before.st_mtim);
    }
}

CHECK(a_time_can_be_left_out, WRITABLE)
{
    struct timespec both[] = {{1000, 1}, {2000, 2}};
    struct timespec access[] = {{3000, 3}, {0, UTIME_OMIT}};
    struct timespec modification[] = {{0, UTIME_OMIT}, {4000, 4}};
    struct timespec neither[] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    struct stat before = now();
    EQUAL(futimens(fd, both), 0);
    EQUAL(futimens(fd, access), 0);
    is_time(now().st_atim, access[0], before.st_atim);
    is_time(now().st_mtim, both[1], before.st_mtim);
    EQUAL(futimens(fd, modification), 0);
    EQUAL(futimens(fd, neither), 0);
    is_time(now().st_atim, access[0], before.st_atim);
    is_time(now().st_mtim, modification[1], before.st_mtim);
}

/* Whether a time is at or after `from`, but for the coarser clock of file systems. */
static bool since(struct timespec time, struct timespec from)
{
    return time.tv_sec > from.tv_sec - 1;
}

CHECK(times_are_set_to_now, WRITABLE)
{
    struct timespec long_ago[] = {{1000, 0}, {1000, 0}};
    struct timespec present[] = {{0, UTIME_NOW}, {0, UTIME_NOW}}, start;
    clock_gettime(CLOCK_REALTIME, &start);
    EQUAL(futimens(fd, long_ago), 0);
    EQUAL(futimens(fd, present), 0);
    EQUAL(dropped() || since(now().st_atim, start), 1);
    EQUAL(dropped() || since(now().st_mtim, start), 1);
    EQUAL(futimens(fd, long_ago), 0);
    EQUAL(futimens(fd, NULL), 0);
    EQUAL(dropped() || since(now().st_mtim, start), 1);
}

CHECK(writing_moves_the_modification_time, WRITABLE)
{
    struct timespec long_ago[] = {{1000, 0}, {1000, 0}}, start;
    clock_gettime(CLOCK_REALTIME, &start);
    EQUAL(futimens(fd, long_ago), 0);
    EQUAL(pwrite(fd, "x", 1, 0), 1);
    EQUAL(since(now().st_mtim, start), 1);
    EQUAL(since(now().st_ctim, start), 1);
}

CHECK(times_that_cannot_be_are_refused, WRITABLE)
{
    struct timespec wrong[] = {{0, 1000000000}, {0, 0}};
    REFUSED(futimens(fd, wrong), EINVAL);
    REFUSED(utimensat(directory, name, NULL, 99), EINVAL);
    REFUSED(utimensat(directory, "missing", NULL, 0), ENOENT);
}

CHECK(times_of_what_cannot_be_written_are_not_set, READ_ONLY | ON_ARRAYS)
{
    REFUSED(futimens(fd, NULL), EROFS);
    REFUSED(utimensat(directory, name, NULL, 0), EROFS);
    REFUSED(fchmod(fd, 0600), EROFS);
    REFUSED(fchown(fd, 1, 1), EROFS);
}

/* The mount of this number in /proc/self/mountinfo: its device. */
static dev_t device_of_mount(unsigned long long mount)
{
    char line[8192];
    FILE *table = fopen("/proc/self/mountinfo", "r");
    dev_t found = 0;
    while (table && fgets(line, sizeof line, table)) {
        unsigned long long number;
        unsigned major_number, minor_number;
        if (sscanf(line, "%llu %*d %u:%u", &number, &major_number, &minor_number) == 3 &&
            number == mount)
            found = makedev(major_number, minor_number);
    }
    fclose(table);
    return found;
}

CHECK(statx_says_what_stat_says, ANYWHERE)
{
    int hows[] = {0, AT_STATX_FORCE_SYNC, AT_STATX_DONT_SYNC, AT_SYMLINK_NOFOLLOW};
    struct stat plain = now();
    for (size_t k = 0; k < sizeof hows / sizeof *hows; k++) {
        struct statx found;
        EQUAL(statx(directory, name, hows[k], STATX_ALL | STATX_MNT_ID, &found), 0);
        EQUAL(found.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
        EQUAL(found.stx_size, size);
        EQUAL(found.stx_ino, plain.st_ino);
        EQUAL(found.stx_mode, plain.st_mode);
        EQUAL(found.stx_mode & S_IFMT, S_IFREG);
        EQUAL(found.stx_nlink, plain.st_nlink);
        EQUAL(found.stx_blksize, plain.st_blksize);
        EQUAL(found.stx_blocks, plain.st_blocks);
        EQUAL(found.stx_mtime.tv_nsec, plain.st_mtim.tv_nsec);
        EQUAL(makedev(found.stx_dev_major, found.stx_dev_minor), plain.st_dev);
        EQUAL(found.stx_mask & STATX_MNT_ID, STATX_MNT_ID);
        EQUAL(device_of_mount(found.stx_mnt_id), plain.st_dev);
        EQUAL(found.stx_attributes & STATX_ATTR_MOUNT_ROOT, 0);
    }
    struct statx found;
    EQUAL(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &found), 0);
    EQUAL(found.stx_size, size);
    REFUSED(statx(directory, "missing", 0, STATX_ALL, &found), ENOENT);
}

CHECK(the_blocks_follow_from_the_size, ON_ARRAYS)
{
    long block = PAGE;
    while (block < size)
        block *= 2;
    struct stat found = now();
    EQUAL(found.st_blksize, block);
    EQUAL(found.st_blocks, (size + 511) / 512);
    EQUAL(found.st_mode & 07777, mode == 'r' ? 0444 : 0644);
}

CHECK(access_follows_the_bits, ANYWHERE)
{
    EQUAL(access(path, F_OK), 0);
    EQUAL(access(path, R_OK), 0);
    EQUAL(faccessat(directory, name, R_OK, AT_EACCESS), 0);
    REFUSED(access(path, X_OK), EACCES);
    EQUAL(faccessat(directory, ".", X_OK, 0), 0);
    REFUSED(faccessat(directory, "missing", F_OK, 0), ENOENT);
    if (mode != 'r')
        EQUAL(access(path, R_OK | W_OK), 0);
    else if (is_array)
        REFUSED(access(path, W_OK), EROFS);
}

CHECK(owner_and_bits_are_set_to_what_they_are_only, WRITABLE | ON_ARRAYS)
{
    struct stat found = now();
    EQUAL(fchmod(fd, found.st_mode & 07777), 0);
    EQUAL(fchown(fd, found.st_uid, found.st_gid), 0);
    EQUAL(fchown(fd, -1, -1), 0);
    REFUSED(fchmod(fd, 0600), EPERM);
    REFUSED(fchmodat(directory, name, 04755, 0), EPERM);
    REFUSED(fchmodat(directory, ".", 0700, 0), EPERM);
    REFUSED(fchown(fd, found.st_uid + 1, -1), EPERM);
}

CHECK(what_is_left_to_read_is_told, ANYWHERE)
{
    int left = 0, block = 0;
    EQUAL(ioctl(fd, FIONREAD, &left), 0);
    EQUAL(left, size);
    EQUAL(lseek(fd, 100, SEEK_SET), 100);
    EQUAL(ioctl(fd, FIONREAD, &left), 0);
    EQUAL(left, size - 100);
    EQUAL(ioctl(fd, FIGETBSZ, &block), 0);
    EQUAL(block, PAGE);
}

CHECK(there_is_nothing_else_to_control, ON_ARRAYS)
{
    int flags = 0;
    char space[4096] = {0};
    REFUSED(ioctl(fd, FS_IOC_GETFLAGS, &flags), ENOTTY);
    REFUSED(ioctl(fd, FS_IOC_SETFLAGS, &flags), mode == 'r' ? EROFS : ENOTTY);
    REFUSED(ioctl(fd, FS_IOC_FSGETXATTR, space), ENOTTY);
    REFUSED(ioctl(directory, FS_IOC_GETFLAGS, &flags), ENOTTY);
    REFUSED(ioctl(fd, FS_IOC_FIEMAP, space), EOPNOTSUPP);
    REFUSED(ioctl(fd, 0x5401 /* TCGETS */, space), ENOTTY);
    EQUAL(isatty(fd), 0);
    if (mode != 'r')
        REFUSED(ioctl(fd, FICLONE, fd), EOPNOTSUPP);
}

CHECK(there_are_no_extended_attributes, ON_ARRAYS)
{
    char value[100];
    int refusal = mode == 'r' ? EROFS : ENOTSUP;
    const char *names[] = {"user.dtype", "security.capability", "security.selinux", "trusted.x"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        REFUSED(getxattr(path, names[k], value, sizeof value), ENOTSUP);
        REFUSED(fgetxattr(fd, names[k], value, sizeof value), ENOTSUP);
    }
    /* There is no list, or as Linux before 6.2 has it, there cannot be one. */
    long got = getxattr(path, "system.posix_acl_access", value, sizeof value);
    int why = errno;
    EQUAL(got == -1 && (why == ENODATA || why == ENOTSUP), 1);
    REFUSED(listxattr(path, value, sizeof value), ENOTSUP);
    REFUSED(flistxattr(directory, value, sizeof value), ENOTSUP);
    REFUSED(fsetxattr(fd, "user.dtype", "f4", 2, 0), refusal);
    REFUSED(setxattr(path, "user.dtype", "f4", 2, XATTR_CREATE), refusal);
    REFUSED(fremovexattr(fd, "user.dtype"), refusal);
}

CHECK(statfs_shows_a_full_file_system, ON_ARRAYS)
{
    struct statfs found;
    struct statvfs portable;
    EQUAL(fstatfs(fd, &found), 0);
    EQUAL(found.f_type, FUSE_SUPER_MAGIC);
    EQUAL(found.f_bfree + found.f_bavail + found.f_ffree, 0);
    EQUAL(found.f_namelen, 255);
    EQUAL(fpathconf(fd, _PC_NAME_MAX), 255);
    EQUAL(fstatvfs(fd, &portable), 0);
    EQUAL(portable.f_flag & (ST_NOSUID | ST_NODEV | ST_RDONLY),
          ST_NOSUID | ST_NODEV | (mode == 'r' ? ST_RDONLY : 0));
}

CHECK(a_handle_leads_back_to_an_open_file, ON_ARRAYS)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    } named = {.handle.handle_bytes = MAX_HANDLE_SZ};
    int mount;
    EQUAL(name_to_handle_at(directory, name, &named.handle, &mount, 0), 0);
    struct file_handle small = {.handle_bytes = 0};
    REFUSED(name_to_handle_at(directory, name, &small, &mount, 0), EOVERFLOW);
    if (geteuid() != 0)
        return;
    unsigned char buffer[100];
    int opened = open_by_handle_at(directory, &named.handle, O_MOST);
    EQUAL(pread(opened, buffer, 100, 50), 100);
    SAME(buffer, bytes + 50, 100);
    close(opened);
}
