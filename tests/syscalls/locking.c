/* Locks: flock, and fcntl's of processes and of open files. */
#include "checks.h"

#include <sys/file.h>

static struct flock range(int type, long start, long length)
{
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

CHECK(flock_excludes_other_descriptors, ANYWHERE)
{
    int again = reopened(O_RDONLY), duplicate = dup(fd);
    EQUAL(flock(fd, LOCK_SH), 0);
    EQUAL(flock(again, LOCK_SH | LOCK_NB), 0);
    REFUSED(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    EQUAL(flock(again, LOCK_UN), 0);
    EQUAL(flock(fd, LOCK_EX | LOCK_NB), 0);
    REFUSED(flock(again, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    EQUAL(flock(duplicate, LOCK_UN), 0);
    EQUAL(flock(again, LOCK_EX | LOCK_NB), 0);
    close(again);
    EQUAL(flock(fd, LOCK_EX | LOCK_NB), 0);
    EQUAL(flock(fd, LOCK_UN), 0);
    close(duplicate);
}

static int other_type;

/* Which lock another process would meet in bytes 5 to 14, and what trying says. */
static int meets(void)
{
    int again = reopened(O_RDWR);
    struct flock lock = range(F_WRLCK, 5, 10);
    fcntl(again, F_GETLK, &lock);
    if (lock.l_type != F_UNLCK && lock.l_pid != getppid())
        return 100;
    int refused = fcntl(again, F_SETLK, &(struct flock){.l_type = other_type, .l_len = 10});
    return lock.l_type * 10 + (refused ? 1 : 0);
}

CHECK(locks_of_processes_exclude_others, WRITABLE)
{
    struct flock lock = range(F_WRLCK, 0, 10);
    other_type = F_RDLCK;
    EQUAL(in_child(meets), F_UNLCK * 10);
    EQUAL(fcntl(fd, F_SETLK, &lock), 0);
    EQUAL(in_child(meets), F_WRLCK * 10 + 1);
    lock = range(F_RDLCK, 0, 10);
    EQUAL(fcntl(fd, F_SETLKW, &lock), 0);
    EQUAL(in_child(meets), F_RDLCK * 10);
    other_type = F_WRLCK;
    EQUAL(in_child(meets), F_RDLCK * 10 + 1);
    /* Closing any descriptor of the file gives up the locks of the process. */
    close(reopened(O_RDONLY));
    EQUAL(in_child(meets), F_UNLCK * 10);
    EQUAL(lockf(fd, F_TLOCK, 100), 0);
    EQUAL(in_child(meets), F_WRLCK * 10 + 1);
    EQUAL(lockf(fd, F_ULOCK, 100), 0);
}

CHECK(locks_of_open_files_exclude_other_descriptors, WRITABLE)
{
    int again = reopened(O_RDWR);
    struct flock lock = range(F_WRLCK, size - 10, 0), test = range(F_RDLCK, size, 1);
    EQUAL(fcntl(fd, F_OFD_SETLK, &lock), 0);
    REFUSED(fcntl(again, F_OFD_SETLK, &test), EAGAIN);
    EQUAL(fcntl(again, F_OFD_GETLK, &test), 0);
    EQUAL(test.l_type, F_WRLCK);
    EQUAL(test.l_start, size - 10);
    EQUAL(test.l_pid, -1);
    test = range(F_WRLCK, 0, size - 10);
    EQUAL(fcntl(again, F_OFD_SETLK, &test), 0);
    close(again);
    test = range(F_WRLCK, 0, 0);
    EQUAL(fcntl(fd, F_OFD_SETLK, &test), 0);
}

CHECK(a_lock_needs_a_descriptor_that_could_do_it, ANYWHERE)
{
    int reader = reopened(O_RDONLY);
    struct flock lock = range(F_WRLCK, 0, 10);
    REFUSED(fcntl(reader, F_SETLK, &lock), EBADF);
    lock = range(F_RDLCK, 0, 10);
    EQUAL(fcntl(reader, F_SETLK, &lock), 0);
    close(reader);
}
