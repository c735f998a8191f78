"""Prints what an expression gives of the stats in a file, `s`, and of their requests, `r`."""

import json
import sys

path, expression = sys.argv[1:]
with open(path) as file:
    s = json.load(file)
print(*eval(f"[{expression}]", {"s": s, "r": s["requests"]}))
