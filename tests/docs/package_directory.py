"""Prints where a package is installed; nothing if it is not."""

import importlib.util
import sys

spec = importlib.util.find_spec(sys.argv[1])
print(spec.submodule_search_locations[0] if spec else "", end="")
