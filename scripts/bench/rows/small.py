"""Small files and directories of many: against the floor, or the same files on ext4."""

from registry import subject
from workplace import need_root, timed

row = subject("Small files")

ROW, FILES, OPENED = 4096, 65536, 20000
ALWAYS = ("--mode", "r", "--cache", "always")


def clients_text(clients):
    return f"{clients} client{'s' if clients > 1 else ''}"


def opened(place, clients):
    """The number of files, and the words for the client that opens them in random order."""
    files = place.shape(FILES)[0]
    return files, (files, ROW, min(place.count(OPENED), files), clients)


def first_pass(clients):
    @row(
        f"open, read and close 4 KiB rows, first pass, {clients_text(clients)}, mode r, --cache always",
        "the floor",
        3,
    )
    def first(place, pair):
        files, words = opened(place, clients)
        path = place.array("rows.bin", (files, ROW), "u1")

        def ours():
            with place.mounted(path, (files, ROW), *ALWAYS, dtype="u1") as mount:
                return place.client_seconds("open", mount / "rows", *words)

        def floor():
            with place.floor(files, ROW) as point:
                return place.client_seconds("open", point / "rows", *words)

        pair(ours, floor)


def later_passes(clients):
    @row(
        f"open, read and close 4 KiB rows, later passes, {clients_text(clients)}, mode r, --cache always",
        "the same files on ext4",
        0.7,
    )
    def later(place, pair):
        files, words = opened(place, clients)
        path = place.array("rows.bin", (files, ROW), "u1")
        with place.ext4_files(files, ROW) as directory:
            with place.mounted(path, (files, ROW), *ALWAYS, dtype="u1") as mount:
                pair(
                    lambda: place.client_seconds("open", mount / "rows", *words),
                    lambda: place.client_seconds("open", directory, *words),
                )


def by_default(clients):
    @row(
        f"open, read and close 4 KiB rows, {clients_text(clients)}",
        "the floor that asks for the file's size per read",
        0.85,
        least=9,
    )
    def default(place, pair):
        files, words = opened(place, clients)
        path = place.array("rows.bin", (files, ROW), "u1")
        with place.mounted(path, (files, ROW), dtype="u1") as mount:
            with place.floor(files, ROW, path) as floor:
                pair(
                    lambda: place.client_seconds("open", mount / "rows", *words),
                    lambda: place.client_seconds("open", floor / "rows", *words),
                )


for measured in (first_pass, later_passes, by_default):
    measured(1)
    measured(4)


@row("pread 4 KiB at random of one open file, --passthrough never", "the floor", 0.9)
def read_at_random(place, pair):
    files, count = place.shape(FILES)[0], place.count(50000)
    path = place.array("rows.bin", (files, ROW), "u1")
    options = ("--mode", "r", "--passthrough", "never")
    with place.mounted(path, (files, ROW), *options, dtype="u1") as mount:
        with place.floor(files, ROW) as floor:
            pair(
                lambda: place.client_seconds("pread", mount / "data", count),
                lambda: place.client_seconds("pread", floor / "data", count),
            )


@row("8 readers of 8 ranges of rows", "1 reader of all", 1)
def readers(place, pair):
    files = place.shape(4096)[0]
    path = place.array("ranges.bin", (files, 1 << 18), "u1")
    with place.mounted(path, (files, 1 << 18), "--mode", "r", dtype="u1") as mount:

        def read(clients):
            return place.client_seconds("ranges", mount / "rows", files, clients)

        pair(lambda: read(8), lambda: read(1))


def walk(name, command):
    """Runs a shell command in the directory of rows. The first time is the warm-up."""

    @row(f"{name}, 100,000 rows of 4 KiB, second time, mode r, --cache always", "the same files on ext4", 0.7)
    def walked(place, pair):
        files = place.shape(100_000)[0]
        path = place.array("many.bin", (files, ROW), "u1")

        def run_in(directory):
            return timed("bash", "-o", "pipefail", "-c", command, cwd=directory)

        with place.ext4_files(files, ROW) as directory:
            with place.mounted(path, (files, ROW), *ALWAYS, dtype="u1") as mount:
                pair(lambda: run_in(mount / "rows"), lambda: run_in(directory))


walk("find -type f", "find . -type f")
# grep exits with 1, since no line matches.
walk("grep -r", 'grep -r "in no line" .; [ $? = 1 ]')
walk("tar c | cat", "tar c . | cat >/dev/null")


def listing(words, reach):
    @row(f"{' '.join(words)} rows, a million", "an ext4 directory of a million files", reach)
    def list_rows(place, pair):
        need_root()
        files = place.shape(1_000_000)[0]
        path = place.array("many.bin", (files, 8), "u1")
        with place.ext4_files(files, 0) as directory:
            with place.mounted(path, (files, 8), "--mode", "r", dtype="u1") as mount:
                pair(lambda: timed(*words, mount / "rows"), lambda: timed(*words, directory))


listing(("ls", "-f"), 1)
listing(("ls", "-l"), 0.8)
