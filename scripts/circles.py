"""Finds import cycles among the modules in src: submodules of one module that import each other,
directly or indirectly. Imports between a module and its own submodules are not a cycle.
"""

import re
import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SOURCE = Path("src")


def module_of(path):
    """The path of the module in a source file, as a tuple of names."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib", "main") else parts


def paths(tree):
    """The paths in a use tree: a::{b, c::{d, e}} has three."""
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
    """The modules that a source file imports from, without its test modules."""
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
    """A cycle as a list, in which each submodule imports the next. None if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1][::-1]
    return None


def main():
    files = {module_of(path): path for path in sorted(SOURCE.rglob("*.rs"))}
    # For each module: its submodules, each with the submodules it imports.
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
            print(f"import cycle in {where}: {' -> '.join(circle)}", file=sys.stderr)
            # Remove this import, to find other cycles.
            graph[circle[0]].remove(circle[1])
    sys.exit(found)


if __name__ == "__main__":
    main()
