"""Writes to a file as soon as it is there."""

import os
import sys

while True:
    try:
        opened = os.open(sys.argv[1], os.O_WRONLY)
    except FileNotFoundError:
        continue
    os.write(opened, b"written")
    break
