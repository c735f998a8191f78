"""Looks up many slices."""

import os
import sys

os.chdir(sys.argv[1])
for i in range(200):
    for j in range(100):
        os.stat(f"{i}:{i + j + 2}")
