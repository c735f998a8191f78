/* Sizes and space: resizing, and each mode of fallocate. */
#include "checks.h"

#include <limits.h>

static const unsigned char zeros[1 << 18];

CHECK(a_file_is_resized_to_its_size, WRITABLE)
{
    EQUAL(ftruncate(fd, size), 0);
    EQUAL(truncate(path, size), 0);
    HOLDS(0, bytes, size);
    REFUSED(ftruncate(fd, -1), EINVAL);
    REFUSED(truncate(path, -1), EINVAL);
    int reader = reopened(O_RDONLY);
    REFUSED(ftruncate(reader, size), EINVAL);
    close(reader);
}

CHECK(a_file_is_resized_to_nothing_else, WRITABLE | ON_ARRAYS)
{
    long sizes[] = {1, size - 1, size + 1, 1L << 40, LLONG_MAX};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        REFUSED(ftruncate(fd, sizes[k]), EPERM);
        REFUSED(truncate(path, sizes[k]), EPERM);
    }
    HOLDS(0, bytes, size);
}

CHECK(truncation_counts_until_the_size_is_given_back, WRITABLE)
{
    int emptied = reopened(O_WRONLY | O_TRUNC);
    EQUAL(pwrite(emptied, "x", 1, PAGE + 9), 1);
    EQUAL(ftruncate(emptied, 0), 0);
    EQUAL(pwrite(emptied, "ab", 2, 3), 2);
    EQUAL(pwrite(emptied, "c", 1, PAGE), 1);
    EQUAL(ftruncate(emptied, size), 0);
    close(emptied);
    HOLDS(0, "\0\0\0ab\0", 6);
    HOLDS(PAGE - 1, "\0c\0", 3);
    HOLDS(PAGE + 1, zeros, size - PAGE - 1);
}

CHECK(truncation_by_path_keeps_size_and_bytes, WRITABLE | ON_ARRAYS)
{
    EQUAL(truncate(path, 0), 0);
    HOLDS(0, bytes, size);
    int emptied = reopened(O_WRONLY | O_TRUNC);
    EQUAL(lseek(emptied, 0, SEEK_END), size);
    close(emptied);
    emptied = reopened(O_RDONLY | O_TRUNC);
    close(emptied);
    HOLDS(0, bytes, size);
}

/* Reserves space in the file. */
static void reserves(int how, long at, long count)
{
    if (portable && is_array && mode != 'c')
        REFUSED(fallocate(fd, how, at, count), EOPNOTSUPP);
    else
        EQUAL(fallocate(fd, how, at, count), 0);
}

CHECK(space_within_the_size_is_reserved, WRITABLE)
{
    reserves(0, 0, size);
    reserves(0, size - 1, 1);
    reserves(FALLOC_FL_KEEP_SIZE, 100, 5000);
    EQUAL(posix_fallocate(fd, 0, size), 0);
    HOLDS(0, bytes, size);
}

CHECK(space_past_the_end_is_reserved_only_if_the_size_is_kept, WRITABLE | ON_ARRAYS)
{
    REFUSED(fallocate(fd, 0, size - 1, 2), EFBIG);
    REFUSED(fallocate(fd, 0, size, 1), EFBIG);
    REFUSED(fallocate(fd, 0, 1L << 40, 1L << 40), EFBIG);
    EQUAL(posix_fallocate(fd, 1, size), EFBIG);
    reserves(FALLOC_FL_KEEP_SIZE, size - 1, PAGE);
    EQUAL(fallocate(fd, FALLOC_FL_KEEP_SIZE, size, PAGE), 0);
    HOLDS(0, bytes, size);
}

CHECK(ranges_that_cannot_be_are_refused, WRITABLE)
{
    int modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   FALLOC_FL_ZERO_RANGE};
    for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
        REFUSED(fallocate(fd, modes[k], 0, 0), EINVAL);
        REFUSED(fallocate(fd, modes[k], 0, -1), EINVAL);
        REFUSED(fallocate(fd, modes[k], -1, 10), EINVAL);
        REFUSED(fallocate(fd, modes[k], LLONG_MAX, 10), EFBIG);
    }
    int reader = reopened(O_RDONLY);
    REFUSED(fallocate(reader, 0, 0, size), EBADF);
    close(reader);
}

CHECK(no_hole_is_punched_and_no_range_zeroed, WRITABLE | ON_ARRAYS)
{
    int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    REFUSED(fallocate(fd, hole, 101, 3), EOPNOTSUPP);
    REFUSED(fallocate(fd, hole, 0, size), EOPNOTSUPP);
    REFUSED(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10), EOPNOTSUPP);
    REFUSED(fallocate(fd, FALLOC_FL_ZERO_RANGE, 101, 3), EOPNOTSUPP);
    REFUSED(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EOPNOTSUPP);
    HOLDS(0, bytes, size);
}

CHECK(bytes_are_neither_inserted_nor_taken_out, WRITABLE | ON_ARRAYS)
{
    REFUSED(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE), EOPNOTSUPP);
    REFUSED(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, PAGE), EOPNOTSUPP);
    REFUSED(fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, PAGE), EOPNOTSUPP);
    REFUSED(fallocate(fd, 1 << 20, 0, PAGE), EOPNOTSUPP);
    HOLDS(0, bytes, size);
}

CHECK(a_file_that_cannot_be_written_is_not_resized, READ_ONLY | ON_ARRAYS)
{
    REFUSED(truncate(path, 0), EROFS);
    REFUSED(truncate(path, size), EROFS);
    REFUSED(ftruncate(fd, size), EINVAL);
    REFUSED(fallocate(fd, 0, 0, size), EBADF);
    REFUSED(reopened(O_RDONLY | O_TRUNC), EROFS);
    REFUSED(reopened(O_WRONLY), EROFS);
    REFUSED(reopened(O_RDWR), EROFS);
}
