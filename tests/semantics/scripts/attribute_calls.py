"""Prints the names of the errors of calls, or ok: of each, on a file and on a directory."""

import errno
import os
import sys


def number(call, *arguments):
    try:
        call(*arguments)
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]


root = sys.argv[1]
for path in f"{root}/rows/1", root:
    shape = b"(10,)" if path.endswith("rows/1") else b"(10, 10)"
    print(
        number(os.setxattr, path, "user.shape", shape),
        number(os.setxattr, path, "user.shape", b"(3,)"),
        number(os.removexattr, path, "user.shape"),
        number(os.setxattr, path, "user.other", b"x"),
        number(os.removexattr, path, "user.other"),
        number(os.getxattr, path, "user.other"),
        number(os.getxattr, path, "user.shape"),
        number(os.listxattr, path),
    )
