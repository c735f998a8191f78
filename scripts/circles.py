"""Finds circles among the modules below src: parts of one module that import each
other, directly or around others. What a module and its own parts take from each
other is no circle: they are one.
"""

import re
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SOURCE = Path("src")


def module_of(path):
    """The path of the module that a file holds, as a tuple of names."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts


def paths(tree):
    """The paths that a tree of imports names: a::{b, c::{d, e}} has three."""
    names, _, rest = tree.partition("{")
    head = [name for name in re.split(r"\s*::\s*", names.strip()) if name]
    if not rest:
        yield head[:1] if " as " in tree and len(head) == 1 else head
        return
    depth, start = 0, 0
    inner = rest.rstrip()[:-1]
    for at, letter in enumerate(inner + ","):
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            if inner[start:at].strip():
                yield from (head + path for path in paths(inner[start:at]))
            start = at + 1


def imports(text, module, modules):
    """The modules that a file imports from, tests aside."""
    text = re.split(r"#\[cfg\(.*test.*\)\]\s*(?:pub\S* )?mod \w+ \{", text)[0]
    text = re.sub(r"//.*", "", text)
    trees = re.findall(r"\buse ([^;]+);", text)
    trees += re.findall(r"\b((?:super|crate|self)(?:::\w+)+)", re.sub(r"\buse [^;]+;", "", text))
    for tree in trees:
        for first, *names in paths(tree):
            base = {"crate": (), "self": module, "super": module[:-1]}.get(first)
            if base is None:
                continue
            while names and names[0] == "super":
                base, names = base[:-1], names[1:]
            path = base + tuple(names)
            while path and path not in modules:
                path = path[:-1]
            yield path


def circle_in(graph):
    """A circle, each part with the next that it imports; None without one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1][::-1]
    return None


def main():
    files = {module_of(path): path for path in sorted(SOURCE.rglob("*.rs"))}
    # By module, which of its parts import which.
    known = defaultdict(lambda: defaultdict(set))
    for module, path in files.items():
        for other in imports(path.read_text(), module, files):
            shared = 0
            while module[shared : shared + 1] == other[shared : shared + 1] != ():
                shared += 1
            if shared < min(len(module), len(other)):
                known[module[:shared]][module[shared]].add(other[shared])
    found = False
    for parent, graph in known.items():
        while circle := circle_in(graph):
            found = True
            where = "::".join(("crate", *parent))
            print(f"a circle in {where}: {' -> '.join(circle)}", file=sys.stderr)
            # Others are found without this import.
            graph[circle[0]].remove(circle[1])
    sys.exit(found)


if __name__ == "__main__":
    main()
