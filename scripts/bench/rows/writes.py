"""Writes that are flushed, and reads beside another writer."""

import subprocess
from contextlib import contextmanager

from registry import subject

row = subject("Writes")


@row("write 4 KiB at random, fdatasync each", "the same on the file", 0.4)
def synced(place, pair):
    files, count = place.shape(4096)[0], place.count(1000)
    path = place.array("sync.bin", (files, 4096), "u1")
    with place.mounted(path, (files, 4096), dtype="u1") as mount:
        pair(
            lambda: place.client_seconds("fdatasync", mount / "data", count),
            lambda: place.client_seconds("fdatasync", path, count),
        )


def beside_producer(words, options):
    """The producer writes 64 KiB a hundred times a second, elsewhere in the file."""

    @row(
        f"read 64 KiB rows at random beside a producer of 6.25 MiB/s{words}",
        "the same without the producer",
        0.85,
        least=9,
    )
    def reads(place, pair):
        each = 1 << 16
        files, count = place.shape(8192)[0], place.count(20000)
        path = place.array("produced.bin", (files, each), "u1")
        half = files // 2

        @contextmanager
        def producer():
            # The readers have the first half of the rows, the producer the second.
            words = [place.client, "produce", path, half * each, files * each, 100]
            with subprocess.Popen([str(word) for word in words]) as process:
                try:
                    yield
                    if process.poll() is not None:
                        raise RuntimeError("the producer ended")
                finally:
                    process.kill()

        with place.mounted(path, (files, each), *options, dtype="u1") as mount:

            def read():
                return place.client_seconds("open", mount / "rows", half, each, count, 1)

            def disturbed():
                with producer():
                    return read()

            pair(disturbed, read)


beside_producer("", ())
beside_producer(", --cache auto", ("--cache", "auto"))
