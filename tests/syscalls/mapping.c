/* Mapping: shared and private, reading and storing, the end of the file, and flushing. */
#include "checks.h"

#include <signal.h>

static volatile unsigned char sink;

static void load(void *address)
{
    sink = *(volatile unsigned char *)address;
}

static void store(void *address)
{
    *(volatile unsigned char *)address = 1;
}

static long pages_of_file(void)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}

CHECK(a_mapping_shows_the_bytes, SHARED)
{
    int kinds[] = {MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, MAP_SHARED | MAP_POPULATE};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        unsigned char *memory = mapped(fd, 0, size, PROT_READ, kinds[k]);
        SAME(memory, bytes, size);
        munmap(memory, size);
    }
    unsigned char *part = mapped(fd, 2 * PAGE, PAGE, PROT_READ, MAP_SHARED);
    SAME(part, bytes + 2 * PAGE, PAGE);
    munmap(part, PAGE);
}

CHECK(mappings_that_cannot_be_are_refused, SHARED)
{
    REFUSED(mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0), EINVAL);
    REFUSED(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 100), EINVAL);
    REFUSED(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0), EOPNOTSUPP);
    int reader = reopened(O_RDONLY);
    REFUSED(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0), EACCES);
    unsigned char *memory = mapped(reader, 0, PAGE, PROT_READ, MAP_SHARED);
    REFUSED(mprotect(memory, PAGE, PROT_READ | PROT_WRITE), EACCES);
    munmap(memory, PAGE);
    close(reader);
    if (mode == 'r')
        return;
    int writer = reopened(O_WRONLY);
    REFUSED(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writer, 0), EACCES);
    close(writer);
}

CHECK(a_private_mapping_keeps_its_stores, ANYWHERE)
{
    int reader = reopened(O_RDONLY);
    unsigned char *memory = mapped(reader, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    memcpy(memory + 100, new_bytes(1, 5000), 5000);
    EQUAL(msync(memory, size, MS_SYNC), 0);
    SAME(memory + 100, new_bytes(1, 5000), 5000);
    SAME(memory + 5100, bytes + 5100, size - 5100);
    HOLDS(0, bytes, size);
    munmap(memory, size);
    HOLDS(0, bytes, size);
    close(reader);
}

CHECK(stores_are_in_the_file_after_msync, WRITABLE | SHARED)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    memcpy(memory + 10, new_bytes(2, 5000), 5000);
    EQUAL(msync(memory, size, MS_SYNC), 0);
    HOLDS(10, new_bytes(2, 5000), 5000);
    memory[size - 1] ^= 1;
    EQUAL(msync(memory + pages_of_file() - PAGE, PAGE, MS_SYNC | MS_INVALIDATE), 0);
    unsigned char last = bytes[size - 1] ^ 1;
    HOLDS(size - 1, &last, 1);
    munmap(memory, size);
}

CHECK(stores_are_in_the_file_after_munmap, WRITABLE | SHARED)
{
    unsigned char *memory = mapped(fd, PAGE, size - PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    close(fd);
    memcpy(memory, new_bytes(3, size - PAGE), size - PAGE);
    EQUAL(munmap(memory, size - PAGE), 0);
    HOLDS(PAGE, new_bytes(3, size - PAGE), size - PAGE);
    HOLDS(0, bytes, PAGE);
    fd = reopened(O_RDWR);
}

CHECK(reads_show_stores_at_once, WRITABLE | SHARED)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    unsigned char buffer[5000];
    for (int round = 0; round < 5; round++) {
        memcpy(memory + 1000, new_bytes(round, 5000), 5000);
        EQUAL(pread(fd, buffer, 5000, 1000), 5000);
        SAME(buffer, new_bytes(round, 5000), 5000);
    }
    munmap(memory, size);
}

CHECK(mappings_show_writes_at_once, WRITABLE | SHARED)
{
    unsigned char *shared = mapped(fd, 0, size, PROT_READ, MAP_SHARED);
    unsigned char *untouched = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    SAME(shared, bytes, size);
    for (int round = 0; round < 5; round++) {
        EQUAL(pwrite(fd, new_bytes(round, 5000), 5000, 1000), 5000);
        SAME(shared + 1000, new_bytes(round, 5000), 5000);
        SAME(untouched + 1000, new_bytes(round, 5000), 5000);
    }
    munmap(shared, size);
    munmap(untouched, size);
}

CHECK(stores_and_writes_beside_each_other_both_stay, WRITABLE | SHARED)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    unsigned char *expected = memcpy(malloc(size), bytes, size);
    for (long at = 0; at + 20 <= size; at += 531) {
        memcpy(memory + at, new_bytes(at, 10), 10);
        EQUAL(pwrite(fd, new_bytes(at + 1, 10), 10, at + 10), 10);
        memcpy(expected + at, new_bytes(at, 10), 10);
        memcpy(expected + at + 10, new_bytes(at + 1, 10), 10);
    }
    SAME(memory, expected, size);
    munmap(memory, size);
    HOLDS(0, expected, size);
}

CHECK(two_mappings_are_one_memory, WRITABLE | SHARED)
{
    int again = reopened(O_RDWR);
    unsigned char *left = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    unsigned char *right = mapped(again, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    memcpy(left + 5, new_bytes(4, 100), 100);
    SAME(right + 5, new_bytes(4, 100), 100);
    memcpy(right + 50, new_bytes(5, 100), 100);
    SAME(left + 50, new_bytes(5, 100), 100);
    munmap(left, size);
    munmap(right, size);
    close(again);
}

static unsigned char *inherited;

static int stores_in_child(void)
{
    inherited[17] = 99;
    return 0;
}

CHECK(a_mapping_is_shared_with_children, WRITABLE | SHARED)
{
    inherited = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    EQUAL(in_child(stores_in_child), 0);
    EQUAL(inherited[17], 99);
    munmap(inherited, size);
}

CHECK(the_rest_of_the_last_page_is_zeros_and_keeps_nothing, WRITABLE | SHARED)
{
    static const unsigned char zeros[PAGE];
    long end = pages_of_file();
    unsigned char *memory = mapped(fd, 0, end, PROT_READ | PROT_WRITE, MAP_SHARED);
    SAME(memory + size, zeros, end - size);
    memset(memory + size, 7, end - size);
    memory[size - 1] ^= 1;
    EQUAL(msync(memory, end, MS_SYNC), 0);
    munmap(memory, end);
    unsigned char last = bytes[size - 1] ^ 1;
    HOLDS(size - 1, &last, 1);
    HOLDS(0, bytes, size - 1);
}

CHECK(memory_past_the_end_is_a_bus_error, SHARED)
{
    long end = pages_of_file();
    unsigned char *memory = mapped(fd, 0, end + 2 * PAGE, PROT_READ, MAP_SHARED);
    EQUAL(signal_of(load, memory + end - 1), 0);
    EQUAL(signal_of(load, memory + end), SIGBUS);
    EQUAL(signal_of(load, memory + end + PAGE), SIGBUS);
    EQUAL(signal_of(store, memory), SIGSEGV);
    munmap(memory, end + 2 * PAGE);
    memory = mapped(fd, 0, end + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    EQUAL(signal_of(store, memory), 0);
    EQUAL(signal_of(store, memory + end), SIGBUS);
    munmap(memory, end + PAGE);
}

CHECK(stores_past_the_end_are_a_bus_error, WRITABLE | SHARED)
{
    long end = pages_of_file();
    unsigned char *memory = mapped(fd, 0, end + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
    EQUAL(signal_of(store, memory + end), SIGBUS);
    EQUAL(signal_of(load, memory + end), SIGBUS);
    munmap(memory, end + PAGE);
}

CHECK(a_mapping_can_grow_and_change_its_protection, WRITABLE | SHARED)
{
    unsigned char *memory = mapped(fd, 0, PAGE, PROT_READ, MAP_SHARED);
    memory = mremap(memory, PAGE, size, MREMAP_MAYMOVE);
    EQUAL(memory == MAP_FAILED, 0);
    SAME(memory, bytes, size);
    EQUAL(mprotect(memory, PAGE, PROT_READ | PROT_WRITE), 0);
    memory[0] ^= 1;
    EQUAL(mprotect(memory, PAGE, PROT_NONE), 0);
    EQUAL(signal_of(load, memory), SIGSEGV);
    munmap(memory, size);
    unsigned char first = bytes[0] ^ 1;
    HOLDS(0, &first, 1);
}

CHECK(msync_takes_its_flags, SHARED)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ, MAP_SHARED);
    EQUAL(msync(memory, size, MS_ASYNC), 0);
    EQUAL(msync(memory, size, MS_SYNC), 0);
    EQUAL(msync(memory, size, MS_INVALIDATE), 0);
    REFUSED(msync(memory, size, MS_SYNC | MS_ASYNC), EINVAL);
    REFUSED(msync(memory + 1, PAGE, MS_SYNC), EINVAL);
    munmap(memory, size);
    REFUSED(msync(memory, size, MS_SYNC), ENOMEM);
}

CHECK(advice_on_a_mapping_changes_no_byte, SHARED)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ, MAP_SHARED);
    int advice[] = {MADV_NORMAL, MADV_SEQUENTIAL, MADV_RANDOM,   MADV_WILLNEED,
                    MADV_POPULATE_READ, MADV_COLD, MADV_PAGEOUT, MADV_DONTNEED};
    for (size_t k = 0; k < sizeof advice / sizeof *advice; k++) {
        EQUAL(madvise(memory, size, advice[k]), 0);
        SAME(memory, bytes, size);
    }
    EQUAL(mlock(memory, size), 0);
    EQUAL(munlock(memory, size), 0);
    munmap(memory, size);
}

CHECK(advice_to_write_is_followed, WRITABLE | SHARED)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    EQUAL(madvise(memory, size, MADV_POPULATE_WRITE), 0);
    memory[3] ^= 1;
    EQUAL(madvise(memory, size, MADV_DONTNEED), 0);
    EQUAL(memory[3], bytes[3] ^ 1);
    munmap(memory, size);
}

CHECK(advice_to_remove_is_refused, WRITABLE | SHARED | ON_ARRAYS)
{
    unsigned char *memory = mapped(fd, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED);
    SAME(memory, bytes, size);
    REFUSED(madvise(memory + PAGE, PAGE, MADV_REMOVE), EOPNOTSUPP);
    SAME(memory, bytes, size);
    munmap(memory, size);
    HOLDS(0, bytes, size);
}
