"""Prints the notices of the crates that the program links, as packages have to carry them.

Of licences to choose from, MIT is taken. Equal texts are printed once.
"""

import json
import subprocess
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
APACHE = ROOT / "LICENSE-APACHE"

HEADER = """\
arrayfs is under the licence MIT or Apache-2.0. Programs that are built from it hold the crates
below, Rust's standard library (MIT or Apache-2.0, <https://github.com/rust-lang/rust>), and where
they are static, musl (MIT, Copyright (c) 2005-2020 Rich Felker, et al.).
"""


def output(*words):
    """What cargo prints about the locked crates."""
    words = ["cargo", *words, "--locked"]
    return subprocess.check_output(words, cwd=ROOT, text=True)


def linked():
    """The crates that are linked into the program: neither macros nor what only tests use."""
    target = ("--target", "x86_64-unknown-linux-musl")
    tree = output("tree", "--prefix=none", "--format={p}|", "--edges=normal,no-proc-macro", *target)
    names = {line.split("|")[0] for line in tree.splitlines()}
    packages = json.loads(output("metadata", "--format-version=1"))["packages"]
    # Without a source is arrayfs itself.
    crates = [package for package in packages if package["source"]]
    return [crate for crate in crates if f"{crate['name']} v{crate['version']}" in names]


def files(package):
    """The files with the licence of a crate."""
    directory = Path(package["manifest_path"]).parent
    found = [path for path in sorted(directory.glob("LICENSE*")) if path.is_file()]
    # Terms of MIT where they can be chosen, and of parts that came from others.
    others = ("-APACHE", "-Apache-2.0_WITH_LLVM-exception", "-BSD")
    chosen = [path for path in found if not path.name.endswith(others)]
    if "MIT" in package["license"] and chosen:
        return chosen
    if found:
        return found
    # Its own notice would be in a file.
    if package["license"] == "Apache-2.0":
        return [APACHE]
    raise SystemExit(f"{package['name']} {package['version']}: no file with its licence")


texts = defaultdict(list)
for crate in sorted(linked(), key=lambda crate: crate["name"]):
    name = f"{crate['name']} {crate['version']} ({crate['license']})"
    for path in files(crate):
        text = path.read_text().replace("\r\n", "\n").expandtabs().strip("\n")
        texts["\n".join(line.rstrip() for line in text.split("\n"))].append(name)

print(HEADER)
for text, names in texts.items():
    print("-" * 80, *names, "", text, "", sep="\n")
