/* What open does with each of its flags, and poll and friends on what is open. */
#include "checks.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/select.h>

/* Opens, and closes what was opened: 0, or -1. */
static int opens(int at, const char *what, int flags)
{
    int opened = openat(at, what, flags, 0644);
    return opened < 0 ? -1 : close(opened);
}

CHECK(an_existing_file_is_opened, ANYWHERE)
{
    EQUAL(opens(directory, name, O_RDONLY | O_CREAT), 0);
    EQUAL(opens(directory, name, O_MOST | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW), 0);
    EQUAL(opens(directory, name, O_RDONLY | O_NOATIME), 0);
    EQUAL(opens(directory, name, O_RDONLY | O_ASYNC), 0);
    EQUAL(opens(AT_FDCWD, path, O_RDONLY | O_LARGEFILE), 0);
    REFUSED(opens(directory, name, O_RDONLY | O_CREAT | O_EXCL), EEXIST);
    REFUSED(opens(directory, name, O_RDONLY | O_DIRECTORY), ENOTDIR);
    if (mode != 'r')
        EQUAL(opens(directory, name, O_RDWR | O_CREAT), 0);
}

CHECK(a_missing_file_is_not_made_without_o_creat, ON_ARRAYS)
{
    REFUSED(opens(directory, "missing", O_RDONLY), ENOENT);
    REFUSED(opens(directory, "missing", O_RDWR), ENOENT);
    REFUSED(opens(directory, "missing", O_WRONLY | O_TRUNC), ENOENT);
    REFUSED(opens(directory, ".", O_RDWR | O_TMPFILE), mode == 'r' ? EROFS : EOPNOTSUPP);
}

CHECK(a_directory_is_opened_for_reading_only, ANYWHERE)
{
    char buffer[10];
    EQUAL(opens(directory, ".", O_RDONLY | O_DIRECTORY), 0);
    EQUAL(opens(directory, "..", O_RDONLY), 0);
    REFUSED(opens(directory, ".", O_RDWR), EISDIR);
    REFUSED(opens(directory, ".", O_WRONLY | O_TRUNC), EISDIR);
    REFUSED(read(directory, buffer, 10), EISDIR);
    REFUSED(opens(fd, "x", O_RDONLY), ENOTDIR);
}

CHECK(a_path_descriptor_names_the_file, ANYWHERE)
{
    char buffer[10], again[40];
    struct stat by_path, by_name;
    int named = reopened(O_PATH);
    REFUSED(read(named, buffer, 10), EBADF);
    REFUSED(ftruncate(named, size), EBADF);
    EQUAL(fstat(named, &by_path), 0);
    EQUAL(stat(path, &by_name), 0);
    EQUAL(by_path.st_ino, by_name.st_ino);
    snprintf(again, sizeof again, "/proc/self/fd/%d", named);
    int opened = open(again, O_MOST);
    EQUAL(read(opened, buffer, 10), 10);
    SAME(buffer, bytes, 10);
    close(opened);
    close(named);
    int above = openat(directory, "..", O_PATH | O_DIRECTORY);
    EQUAL(opens(above, ".", O_RDONLY), 0);
    close(above);
}

CHECK(appending_is_refused, WRITABLE | ON_ARRAYS)
{
    int appending = reopened(O_WRONLY | O_APPEND);
    REFUSED(write(appending, "x", 1), EFBIG);
    EQUAL(lseek(appending, 0, SEEK_SET), 0);
    REFUSED(write(appending, "x", 1), EFBIG);
    /* On Linux, pwrite appends too. */
    REFUSED(pwrite(appending, "x", 1, 0), EFBIG);
    EQUAL(fcntl(appending, F_SETFL, 0), 0);
    EQUAL(pwrite(appending, "x", 1, 0), 1);
    close(appending);
    HOLDS(0, "x", 1);
}

CHECK(synchronous_writes_are_done, WRITABLE)
{
    int flags[] = {O_SYNC, O_DSYNC};
    for (int k = 0; k < 2; k++) {
        int opened = reopened(O_RDWR | flags[k]);
        EQUAL(pwrite(opened, new_bytes(k, 5000), 5000, 100 + k), 5000);
        EQUAL(fcntl(opened, F_GETFL) & (O_SYNC | O_DSYNC), flags[k]);
        close(opened);
        HOLDS(100 + k, new_bytes(k, 5000), 5000);
    }
}

CHECK(direct_reads_and_writes_are_done, ANYWHERE)
{
    unsigned char *buffer = aligned_alloc(PAGE, 5 * PAGE);
    int direct = reopened(O_MOST | O_DIRECT);
    EQUAL(pread(direct, buffer, 2 * PAGE, PAGE), 2 * PAGE);
    SAME(buffer, bytes + PAGE, 2 * PAGE);
    long last = size / PAGE * PAGE;
    EQUAL(pread(direct, buffer, PAGE, last), size - last);
    SAME(buffer, bytes + last, size - last);
    if (mode != 'r') {
        memcpy(buffer, new_bytes(1, 2 * PAGE), 2 * PAGE);
        EQUAL(pwrite(direct, buffer, 2 * PAGE, PAGE), 2 * PAGE);
        HOLDS(PAGE, new_bytes(1, 2 * PAGE), 2 * PAGE);
    }
    close(direct);
    free(buffer);
}

CHECK(direct_access_need_not_be_aligned, ON_ARRAYS)
{
    unsigned char buffer[5000];
    int direct = reopened(O_MOST | O_DIRECT);
    EQUAL(pread(direct, buffer + 1, 4001, 7), 4001);
    SAME(buffer + 1, bytes + 7, 4001);
    EQUAL(pread(direct, buffer + 3, 1, size - 1), 1);
    EQUAL(buffer[3], bytes[size - 1]);
    EQUAL(pread(direct, buffer, 9, size), 0);
    if (mode != 'r') {
        EQUAL(pwrite(direct, new_bytes(2, 4002) + 1, 4001, 7), 4001);
        HOLDS(7, new_bytes(2, 4002) + 1, 4001);
        REFUSED(pwrite(direct, buffer, 1, size), EFBIG);
    }
    close(direct);
}

CHECK(flags_can_be_changed_while_it_is_open, ANYWHERE)
{
    unsigned char *buffer = aligned_alloc(PAGE, PAGE);
    EQUAL(fcntl(fd, F_GETFL) & O_ACCMODE, O_MOST);
    EQUAL(fcntl(fd, F_SETFL, O_DIRECT | O_NONBLOCK | O_NOATIME), 0);
    EQUAL(pread(fd, buffer, PAGE, PAGE), PAGE);
    SAME(buffer, bytes + PAGE, PAGE);
    EQUAL(fcntl(fd, F_SETFL, 0), 0);
    EQUAL(fcntl(fd, F_GETFL) & (O_DIRECT | O_NONBLOCK), 0);
    free(buffer);
}

CHECK(a_file_is_always_ready, ANYWHERE)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN | POLLOUT};
    EQUAL(poll(&polled, 1, -1), 1);
    EQUAL(polled.revents, POLLIN | POLLOUT);
    fd_set readers, writers;
    FD_ZERO(&readers);
    FD_ZERO(&writers);
    FD_SET(fd, &readers);
    FD_SET(fd, &writers);
    EQUAL(select(fd + 1, &readers, &writers, NULL, NULL), 2);
}

/* A regular file refuses it (EPERM), and so programs fall back to plain reads. */
CHECK(epoll_finds_a_file_ready_too, ON_ARRAYS)
{
    struct epoll_event event = {.events = EPOLLIN};
    int queue = epoll_create1(0);
    EQUAL(epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event), 0);
    EQUAL(epoll_wait(queue, &event, 1, -1), 1);
    EQUAL(event.events, EPOLLIN);
    close(queue);
}

CHECK(writes_through_the_same_name_are_notified, WRITABLE)
{
    char buffer[4096];
    int watcher = inotify_init1(IN_NONBLOCK);
    EQUAL(inotify_add_watch(watcher, path, IN_MODIFY | IN_CLOSE_WRITE), 1);
    int writer = reopened(O_WRONLY);
    EQUAL(write(writer, "x", 1), 1);
    close(writer);
    long length = read(watcher, buffer, sizeof buffer);
    EQUAL(length, 2 * sizeof(struct inotify_event));
    EQUAL(((struct inotify_event *)buffer)[0].mask, IN_MODIFY);
    EQUAL(((struct inotify_event *)buffer)[1].mask, IN_CLOSE_WRITE);
    close(watcher);
}
