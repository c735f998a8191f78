"""Does the system calls of .NET's `File.WriteAllBytes`, `FileStream` with `FileMode.Create` and
`File.Copy`."""

import fcntl
import os

file = os.open("m/rows/3", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
os.ftruncate(file, 0)
os.pwrite(file, open("new", "rb").read(), 0)
fcntl.flock(file, fcntl.LOCK_UN)
