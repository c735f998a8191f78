"""Maps a file shared, and loads from the byte at `place` or stores to it."""

import mmap
import os
import sys

path, place, what = sys.argv[1:]
view = mmap.mmap(os.open(path, os.O_RDWR), 0)
if what == "load":
    view[int(place)]
else:
    view[int(place)] = 9
    view.flush()
