"""The stores in `zarr/`, as zarr-python, tensorstore and dask read them, and as they are written in place."""

import errno
import json
import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import dask
import dask.array
import numpy as np
import zarr
from zarr.storage import FsspecStore

from cases import Case, Session, main
from checks import expect, refused, same, same_bytes
from members import random_values
from mounting import DEADLINE, Mount
from zarr_cases import SHAPES, TYPES, blocks, by_tensorstore, by_zarr, check_store, padded, same_array, unpadded

MOST_MEMORY = 16 << 10
"""KiB of its own that a daemon may have that lists a million chunks."""


CHUNKED = [
    ("<f4", (7, 10, 11), (3, 4, 11)), (">i2", (5, 7), (2, 3)), ("<c8", (5, 7), (8, 9)), ("u1", (3, 5, 7), (2, 5, 4)),
    ("<f8", (9,), (4,)), ("<i2,<f4", (4, 3), (3, 2)), (">f8", (2, 3, 4, 5), (2, 2, 2, 2)), ("<U2", (4, 5), (1, 3)),
]  # fmt: skip
"""Types, and shapes with those of their chunks."""

NO_CHUNKS = ["0", "0.0", "0.0.0.0", "00.0.0", "0.0.00", "3.0.0", "-1.0.0", "c", "c.0.0.0", "data", "0.0.0 "]
"""What is no chunk of the array of `default_chunks`."""

METADATA = {"zarr.json", ".zarray", ".zattrs"}


def every_type_and_shape(session: Session) -> None:
    """Members of an archive, in both orders, with chunks of both kinds."""
    made = {}
    for number, dtype in enumerate(TYPES):
        for k in range(5):
            shape = SHAPES[(number + k * 8) % len(SHAPES)]
            order = "CF"[(number + k) % 2]
            made[f"a{number}_{k}"] = random_values(session.rng, np.zeros(shape, dtype)).copy(order)
    file = session.directory / "arrays.npz"
    np.savez(file, **made)
    for number, options in enumerate(([], ["--zarr-chunks", "2,3,4"], ["-o", "zarr-chunks=3x4"])):
        session.subject = f"{file} {options}"
        with session.mount(file, ["--mode", "r", *options]) as mount:
            # The default has all, and the others what they change.
            for name, array in made.items():
                if not number or array.ndim == len(options[1].split("=")[-1].replace("x", ",").split(",")):
                    check_store(mount.path(f"{name}/zarr"), array)
                    if array.ndim >= 2:
                        check_store(mount.path(f"{name}/T/zarr"), array.T)
                    if os.path.exists(mount.path(f"{name}/native")):
                        check_store(mount.path(f"{name}/native/zarr"), array.astype(array.dtype.newbyteorder("=")))


def every_chunk(session: Session) -> None:
    """Each file of a store is the padded part of the array, and writes of any of its bytes change that part alone."""
    for number, (dtype, shape, chunk) in enumerate(CHUNKED):
        for order, offset in [("C", 3), ("F", 16)]:
            twin = bytearray(session.rng.bytes(offset + np.dtype(dtype).itemsize * int(np.prod(shape)) + 5))
            array = np.ndarray(shape, dtype, twin, offset, order=order)
            array[...] = random_values(session.rng, array)
            file = session.directory / f"{number}{order}.bin"
            file.write_bytes(twin)
            options = [f"--dtype={np.dtype(dtype).descr if array.dtype.names else dtype}", f"--shape={shape}"]
            options += [f"--order={order}", f"--offset={offset}", f"--zarr-chunks={chunk}", "--mode=r+"]
            session.subject = f"{options}"
            with session.mount(file, options) as mount:
                write_chunks(session, mount, "zarr", array, chunk, order)
                same_bytes("the backing file", bytes(twin), file.read_bytes())
                if array.ndim > 1:
                    write_chunks(session, mount, "T/zarr", array.T, chunk, "CF".replace(order, ""))
                    same_bytes("the backing file", bytes(twin), file.read_bytes())


def write_chunks(
    session: Session, mount: Mount, store: str, array: np.ndarray, chunk: tuple[int, ...], order: str
) -> None:
    listed = METADATA | {name for name, _ in blocks(array.shape, chunk)}
    same("the files of the store", sorted(listed), sorted(os.listdir(mount.path(store))))
    for number, (name, block) in enumerate(blocks(array.shape, chunk)):
        path, part = mount.path(f"{store}/{name}"), array[block]
        content = bytearray(padded(part, chunk, order))
        same(f"the size of {name}", len(content), os.stat(path).st_size)
        with open(path, "r+b", buffering=0) as file:
            same_bytes(name, bytes(content), file.read())
            for _ in range(3):
                start, end = sorted(session.rng.integers(0, len(content) + 1, 2).tolist())
                same_bytes(
                    f"{name} from {start}", bytes(content[start:end]), os.pread(file.fileno(), end - start, start)
                )
            start = int(session.rng.integers(0, len(content)))
            end = int(session.rng.integers(start, len(content))) + 1
            fresh = padded(random_values(session.rng, np.zeros(chunk, array.dtype)), chunk, order)
            content[start:end] = fresh[start:end]
            session.note(f"pwrite {name} {start}..{end}")
            same("the written bytes", end - start, os.pwrite(file.fileno(), content[start:end], start))
            part[...] = unpadded(bytes(content), part, chunk, order)
            same_bytes(f"{name} after a write", padded(part, chunk, order), os.pread(file.fileno(), len(content), 0))
        if number % 2:
            Path(path).write_bytes(fresh)
            part[...] = unpadded(fresh, part, chunk, order)
            same_bytes(f"{name} after O_TRUNC", padded(part, chunk, order), Path(path).read_bytes())


def in_place(session: Session, path: str) -> zarr.Array:
    """The array, as a program writes it that opens its chunks and truncates them."""
    zarr.config.set({"array.write_empty_chunks": True})
    return zarr.open_array(FsspecStore.from_url(f"file://{path}"), mode="r+")


def writes_by_zarr(session: Session) -> None:
    """What zarr-python writes is in the backing file, at once in other views, and nothing else changes."""
    for dtype, order, offset in [("<f4", "C", 0), (">i2", "F", 6), ("<c16", "C", 5), ("|b1", "F", 1)]:
        shape = (6, 9, 10)
        twin = bytearray(session.rng.bytes(offset + np.dtype(dtype).itemsize * int(np.prod(shape)) + 7))
        array = np.ndarray(shape, dtype, twin, offset, order=order)
        array[...] = random_values(session.rng, array)
        file = session.directory / f"{dtype[1:]}.bin"
        file.write_bytes(twin)
        options = [f"--dtype={dtype}", f"--shape={shape}", f"--order={order}", f"--offset={offset}"]
        session.subject = f"{options}"
        with session.mount(file, [*options, "--mode", "r+", "--zarr-chunks", "4,4,4"]) as mount:
            target = in_place(session, mount.path("zarr"))
            mapped = np.memmap(mount.path("data"), dtype, "r", shape=shape)
            # At the edge, so that two thirds of it are padding.
            edge, at_edge = np.memmap(mount.path("zarr/1.2.2"), dtype, "r+"), array[4:, 8:, 8:]
            for index in [np.s_[1:5, 3:, 2:9], np.s_[0], np.s_[..., -1], np.s_[5, 8, 9]]:
                fresh = random_values(session.rng, np.zeros(array[index].shape, dtype))
                target[index] = fresh
                array[index] = fresh
                same_array("the mapped array", array, np.array(mapped))
                same_bytes("the mapped chunk", padded(at_edge, (4, 4, 4), order), edge.tobytes())
            fresh = random_values(session.rng, np.zeros((4, 4, 4), dtype))
            edge[:] = np.frombuffer(padded(fresh, (4, 4, 4), order), dtype)
            edge.flush()
            at_edge[...] = fresh[:2, :1, :2]
            same_array("the mapped array after a store to the chunk", array, np.array(mapped))
            target[2:4] = 0
            array[2:4] = 0
            same_bytes("the backing file", bytes(twin), file.read_bytes())
            Path(mount.path("rows/1")).write_bytes(bytes(array[1].nbytes))
            array[1] = 0
            same_array("the store after a write of a row", array, by_zarr(mount.path("zarr"))[...])
            same_bytes("the mapped chunk", padded(at_edge, (4, 4, 4), order), edge.tobytes())
            del mapped, edge


def writes_by_renaming(session: Session) -> None:
    """What zarr-python and tensorstore write into files aside, which they rename over chunks, is in the array."""
    shape, chunk = (7, 10, 11), (3, 4, 11)
    for dtype, order, offset in [("<f4", "C", 0), (">i2", "F", 6), ("<f8", "F", 3)]:
        twin = bytearray(session.rng.bytes(offset + np.dtype(dtype).itemsize * int(np.prod(shape)) + 7))
        array = np.ndarray(shape, dtype, twin, offset, order=order)
        array[...] = random_values(session.rng, array)
        file = session.directory / f"{dtype[1:]}.bin"
        file.write_bytes(twin)
        options = [f"--dtype={dtype}", f"--shape={shape}", f"--order={order}", f"--offset={offset}"]
        session.subject = f"{options}"
        with session.mount(file, [*options, f"--zarr-chunks={chunk}"]) as mount:
            store = mount.path("zarr")
            listed = sorted(os.listdir(store))
            for version in (2, 3):
                zarr.config.set({"array.write_empty_chunks": True})
                write_parts(session, array, zarr.open_array(store, mode="r+", zarr_format=version).__setitem__)
                same_bytes(f"the backing file after zarr-python, {version}", bytes(twin), file.read_bytes())
                for locking in ("os", "none"):
                    base = {"driver": "file", "path": store, "file_io_locking": {"mode": locking}}
                    target = by_tensorstore(
                        store, version, kvstore=base, store_data_equal_to_fill_value=True, write=True
                    )
                    write_parts(session, array, lambda index, part, target=target: target[index].write(part).result())
                    same_bytes(f"the backing file after tensorstore, {version}", bytes(twin), file.read_bytes())
            same("the files of the store", listed, sorted(os.listdir(store)))
            check_store(store, array)
            for name in ("5.0.0", "9", "0.0"):
                with refused(f"a new file {name}", errno.EPERM):
                    os.open(os.path.join(store, name), os.O_WRONLY | os.O_CREAT)
            with refused("new attributes", errno.EPERM):
                zarr.open_array(store, mode="r+").attrs["x"] = 1


def write_parts(session: Session, array: np.ndarray, write: Callable[[object, np.ndarray], object]) -> None:
    """Writes whole chunks, parts of chunks and zeros, to a store and to the twin."""
    for index in [np.s_[:3, :4], np.s_[2:5, 1:, 3:7], np.s_[6, 9, 10], np.s_[...]]:
        fresh = random_values(session.rng, np.zeros(array[index].shape, array.dtype))
        write(index, fresh)
        array[index] = fresh
    write(np.s_[3:6, 4:8], np.zeros((3, 4, 11), array.dtype))
    array[3:6, 4:8] = 0


def nothing_is_removed(session: Session) -> None:
    """Programs that begin by removing files fail, and the array is as it was."""
    array = random_values(session.rng, np.zeros((6, 5), "<i4"))
    file = session.directory / "array.npz"
    np.savez(file.with_suffix(".npz"), a=array)
    raw = session.directory / "array.bin"
    raw.write_bytes(array.tobytes())
    empty = session.directory / "empty"
    empty.mkdir()
    with session.mount(raw, ["--dtype=i4", "--shape=6,5", "--mode=r+", "--zarr-chunks=4,2"]) as mount:
        store = mount.path("zarr")
        before = {name: Path(store, name).read_bytes() for name in os.listdir(store)}
        for name in before:
            with refused(f"unlink of {name}", errno.EPERM):
                os.unlink(os.path.join(store, name))
        with refused("removal of the directory", errno.EPERM):
            os.rmdir(store)
        with refused("zarr.open", errno.EPERM):
            zarr.open(store, mode="w", shape=(6, 5), dtype="i4", chunks=(4, 2))
        with refused("shutil.rmtree", errno.EPERM):
            shutil.rmtree(store)
        for command in (["rm", "-rf", store], ["rsync", "-r", "--delete", f"{empty}/", f"{store}/"]):
            done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
            expect(done.returncode != 0 and "not permitted" in done.stderr, f"{command}: {done}")
        # A chunk of zeros is removed by default.
        target = zarr.open_array(store, mode="r+", config={"write_empty_chunks": False})
        zarr.config.set({"array.write_empty_chunks": False})
        with refused("a chunk of zeros", errno.EPERM):
            zarr.open_array(store, mode="r+")[:4, :2] = 0
        del target
        same("the store", before, {name: Path(store, name).read_bytes() for name in os.listdir(store)})
        same_bytes("the array", array.tobytes(), raw.read_bytes())
        for name in ("zarr.json", ".zarray", ".zattrs"):
            with refused(f"a write of {name}", errno.EACCES):
                os.open(os.path.join(store, name), os.O_WRONLY)


def default_chunks(session: Session) -> None:
    """Chunks of up to 4 MiB, contiguous in the file in either order; names that are canonical alone."""
    file = session.directory / "sparse.bin"
    shape = (3, 1200, 1024)
    with open(file, "wb") as sparse:
        sparse.truncate(4 * int(np.prod(shape)))
    for order, chunk in [("C", [1, 1024, 1024]), ("F", [3, 1200, 291])]:
        with session.mount(file, ["--dtype=f4", f"--shape={shape}", f"--order={order}"]) as mount:
            described = json.loads(Path(mount.path("zarr/zarr.json")).read_text())
            same("the chunks", chunk, described["chunk_grid"]["configuration"]["chunk_shape"])
            same("the codecs", 1 if order == "C" else 2, len(described["codecs"]))
            names = METADATA | {name for name, _ in blocks(shape, chunk)}
            same("the files", names, set(os.listdir(mount.path("zarr"))))
            for absent in [
                "0",
                "0.0",
                "0.0.0.0",
                "00.0.0",
                "0.0.00",
                "3.0.0",
                "-1.0.0",
                "c",
                "c.0.0.0",
                "data",
                "0.0.0 ",
            ]:
                with refused(absent, errno.ENOENT):
                    os.stat(mount.path(f"zarr/{absent}"))
            last = max(
                names - {"zarr.json", ".zarray", ".zattrs"}, key=lambda name: [int(part) for part in name.split(".")]
            )
            array = by_zarr(mount.path("zarr"), 3)
            array_by_tensorstore = by_tensorstore(mount.path("zarr"), 3)
            with open(mount.path(f"zarr/{last}"), "r+b", buffering=0) as opened:
                first = np.arange(4, dtype="f4")
                opened.write(first.tobytes())
            start = [int(index) * step for index, step in zip(last.split("."), chunk, strict=True)]
            near = tuple(slice(at, min(at + 4, length)) for at, length in zip(start, shape, strict=True))
            same("the element by zarr-python", 1.0, float(array[near].flatten(order)[1]))
            same("the element by tensorstore", 1.0, float(array_by_tensorstore[near].read().result().flatten(order)[1]))
            expect(bool(np.fromfile(file, "f4").max() == 3), "the chunk is not in the file")
        with open(file, "r+b") as sparse:
            sparse.truncate(0)
            sparse.truncate(4 * int(np.prod(shape)))


def where_there_are_none(session: Session) -> None:
    """No stores of types that Zarr lacks; float32 of those that NumPy lacks; the default for other numbers of axes."""
    overlapping = {"names": ["a", "b"], "formats": ["u2", "u1"], "offsets": [0, 1]}
    for code in ["g", "G", overlapping, "bfloat16", "float8_e5m2"]:
        raw = session.directory / "array.bin"
        size = 2 if code == "bfloat16" else 1 if isinstance(code, str) and code.startswith("float8") else None
        raw.write_bytes(session.rng.bytes(6 * (size or np.dtype(code).itemsize)))
        with session.mount(raw, [f"--dtype={code}", "--shape=2,3"]) as mount:
            expect("zarr" not in os.listdir(mount.point), f"zarr/ of {code}")
            expect(not os.path.exists(mount.path("zarr")), f"a hidden zarr/ of {code}")
            if size:
                singles = np.fromfile(mount.path("float32/data"), "f4").reshape(2, 3)
                check_store(mount.path("float32/zarr"), singles)
                with refused("a write of a float32 chunk", errno.EACCES):
                    os.open(mount.path("float32/zarr/0.0"), os.O_WRONLY)
            if code == overlapping:
                check_store(mount.path("fields/b/zarr"), np.fromfile(mount.path("fields/b/data"), "u1").reshape(2, 3))
    raw.write_bytes(session.rng.bytes(24))
    for options, chunk in [(["--zarr-chunks", "1,1,1"], [4, 6]), (["-o", "zarr-chunks=5x7"], [5, 7])]:
        with session.mount(raw, ["--dtype=u1", "--shape=4,6", *options]) as mount:
            same("the chunks", chunk, json.loads(Path(mount.path("zarr/.zarray")).read_text())["chunks"])
    for wrong in ["0,1", "-1", "()", "x", "1.5"]:
        command = [session.arrayfs, f"--zarr-chunks={wrong}", str(raw), str(session.directory / "refused")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
        same(f"the exit status of {command}", 2, done.returncode)
        expect("zarr-chunks" in done.stderr, done.stderr)


def anonymous_memory(mount: Mount) -> int:
    status = Path(f"/proc/{mount.daemon}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])


def a_million_chunks(session: Session) -> None:
    """They are listed once each, in little memory; and one is found among a hundred million million."""
    file = session.directory / "sparse.bin"
    with open(file, "wb") as sparse:
        sparse.truncate(300_000)
    with session.mount(file, ["--dtype=u1", "--shape=300,1000", "--zarr-chunks=1,1"]) as mount:
        listed = set(os.listdir(mount.path("zarr")))
        same("the number of files", 300_003, len(listed))
        expect({"0.0", "299.999", "7.100"} <= listed, "names are missing")
        memory = anonymous_memory(mount)
        expect(memory < MOST_MEMORY, f"the daemon has {memory} KiB of memory of its own")
    with open(file, "wb") as sparse:
        sparse.truncate(10**14 // 8)
    with session.mount(file, ["--dtype=u1", "--shape=1000000,12500000", "--zarr-chunks=1,1"]) as mount:
        start = time.monotonic()
        os.stat(mount.path("zarr/999999.12499999"))
        with refused("one further", errno.ENOENT):
            os.stat(mount.path("zarr/999999.12500000"))
        Path(mount.path("zarr/999999.12499999")).write_bytes(b"\7")
        same("the last byte", b"\7", Path(mount.path("rows/999999")).open("rb").read()[-1:])
        expect(time.monotonic() - start < DEADLINE, "a look-up is slow")


def by_two_workers(session: Session) -> None:
    """dask's processes open the store by themselves."""
    file = session.directory / "array.bin"
    array = np.arange(60 * 1000, dtype="<f8").reshape(60, 1000)
    file.write_bytes(array.tobytes())
    with session.mount(file, ["--dtype=f8", "--shape=60,1000", "--zarr-chunks=7,1000"]) as mount:
        lazy = dask.array.from_zarr(mount.path("zarr"))
        same("the chunks", (7,) * 8 + (4,), lazy.chunks[0])
        with dask.config.set(scheduler="processes", num_workers=2):
            same_array("the sums", array.sum(0), lazy.sum(0).compute())


CASES: dict[str, Case] = {
    "every type and shape": every_type_and_shape,
    "every chunk": every_chunk,
    "writes by zarr": writes_by_zarr,
    "writes by renaming": writes_by_renaming,
    "nothing is removed": nothing_is_removed,
    "default chunks": default_chunks,
    "where there are none": where_there_are_none,
    "a million chunks": a_million_chunks,
    "by two workers": by_two_workers,
}

if __name__ == "__main__":
    # Of both versions in one directory, and of types that not every program has.
    warnings.filterwarnings("ignore", module="zarr")
    main(__doc__, CASES)
