/* Moving bytes from descriptor to descriptor within the kernel, and advice on it. */
#include "checks.h"

#include <sys/sendfile.h>
#include <sys/socket.h>

/* The bytes that are in a memory file, which this closes. */
static const void *of_outside(int made, long at, long count)
{
    static unsigned char buffer[1 << 18];
    EQUAL(pread(made, buffer, count, at), count);
    close(made);
    return buffer;
}

/* What is in a pipe or a socket, which has `count` bytes. */
static const void *drained(int from, long count)
{
    static unsigned char buffer[1 << 18];
    for (long done = 0; done < count;) {
        long step = read(from, buffer + done, count - done);
        if (step <= 0) {
            EQUAL(step, count - done);
            break;
        }
        done += step;
    }
    return buffer;
}

CHECK(copy_file_range_copies_between_files, WRITABLE)
{
    off_t from = 5, to = 1000;
    EQUAL(copy_file_range(fd, &from, other, &to, 5000, 0), 5000);
    EQUAL(from, 5005);
    EQUAL(to, 6000);
    EQUAL(lseek(fd, 0, SEEK_CUR), 0);
    unsigned char *copied = mapped(other, 0, size, PROT_READ, MAP_PRIVATE);
    SAME(copied, other_bytes, 1000);
    SAME(copied + 1000, bytes + 5, 5000);
    SAME(copied + 6000, other_bytes + 6000, size - 6000);
    munmap(copied, size);
    EQUAL(lseek(other, 2, SEEK_SET), 2);
    EQUAL(copy_file_range(other, NULL, fd, NULL, 50, 0), 50);
    EQUAL(lseek(other, 0, SEEK_CUR), 52);
    EQUAL(lseek(fd, 0, SEEK_CUR), 50);
    HOLDS(0, other_bytes + 2, 50);
}

CHECK(copy_file_range_copies_within_a_file, WRITABLE)
{
    off_t from = 0, to = 2 * PAGE + 1;
    EQUAL(copy_file_range(fd, &from, fd, &to, PAGE, 0), PAGE);
    HOLDS(2 * PAGE + 1, bytes, PAGE);
    from = 0, to = 10;
    REFUSED(copy_file_range(fd, &from, fd, &to, 11, 0), EINVAL);
    from = size - 5, to = 0;
    EQUAL(copy_file_range(fd, &from, fd, &to, 100, 0), 5);
    from = size, to = 0;
    EQUAL(copy_file_range(fd, &from, fd, &to, 100, 0), 0);
    HOLDS(0, bytes + size - 5, 5);
    HOLDS(5, bytes + 5, PAGE);
}

CHECK(copy_file_range_sees_what_was_just_written, WRITABLE)
{
    for (int round = 0; round < 5; round++) {
        off_t from = 100, to = 2 * PAGE;
        EQUAL(pwrite(fd, new_bytes(round, 3000), 3000, 100), 3000);
        EQUAL(copy_file_range(fd, &from, fd, &to, 3000, 0), 3000);
        HOLDS(2 * PAGE, new_bytes(round, 3000), 3000);
    }
}

CHECK(copy_file_range_stops_at_the_end, WRITABLE | ON_ARRAYS)
{
    off_t from = 0, to = size - 10;
    EQUAL(copy_file_range(fd, &from, fd, &to, 100, 0), 10);
    HOLDS(size - 10, bytes, 10);
    from = 0, to = size;
    REFUSED(copy_file_range(fd, &from, fd, &to, 100, 0), EFBIG);
}

CHECK(copy_file_range_stays_within_a_file_system, ON_ARRAYS)
{
    int memory = outside(bytes, size);
    off_t from = 0, to = 0;
    REFUSED(copy_file_range(fd, &from, memory, &to, 100, 0), EXDEV);
    if (mode != 'r')
        REFUSED(copy_file_range(memory, &from, fd, &to, 100, 0), EXDEV);
    REFUSED(copy_file_range(fd, &from, memory, &to, 100, 1), EINVAL);
    close(memory);
}

CHECK(sendfile_reads, ANYWHERE)
{
    int pipes[2], sockets[2], memory = outside("", 0);
    EQUAL(pipe(pipes), 0);
    EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    off_t at = 3;
    EQUAL(sendfile(memory, fd, &at, 6000), 6000);
    EQUAL(at, 6003);
    SAME(of_outside(memory, 0, 6000), bytes + 3, 6000);
    EQUAL(sendfile(pipes[1], fd, &at, 3000), 3000);
    SAME(drained(pipes[0], 3000), bytes + 6003, 3000);
    EQUAL(sendfile(sockets[1], fd, &at, 3000), 3000);
    SAME(drained(sockets[0], 3000), bytes + 9003, 3000);
    EQUAL(lseek(fd, 0, SEEK_CUR), 0);
    EQUAL(sendfile(pipes[1], fd, NULL, 50), 50);
    EQUAL(lseek(fd, 0, SEEK_CUR), 50);
    SAME(drained(pipes[0], 50), bytes, 50);
    at = size - 5;
    EQUAL(sendfile(pipes[1], fd, &at, 100), 5);
    SAME(drained(pipes[0], 5), bytes + size - 5, 5);
    EQUAL(sendfile(pipes[1], fd, &at, 100), 0);
    for (int k = 0; k < 2; k++) {
        close(pipes[k]);
        close(sockets[k]);
    }
}

CHECK(sendfile_sends_what_was_just_written, WRITABLE | SHARED)
{
    int pipes[2];
    EQUAL(pipe(pipes), 0);
    unsigned char *memory = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    for (int round = 0; round < 5; round++) {
        off_t at = 100;
        EQUAL(pwrite(fd, new_bytes(round, 3000), 3000, 100), 3000);
        EQUAL(sendfile(pipes[1], fd, &at, 3000), 3000);
        SAME(drained(pipes[0], 3000), new_bytes(round, 3000), 3000);
        memcpy(memory + 100, new_bytes(round + 9, 3000), 3000);
        at = 100;
        EQUAL(sendfile(pipes[1], fd, &at, 3000), 3000);
        SAME(drained(pipes[0], 3000), new_bytes(round + 9, 3000), 3000);
    }
    munmap(memory, size);
    close(pipes[0]);
    close(pipes[1]);
}

CHECK(sendfile_writes, WRITABLE)
{
    int memory = outside(new_bytes(1, 6000), 6000);
    off_t at = 10;
    EQUAL(lseek(fd, 77, SEEK_SET), 77);
    EQUAL(sendfile(fd, memory, &at, 5000), 5000);
    EQUAL(lseek(fd, 0, SEEK_CUR), 5077);
    HOLDS(77, new_bytes(1, 6000) + 10, 5000);
    HOLDS(0, bytes, 77);
    close(memory);
}

CHECK(sendfile_stops_at_the_end, WRITABLE | ON_ARRAYS)
{
    int memory = outside(new_bytes(2, 6000), 6000);
    off_t at = 0;
    EQUAL(lseek(fd, -10, SEEK_END), size - 10);
    EQUAL(sendfile(fd, memory, &at, 6000), 10);
    HOLDS(size - 10, new_bytes(2, 10), 10);
    EQUAL(lseek(fd, 0, SEEK_END), size);
    REFUSED(sendfile(fd, memory, &at, 100), EFBIG);
    close(memory);
}

CHECK(splice_reads, ANYWHERE)
{
    int pipes[2];
    EQUAL(pipe(pipes), 0);
    off_t at = PAGE - 3;
    EQUAL(splice(fd, &at, pipes[1], NULL, 100, 0), 100);
    EQUAL(at, PAGE + 97);
    SAME(drained(pipes[0], 100), bytes + PAGE - 3, 100);
    EQUAL(splice(fd, NULL, pipes[1], NULL, 40, SPLICE_F_MOVE | SPLICE_F_MORE), 40);
    EQUAL(lseek(fd, 0, SEEK_CUR), 40);
    SAME(drained(pipes[0], 40), bytes, 40);
    at = size - 7;
    EQUAL(splice(fd, &at, pipes[1], NULL, 100, 0), 7);
    SAME(drained(pipes[0], 7), bytes + size - 7, 7);
    EQUAL(splice(fd, &at, pipes[1], NULL, 100, 0), 0);
    int writer = open("/dev/null", O_WRONLY);
    REFUSED(splice(fd, &at, writer, NULL, 10, 0), EINVAL);
    close(writer);
    close(pipes[0]);
    close(pipes[1]);
}

CHECK(splice_and_tee_write, WRITABLE)
{
    int pipes[2], copies[2];
    EQUAL(pipe(pipes), 0);
    EQUAL(pipe(copies), 0);
    off_t at = 31;
    EQUAL(write(pipes[1], new_bytes(3, 5000), 5000), 5000);
    EQUAL(tee(pipes[0], copies[1], 5000, 0), 5000);
    EQUAL(splice(pipes[0], NULL, fd, &at, 5000, 0), 5000);
    EQUAL(at, 5031);
    EQUAL(splice(copies[0], NULL, other, NULL, 5000, 0), 5000);
    EQUAL(lseek(other, 0, SEEK_CUR), 5000);
    HOLDS(31, new_bytes(3, 5000), 5000);
    for (int k = 0; k < 2; k++) {
        close(pipes[k]);
        close(copies[k]);
    }
}

CHECK(splice_stops_at_the_end, WRITABLE | ON_ARRAYS)
{
    int pipes[2];
    EQUAL(pipe(pipes), 0);
    EQUAL(write(pipes[1], new_bytes(4, 100), 100), 100);
    off_t at = size - 10;
    EQUAL(splice(pipes[0], NULL, fd, &at, 100, 0), 10);
    EQUAL(at, size);
    REFUSED(splice(pipes[0], NULL, fd, &at, 90, 0), EFBIG);
    SAME(drained(pipes[0], 90), new_bytes(4, 100) + 10, 90);
    HOLDS(size - 10, new_bytes(4, 10), 10);
    close(pipes[0]);
    close(pipes[1]);
}

CHECK(advice_on_a_file_changes_no_byte, ANYWHERE)
{
    int advice[] = {POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                    POSIX_FADV_WILLNEED, POSIX_FADV_NOREUSE,    POSIX_FADV_DONTNEED};
    for (size_t k = 0; k < sizeof advice / sizeof *advice; k++) {
        EQUAL(posix_fadvise(fd, 0, 0, advice[k]), 0);
        EQUAL(posix_fadvise(fd, 100, 1L << 40, advice[k]), 0);
    }
    EQUAL(posix_fadvise(fd, 0, 0, 99), EINVAL);
    EQUAL(posix_fadvise(fd, 0, -1, POSIX_FADV_NORMAL), EINVAL);
    EQUAL(readahead(fd, 0, size), 0);
    HOLDS(0, bytes, size);
}

CHECK(what_was_read_ahead_is_not_kept_for_reads, WRITABLE)
{
    unsigned char buffer[3000];
    EQUAL(readahead(fd, 0, size), 0);
    int writer = reopened(O_WRONLY);
    EQUAL(pwrite(writer, new_bytes(5, 3000), 3000, 10), 3000);
    close(writer);
    EQUAL(pread(fd, buffer, 3000, 10), 3000);
    SAME(buffer, new_bytes(5, 3000), 3000);
}
