"""Looks up the names `i:j`, as many as are asked for, each once: for each number in a line of input as
many, and a line of output when it is done."""

import itertools
import os
import sys

os.chdir(sys.argv[1])
names = (f"{i}:{j}" for j in itertools.count(2) for i in range(1, j - 1))
for line in sys.stdin:
    for name in itertools.islice(names, int(line)):
        os.stat(name)
    print(flush=True)
