"""Stores to pages that are there already when the backing file is cut: one beyond the cut, and one
that has bytes on both sides."""

import mmap
import os
import sys

path, backing = sys.argv[1:]
view = mmap.mmap(os.open(path, os.O_RDWR), 0)
places = 8192, 7000
for place in places:
    view[place]
os.truncate(backing, 5000)
for place in places:
    view[place] = 9
    try:
        view.flush()
    except OSError as error:
        print(error.errno)
