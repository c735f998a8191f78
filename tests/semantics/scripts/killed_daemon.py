"""One process stores to a page without end and two write its neighbours, when their daemon is killed."""

import errno
import mmap
import os
import signal
import sys
import time

root, daemon = sys.argv[1], int(sys.argv[2])
told, tell = os.pipe()


def until_it_fails(work):
    client = os.fork()
    if client == 0:
        try:
            while True:
                work()
                os.write(tell, b".")
        except OSError as error:
            os._exit(0 if error.errno in (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO) else 1)
    return client


with open(root + "/data", "r+b") as file:
    page = mmap.mmap(file.fileno(), 4096)


def store():
    page[5] = (page[5] + 1) % 256
    page.flush()


own = [os.open(f"{root}/rows/{row}", os.O_RDWR) for row in (10, 20)]
clients = [
    until_it_fails(work)
    for work in (store, lambda: os.pwrite(own[0], bytes(8), 0), lambda: os.pwrite(own[1], bytes(8), 0))
]
count = 0
while count < 300:
    count += len(os.read(told, 300))
os.kill(daemon, 9)
os.set_blocking(told, False)
deadline = time.monotonic() + 20
for number, client in enumerate(clients):
    ended, status = 0, None
    while not ended:
        assert time.monotonic() < deadline, "a client hangs"
        # What it tells is no longer of interest, but must not fill the pipe.
        try:
            os.read(told, 65536)
        except BlockingIOError:
            pass
        ended, status = os.waitpid(client, os.WNOHANG)
    # The page itself can be gone, which is a fault for who touches it.
    assert status == 0 or number == 0 and status == signal.SIGBUS, (number, status)
try:
    os.statvfs(root)
except OSError as error:
    assert error.errno == errno.ENOTCONN, error
else:
    raise AssertionError("a mount without its daemon answers")
