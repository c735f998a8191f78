/* Preloaded: a thread that maps a file waits first, until nobody has the other
 * end of the pipe $HOLD open for writing. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

void *mmap64(void *address, size_t length, int protection, int flags, int file, off_t offset)
{
    if (file >= 0) {
        char byte;
        int pipe = open(getenv("HOLD"), O_RDONLY | O_CLOEXEC);
        while (read(pipe, &byte, 1) > 0)
            ;
        close(pipe);
    }
    return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}

void *mmap(void *address, size_t length, int protection, int flags, int file, off_t offset)
{
    return mmap64(address, length, protection, flags, file, offset);
}
