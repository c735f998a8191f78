/* Reading, writing and seeking: the plain calls, vectors, flags, and errors. */
#include "checks.h"

#include <linux/aio_abi.h>
#include <limits.h>

static long smaller(long left, long right)
{
    return left < right ? left : right;
}

CHECK(pread_returns_what_is_there, ANYWHERE)
{
    unsigned char buffer[5000];
    long places[] = {0, 1, 3, PAGE - 1, PAGE, 2 * PAGE + 1, size - 5000, size - 4999, size - 1};
    for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
        long at = places[k], there = smaller(sizeof buffer, size - at);
        EQUAL(pread(fd, buffer, sizeof buffer, at), there);
        SAME(buffer, bytes + at, there);
    }
    EQUAL(pread(fd, buffer, 10, size), 0);
    EQUAL(pread(fd, buffer, 10, size + 1), 0);
    EQUAL(pread(fd, buffer, 10, 1L << 40), 0);
    EQUAL(pread(fd, buffer, 0, 5), 0);
}

CHECK(every_offset_around_a_page_is_read, ANYWHERE)
{
    unsigned char buffer[40];
    for (long at = PAGE - 20; at <= PAGE + 20; at++) {
        for (long count = 1; count <= 17; count += 4) {
            EQUAL(pread(fd, buffer, count, at), count);
            SAME(buffer, bytes + at, count);
        }
    }
}

CHECK(reads_and_writes_before_the_start_are_refused, ANYWHERE)
{
    char byte = 0;
    REFUSED(pread(fd, &byte, 1, -1), EINVAL);
    REFUSED(lseek(fd, -1, SEEK_SET), EINVAL);
    REFUSED(lseek(fd, -size - 1, SEEK_END), EINVAL);
    if (mode != 'r')
        REFUSED(pwrite(fd, &byte, 1, -1), EINVAL);
}

CHECK(the_position_moves_with_reads_and_is_shared_by_duplicates, ANYWHERE)
{
    unsigned char buffer[100];
    EQUAL(read(fd, buffer, 100), 100);
    SAME(buffer, bytes, 100);
    int duplicate = dup(fd), again = reopened(O_RDONLY);
    EQUAL(read(duplicate, buffer, 100), 100);
    SAME(buffer, bytes + 100, 100);
    EQUAL(lseek(fd, 0, SEEK_CUR), 200);
    EQUAL(lseek(again, 0, SEEK_CUR), 0);
    EQUAL(pread(fd, buffer, 100, 7), 100);
    EQUAL(lseek(fd, 0, SEEK_CUR), 200);
    EQUAL(lseek(fd, -3, SEEK_END), size - 3);
    EQUAL(read(fd, buffer, 100), 3);
    SAME(buffer, bytes + size - 3, 3);
    EQUAL(read(fd, buffer, 100), 0);
    EQUAL(lseek(fd, 1000, SEEK_CUR), size + 1000);
    EQUAL(read(fd, buffer, 100), 0);
    REFUSED(lseek(fd, 0, 99), EINVAL);
    close(duplicate);
    close(again);
}

CHECK(a_file_without_holes_is_one_piece_of_data, ANYWHERE)
{
    for (long at = 0; at < size; at += size - 1) {
        EQUAL(lseek(fd, at, SEEK_DATA), at);
        EQUAL(lseek(fd, at, SEEK_HOLE), size);
    }
    REFUSED(lseek(fd, size, SEEK_DATA), ENXIO);
    REFUSED(lseek(fd, size, SEEK_HOLE), ENXIO);
    REFUSED(lseek(fd, size + 1, SEEK_DATA), ENXIO);
    REFUSED(lseek(fd, -1, SEEK_HOLE), ENXIO);
}

CHECK(pwrite_changes_its_bytes, WRITABLE)
{
    EQUAL(pwrite(fd, new_bytes(1, 5), 5, 0), 5);
    EQUAL(pwrite(fd, new_bytes(2, 5000), 5000, PAGE - 7), 5000);
    EQUAL(pwrite(fd, new_bytes(3, 3), 3, size - 3), 3);
    EQUAL(pwrite(fd, "", 0, 9), 0);
    HOLDS(0, new_bytes(1, 5), 5);
    HOLDS(5, bytes + 5, PAGE - 12);
    HOLDS(PAGE - 7, new_bytes(2, 5000), 5000);
    HOLDS(size - 3, new_bytes(3, 3), 3);
}

CHECK(write_moves_the_position, WRITABLE)
{
    EQUAL(lseek(fd, 11, SEEK_SET), 11);
    EQUAL(write(fd, new_bytes(4, 20), 20), 20);
    EQUAL(write(fd, new_bytes(5, 20), 20), 20);
    EQUAL(lseek(fd, 0, SEEK_CUR), 51);
    HOLDS(11, new_bytes(4, 20), 20);
    HOLDS(31, new_bytes(5, 20), 20);
}

CHECK(a_write_across_the_end_is_short_and_one_behind_it_refused, WRITABLE | ON_ARRAYS)
{
    const unsigned char *data = new_bytes(6, 100);
    EQUAL(lseek(fd, -4, SEEK_END), size - 4);
    EQUAL(write(fd, data, 100), 4);
    EQUAL(lseek(fd, 0, SEEK_CUR), size);
    REFUSED(write(fd, data, 1), EFBIG);
    EQUAL(write(fd, data, 0), 0);
    EQUAL(lseek(fd, 0, SEEK_CUR), size);
    REFUSED(pwrite(fd, data, 100, size), EFBIG);
    REFUSED(pwrite(fd, data, 100, size + PAGE), EFBIG);
    REFUSED(pwrite(fd, data, 1, LLONG_MAX - 1), EFBIG);
    HOLDS(size - 4, data, 4);
}

CHECK(readv_fills_its_pieces_in_turn, ANYWHERE)
{
    unsigned char first[3], second[5000], third[7];
    struct iovec pieces[] = {{first, 3}, {NULL, 0}, {second, 5000}, {third, 7}};
    EQUAL(readv(fd, pieces, 4), 5010);
    SAME(first, bytes, 3);
    SAME(second, bytes + 3, 5000);
    SAME(third, bytes + 5003, 7);
    EQUAL(lseek(fd, 0, SEEK_CUR), 5010);
    EQUAL(preadv(fd, pieces, 4, size - 10), 10);
    SAME(first, bytes + size - 10, 3);
    SAME(second, bytes + size - 7, 7);
    EQUAL(preadv(fd, pieces, 0, 0), 0);
}

CHECK(as_many_pieces_as_the_system_takes_are_read, ANYWHERE)
{
    static unsigned char read_bytes[IOV_MAX + 1];
    static struct iovec pieces[IOV_MAX + 1];
    for (int k = 0; k <= IOV_MAX; k++)
        pieces[k] = (struct iovec){read_bytes + k, 1};
    EQUAL(preadv(fd, pieces, IOV_MAX, PAGE - 500), IOV_MAX);
    SAME(read_bytes, bytes + PAGE - 500, IOV_MAX);
    REFUSED(preadv(fd, pieces, IOV_MAX + 1, 0), EINVAL);
}

CHECK(writev_writes_its_pieces_in_turn, WRITABLE)
{
    unsigned char *data = (unsigned char *)new_bytes(7, 6000);
    struct iovec pieces[] = {{data, 1}, {data + 1, 4500}, {NULL, 0}, {data + 4501, 1499}};
    EQUAL(pwritev(fd, pieces, 4, 77), 6000);
    HOLDS(77, data, 6000);
    HOLDS(0, bytes, 77);
    EQUAL(writev(fd, pieces, 2), 4501);
    HOLDS(0, data, 4501);
    EQUAL(lseek(fd, 0, SEEK_CUR), 4501);
}

CHECK(writev_across_the_end_is_short, WRITABLE | ON_ARRAYS)
{
    unsigned char *data = (unsigned char *)new_bytes(8, 100);
    struct iovec pieces[] = {{data, 6}, {data + 6, 6}, {data + 12, 6}};
    EQUAL(pwritev(fd, pieces, 3, size - 10), 10);
    HOLDS(size - 10, data, 10);
    REFUSED(pwritev(fd, pieces, 3, size), EFBIG);
}

CHECK(preadv2_takes_its_flags, ANYWHERE)
{
    unsigned char buffer[50];
    struct iovec piece = {buffer, 50};
    EQUAL(lseek(fd, 20, SEEK_SET), 20);
    EQUAL(preadv2(fd, &piece, 1, -1, 0), 50);
    SAME(buffer, bytes + 20, 50);
    EQUAL(lseek(fd, 0, SEEK_CUR), 70);
    EQUAL(preadv2(fd, &piece, 1, 5, RWF_HIPRI), 50);
    SAME(buffer, bytes + 5, 50);
    REFUSED(preadv2(fd, &piece, 1, 0, 1 << 30), EOPNOTSUPP);
}

CHECK(preadv2_cannot_promise_not_to_wait, ON_ARRAYS)
{
    unsigned char buffer[50];
    struct iovec piece = {buffer, 50};
    REFUSED(preadv2(fd, &piece, 1, 0, RWF_NOWAIT), EOPNOTSUPP);
}

CHECK(pwritev2_takes_its_flags, WRITABLE)
{
    unsigned char *data = (unsigned char *)new_bytes(9, 50);
    struct iovec piece = {data, 50};
    EQUAL(pwritev2(fd, &piece, 1, 10, RWF_DSYNC), 50);
    EQUAL(pwritev2(fd, &piece, 1, 5000, RWF_SYNC), 50);
    EQUAL(pwritev2(fd, &piece, 1, size - 50, RWF_DSYNC | RWF_SYNC), 50);
    HOLDS(10, data, 50);
    HOLDS(5000, data, 50);
    HOLDS(size - 50, data, 50);
    REFUSED(pwritev2(fd, &piece, 1, 0, 1 << 30), EOPNOTSUPP);
}

CHECK(pwritev2_cannot_append, WRITABLE | ON_ARRAYS)
{
    struct iovec piece = {(void *)new_bytes(10, 5), 5};
    REFUSED(pwritev2(fd, &piece, 1, 0, RWF_APPEND), EFBIG);
    HOLDS(0, bytes, 5);
}

CHECK(memory_that_is_not_there_is_refused, ANYWHERE)
{
    unsigned char *nowhere = mapped(-1, 0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
    REFUSED(pread(fd, nowhere, 10, 0), EFAULT);
    REFUSED(read(fd, nowhere, 10), EFAULT);
    EQUAL(lseek(fd, 0, SEEK_CUR), 0);
    if (mode != 'r')
        REFUSED(pwrite(fd, nowhere, 10, 0), EFAULT);
    munmap(nowhere, PAGE);
}

CHECK(a_descriptor_is_used_as_it_was_opened, ANYWHERE)
{
    char byte = 0;
    int reader = reopened(O_RDONLY);
    REFUSED(pwrite(reader, &byte, 1, 0), EBADF);
    close(reader);
    if (mode == 'r')
        return;
    int writer = reopened(O_WRONLY);
    REFUSED(pread(writer, &byte, 1, 0), EBADF);
    EQUAL(pwrite(writer, bytes, 10, 0), 10);
    close(writer);
}

CHECK(a_file_can_be_written_from_its_own_mapping, WRITABLE | SHARED)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ, MAP_SHARED);
    EQUAL(pwrite(fd, memory, 5000, PAGE * 2), 5000);
    SAME(memory + PAGE * 2, bytes, 5000);
    munmap(memory, size);
    HOLDS(PAGE * 2, bytes, 5000);
}

CHECK(a_file_can_be_read_into_its_own_mapping, WRITABLE | SHARED)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    EQUAL(pread(fd, memory, 3000, PAGE * 2), 3000);
    munmap(memory, size);
    HOLDS(0, bytes + PAGE * 2, 3000);
    HOLDS(3000, bytes + 3000, size - 3000);
}

/* Submits one request and waits for it; its result, or -errno. */
static long asynchronous(int opcode, void *buffer, long count, long at)
{
    aio_context_t context = 0;
    struct iocb request = {
        .aio_fildes = fd,
        .aio_lio_opcode = opcode,
        .aio_buf = (uintptr_t)buffer,
        .aio_nbytes = count,
        .aio_offset = at,
    };
    struct iocb *requests[] = {&request};
    struct io_event event = {.res = -1};
    EQUAL(syscall(SYS_io_setup, 1, &context), 0);
    EQUAL(syscall(SYS_io_submit, context, 1, requests), 1);
    EQUAL(syscall(SYS_io_getevents, context, 1, 1, &event, NULL), 1);
    EQUAL(syscall(SYS_io_destroy, context), 0);
    return event.res;
}

CHECK(asynchronous_reads_and_writes_are_done, WRITABLE)
{
    static unsigned char buffer[5000];
    unsigned char *data = (unsigned char *)new_bytes(11, 5000);
    EQUAL(asynchronous(IOCB_CMD_PREAD, buffer, 5000, 100), 5000);
    SAME(buffer, bytes + 100, 5000);
    EQUAL(asynchronous(IOCB_CMD_PWRITE, data, 5000, 100), 5000);
    HOLDS(100, data, 5000);
    EQUAL(asynchronous(IOCB_CMD_PREAD, buffer, 5000, size - 9), 9);
    EQUAL(asynchronous(IOCB_CMD_FSYNC, NULL, 0, 0), 0);
    if (is_array)
        EQUAL(asynchronous(IOCB_CMD_PWRITE, data, 5000, size), -EFBIG);
}

CHECK(what_was_written_can_be_flushed, WRITABLE)
{
    EQUAL(pwrite(fd, new_bytes(12, 5000), 5000, 50), 5000);
    EQUAL(fdatasync(fd), 0);
    EQUAL(fsync(fd), 0);
    EQUAL(sync_file_range(fd, 0, size, SYNC_FILE_RANGE_WRITE), 0);
    EQUAL(syncfs(fd), 0);
    EQUAL(fsync(directory), 0);
}

CHECK(a_reader_can_flush_too, ANYWHERE)
{
    int reader = reopened(O_RDONLY);
    EQUAL(fsync(reader), 0);
    EQUAL(fdatasync(reader), 0);
    close(reader);
}
