"""Whole arrays whose bytes lie in the file as they are read: against the same program on the file."""

from registry import subject
from workplace import SQUARE, dd, need_root, run, timed

row = subject("Whole arrays")


@row("dd read of data, raw C, mode r", "dd of the file", 0.95)
def read_c(place, pair):
    need_root()
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--mode", "r") as mount:
        pair(lambda: dd(mount / "data", "/dev/null"), lambda: dd(path, "/dev/null"))


@row("dd read of T/data, raw F, mode r", "dd of the file", 0.95)
def read_f(place, pair):
    need_root()
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--mode", "r", "--order", "F") as mount:
        pair(lambda: dd(mount / "T/data", "/dev/null"), lambda: dd(path, "/dev/null"))


@row("dd overwrite of data, --passthrough rw", "dd to the file", 0.95)
def overwrite_natively(place, pair):
    need_root()
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)

    def write(target):
        return dd("/dev/zero", target, "conv=notrunc", f"count={path.stat().st_size >> 20}")

    with place.mounted(path, shape, "--passthrough", "rw") as mount:
        pair(lambda: write(mount / "data"), lambda: write(path))
    path.unlink()


@row("dd read of data, --passthrough never", "dd of the file", 0.33)
def read_by_daemon(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--passthrough", "never") as mount:
        pair(lambda: dd(mount / "data", "/dev/null"), lambda: dd(path, "/dev/null"))


@row("dd overwrite of data, --passthrough never", "dd to the file", 0.25)
def overwrite_by_daemon(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)

    def write(target):
        return dd("/dev/zero", target, "conv=notrunc", f"count={path.stat().st_size >> 20}")

    with place.mounted(path, shape, "--passthrough", "never") as mount:
        pair(lambda: write(mount / "data"), lambda: write(path))
    path.unlink()


def tool(words, reach):
    @row(f"{words[0]} of data, --passthrough never", f"{words[0]} of the file", reach)
    def with_tool(place, pair):
        shape = place.shape(*SQUARE)
        path = place.array("square.bin", shape)
        copy = place.path("copy")
        if words[0] == "cmp":
            run("cp", path, copy)

        def fill(source):
            return [str({"FILE": source, "COPY": copy}.get(word, word)) for word in words]

        with place.mounted(path, shape, "--passthrough", "never", "--mode", "r") as mount:
            pair(lambda: timed(*fill(mount / "data")), lambda: timed(*fill(path)))
        copy.unlink(missing_ok=True)


tool(("cat", "FILE"), 0.3)
tool(("cp", "FILE", "COPY"), 0.35)
tool(("cmp", "FILE", "COPY"), 0.28)


@row("sha256sum of data, second pass, --cache auto, --passthrough never", "sha256sum of the file", 0.8)
def sum_twice(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--passthrough", "never", "--cache", "auto", "--mode", "r") as mount:
        pair(lambda: timed("sha256sum", mount / "data"), lambda: timed("sha256sum", path))
