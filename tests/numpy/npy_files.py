"""Loads and saves the files in `npy/` with NumPy, writes what it should not, and mounts and makes `.npy` files."""

import errno
import io
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format

from arrays import RawArray, as_npy, pick, random_array, random_structure
from cases import Case, Session, main
from checks import expect, refused, same, same_bytes
from mounting import DEADLINE
from npy_headers import framed
from tree import check_bytes
from twins import Twin, mounted_twin
from views import View, all_views, opaque, places, stored

NESTED = np.dtype([("x", "<f4"), ("in", [("id", "<i8"), ("m", ">u2", (2, 3))]), ("name", "S5"), ("t", "<M8[s]")])
GAPS = np.dtype({"names": ["a", "b"], "formats": ["<i4", "<f8"], "offsets": [0, 8], "itemsize": 20})

ARRAYS = {
    "0-d": RawArray(np.dtype("<f8"), ()),
    "1-d": RawArray(np.dtype(">i4"), (11,), offset=5),
    "2-d": RawArray(np.dtype("<f4"), (30, 50), "C", 3),
    "2-d, F": RawArray(np.dtype("<c16"), (30, 50), "F", 3, 7),
    "3-d, F": RawArray(np.dtype("<i2"), (4, 5, 600), "F"),
    "empty": RawArray(np.dtype("<f8"), (3, 0)),
    "structured": RawArray(NESTED, (6, 4), "F", 1),
    "with gaps": RawArray(GAPS, (8, 3)),
    "words": RawArray(np.dtype("<U3"), (9, 2), "F"),
}


def npy_views(session: Session, twin: Twin, most: int = 12) -> list[View]:
    """The whole arrays, and some of the other files."""
    views = [view for view in twin.views if view.path.endswith(".npy")]
    chosen = [view for view in views if view.path.endswith("data.npy")]
    return chosen + [pick(session.rng, views) for _ in range(most)]


def same_array(subject: str, expected: np.ndarray, got: np.ndarray) -> None:
    same(f"dtype and shape of {subject}", (expected.dtype, expected.shape), (got.dtype, got.shape))
    same_bytes(subject, stored(expected), stored(got))


def other_values(session: Session, array: np.ndarray, order: str = "C") -> np.ndarray:
    """An array of the same type and shape with other bytes, of which NumPy copies all."""
    return np.ndarray(array.shape, array.dtype, bytearray(session.rng.bytes(array.nbytes)), order=order)


def array_order(view: View) -> tuple[np.ndarray, str]:
    """The array that NumPy finds in a file, and its order: a file mounted in Fortran order is shown as it is."""
    fortran = view.array.ndim >= 2 and re.search(rb"fortran_order['\"]\s*:\s*True", view.header)
    return (view.values().T, "F") if fortran else (view.values(), "C")


def assign(view: View, array: np.ndarray, order: str) -> None:
    """What a program does that writes the array, of this order, to a file."""
    view.write(0, stored(array.T if order == "F" else array))


def save(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def loads(raw: RawArray, mode: str) -> Case:
    """`numpy.load`, with each `mmap_mode`."""

    def case(session: Session) -> None:
        with mounted_twin(session, raw, mode) as (mount, twin):
            for view in npy_views(session, twin):
                path = mount.path(view.path)
                array, _ = array_order(view)
                session.note(f"load {view.path!r}")
                same_array(view.path, array, np.load(path))
                with open(path, "rb") as file:
                    same_array(view.path, array, np.load(file))
                if array.size == 0:
                    continue
                check_maps(session, path, view, mode)
                same_array(view.path, array_order(view)[0], np.load(path))
                check_bytes(session, mount, twin.view("data"), pieces=0)

    return case


def check_maps(session: Session, path: str, view: View, mode: str) -> None:
    """Maps a file with each `mmap_mode`, and writes new values by that which writes."""
    array, order = array_order(view)
    same_array(path, array, np.load(path, mmap_mode="r"))
    private = np.load(path, mmap_mode="c")
    same_array(path, array, private)
    opaque(private)[...] = opaque(other_values(session, array))
    same_array(path, array, np.load(path))
    if mode == "r":
        with refused(f"mapping {path} to write", errno.EROFS):
            np.load(path, mmap_mode="r+")
        return
    shared = np.load(path, mmap_mode="r+")
    other = other_values(session, array)
    opaque(shared)[...] = opaque(other)
    shared.flush()
    assign(view, other, order)


def save_to_path(path: str, array: np.ndarray) -> None:
    np.save(path, array)


def save_to_wb(path: str, array: np.ndarray) -> None:
    with open(path, "wb") as file:
        np.save(file, array)


def save_to_r_plus_b(path: str, array: np.ndarray) -> None:
    with open(path, "r+b") as file:
        np.save(file, array)


def save_unbuffered(path: str, array: np.ndarray) -> None:
    with open(path, "wb", buffering=0) as file:
        np.save(file, array)


def save_in_memory_first(path: str, array: np.ndarray) -> None:
    with open(path, "r+b", buffering=0) as file:
        content = save(array)
        same(f"write {path}", len(content), file.write(content))


def copied(path: str, array: np.ndarray) -> None:
    """`cp`, from a file outside."""
    with tempfile.NamedTemporaryFile(suffix=".npy") as source:
        np.save(source, array)
        source.flush()
        done = subprocess.run(["cp", source.name, path], capture_output=True, text=True, timeout=DEADLINE, check=False)
    if done.returncode != 0:
        raise OSError(errno.EINVAL if os.strerror(errno.EINVAL) in done.stderr else errno.EIO, done.stderr)


SAVES = [save_to_path, save_to_wb, save_to_r_plus_b, save_unbuffered, save_in_memory_first, copied]


def contradicting(array: np.ndarray, order: str) -> list[np.ndarray]:
    """Arrays with another type, shape or order, of which some have a header of the same length."""
    others = [np.zeros((*array.shape, 1), array.dtype), np.zeros((*array.shape, 2), array.dtype)]
    if array.dtype.names is None and array.dtype.kind in "if" and 1 < array.dtype.itemsize <= 8:
        others.append(np.zeros(array.shape, array.dtype.newbyteorder(), order=order))
        others.append(np.zeros(array.shape, array.dtype.str.replace("i", "u").replace("f", "i")))
    if array.ndim >= 1:
        others.append(np.zeros((array.shape[0] + 1, *array.shape[1:]), array.dtype, order=order))
    if len({length for length in array.shape if length > 1}) > 1:
        others.append(np.zeros(array.shape[::-1], array.dtype))
    if array.size and sum(length > 1 for length in array.shape) > 1:
        others.append(np.zeros(array.shape, array.dtype, order="CF".replace(order, "")))
    return others


def saves(raw: RawArray, mode: str = "r+") -> Case:
    """`numpy.save` of the same type, shape and order writes the array; of another it fails and changes nothing."""

    def case(session: Session) -> None:
        with mounted_twin(session, raw, mode) as (mount, twin):
            for view in npy_views(session, twin, most=6):
                path = mount.path(view.path)
                array, order = array_order(view)
                for way in SAVES:
                    session.note(f"{way.__name__} {view.path!r}")
                    other = other_values(session, array, order)
                    if len(view.header) == len(save(other)) - other.nbytes:
                        way(path, other)
                        assign(view, other, order)
                    else:  # The mounted file has a header that NumPy would not write.
                        refused_save(way, path, other)
                    check_bytes(session, mount, view, pieces=0)
                    check_bytes(session, mount, twin.view("data"), pieces=0)
                    for wrong in contradicting(array, order):
                        session.note(f"{way.__name__} {view.path!r}: {wrong.dtype} {wrong.shape}")
                        refused_save(way, path, wrong)
                        check_bytes(session, mount, twin.view("data"), pieces=0)
                check_bytes(session, mount, view, pieces=0)

    return case


def refused_save(way: Callable[[str, np.ndarray], None], path: str, array: np.ndarray) -> None:
    with refused(f"{way.__name__} of {array.dtype} {array.shape} to {path}", errno.EINVAL):
        way(path, array)


def header_in_pieces(session: Session) -> None:
    """What a write has for the header must be what is there, in whatever pieces; else nothing of it is applied."""
    raw = RawArray(np.dtype("<f4"), (20, 30), "F", offset=1)
    with mounted_twin(session, raw, "r+") as (mount, twin):
        for name in ("npy/data.npy", "npy/cols/3.npy", "T/npy/rows/2.npy"):
            view = twin.view(name)
            header, size = view.header, len(view.header)
            with open(mount.path(name), "r+b", buffering=0) as file:
                descriptor = file.fileno()
                for at, end in [(0, 1), (0, 10), (6, 60), (60, size), (size - 1, size), (0, size)]:
                    same("written", end - at, os.pwrite(descriptor, header[at:end], at))
                for at in (0, 7, 8, 40, size - 1):
                    wrong = bytearray(view.tobytes()[at : size + 8])
                    wrong[0] ^= 1
                    wrong[-8:] = b"wrongish"
                    with refused(f"{name}: another byte {at}", errno.EINVAL):
                        os.pwrite(descriptor, wrong, at)
                    check_bytes(session, mount, view, pieces=0)
                for at in (0, 50, size - 1):
                    data = header[at:] + session.rng.bytes(40)
                    same("written", twin.write(view, at, data), os.pwrite(descriptor, data, at))
                    check_bytes(session, mount, view, pieces=0)
                # Beyond the header, it is like any other file.
                data = session.rng.bytes(view.nbytes)
                same("written", twin.write(view, size + 3, data), os.pwrite(descriptor, data, size + 3))
                with refused("a write past the end", errno.EFBIG):
                    os.pwrite(descriptor, b"x", view.nbytes)
                check_bytes(session, mount, view, pieces=3)


def counted_as_empty(session: Session) -> None:
    """Zeros that fill a gap are for the array: the header stays as it is."""
    raw = RawArray(np.dtype("<f4"), (40, 300), "F")
    with mounted_twin(session, raw, "r+") as (mount, twin):
        for name in ("npy/data.npy", "npy/rows/3.npy"):
            view = twin.view(name)
            size = len(view.header)
            with open(mount.path(name), "wb", buffering=0) as file:
                same("written", 4, os.pwrite(file.fileno(), b"data", size + 8))
                twin.write(view, size, bytes(8) + b"data")
            check_bytes(session, mount, view, pieces=0)
            with open(mount.path(name), "wb", buffering=0) as file:
                os.ftruncate(file.fileno(), view.nbytes)
                twin.write(view, size, bytes(view.nbytes - size))
            check_bytes(session, mount, view, pieces=0)
            with open(mount.path(name), "wb", buffering=0) as file:
                same("written", size, file.write(view.header))
                same("written", 4, os.pwrite(file.fileno(), b"data", size + 40))
                twin.write(view, size, bytes(40) + b"data")
            check_bytes(session, mount, view, pieces=0)
            zeros = session.directory / "zeros.npy"
            np.save(zeros, np.zeros(view.array.shape, view.array.dtype))
            command = ["cp", "--sparse=always", str(zeros), mount.path(name)]
            subprocess.run(command, timeout=DEADLINE, check=True)
            twin.write(view, size, bytes(view.nbytes - size))
            check_bytes(session, mount, view, pieces=0)
            check_bytes(session, mount, twin.view("data"), pieces=0)


def other_spellings(session: Session) -> None:
    """A complete header of the same length and meaning can be written at the start, and stays as it was."""
    raw = RawArray(np.dtype("<f4"), (20, 30), "C")
    with mounted_twin(session, raw, "r+") as (mount, twin):
        view = twin.view("npy/data.npy")
        size = len(view.header)

        def spelled(text: str, version: int = 1, length: int = size) -> bytes:
            header = framed(text, version)
            return framed(text + " " * (length - len(header)), version)

        keys = ["'descr': '<f4'", "'fortran_order': False", "'shape': (20, 30)"]
        good = [
            spelled("{" + ", ".join(keys[::-1]) + "}"),
            spelled("{" + ",".join(keys).replace("'", '"') + ",}"),
            spelled("{" + ", ".join(keys).replace("20, 30", "20L, 30L") + ", }"),
            spelled("{" + ", ".join(keys) + "}", version=2),
            spelled("{" + ", ".join(keys) + "}", version=3),
        ]
        bad = [
            spelled("{" + ", ".join(keys).replace("False", "True") + "}"),
            spelled("{" + ", ".join(keys).replace("20, 30", "30, 20") + "}"),
            spelled("{" + ", ".join(keys).replace("<", ">") + "}"),
            spelled("{" + ", ".join(keys).replace("f4", "i4") + "}"),
            spelled("{" + ", ".join(keys[:2]) + "}"),
            spelled("{" + ", ".join([*keys, "'more': 1"]) + "}"),
            spelled("{" + ", ".join(keys) + "}", length=size - 1),
            spelled("{" + ", ".join(keys) + "}", length=size + 1),
            spelled("not a dict"),
            b"\0" * size,
        ]
        for header in good:
            for data in (b"", session.rng.bytes(13), session.rng.bytes(raw.nbytes), session.rng.bytes(raw.nbytes + 9)):
                session.note(f"write {header!r} and {len(data)} bytes")
                with open(mount.path(view.path), pick(session.rng, ["r+b", "wb"]), buffering=0) as file:
                    written = min(size + len(data), view.nbytes)
                    same("written", written, file.write(header + data))
                    twin.write(view, size, data)
                check_bytes(session, mount, view, pieces=0)
            with open(mount.path(view.path), "r+b", buffering=0) as file:
                for end in (size - 1, size // 2):
                    with refused(f"{header!r} up to {end}", errno.EINVAL):
                        os.pwrite(file.fileno(), header[:end], 0)
                with refused(f"{header!r} from 1", errno.EINVAL):
                    os.pwrite(file.fileno(), header[10:] + b"x", 10)
            check_bytes(session, mount, view, pieces=0)
        for header in bad:
            for data in (b"", session.rng.bytes(raw.nbytes)):
                session.note(f"write {header!r} and {len(data)} bytes")
                for mode in ("r+b", "wb"):
                    with open(mount.path(view.path), mode, buffering=0) as file:
                        with refused(f"{header!r}", errno.EINVAL):
                            file.write(header + data)
                    check_bytes(session, mount, view, pieces=0)


def copied_out(raw: RawArray) -> Case:
    """`cp -r npy` gives files that NumPy loads; copied back they change nothing."""

    def case(session: Session) -> None:
        with mounted_twin(session, raw, "r+") as (mount, twin):
            for place in places(twin.array, raw.preamble, raw.order):
                if place.encoding != "npy":
                    continue
                out = session.directory / "out"
                for command in (["cp", "-r"], ["cp", "-a", "--sparse=always"]):
                    subprocess.run([*command, mount.path(place.path), str(out)], timeout=DEADLINE, check=True)
                    for view in place.views():
                        copy = out / view.path.removeprefix(place.path)
                        same_bytes(str(copy), view.tobytes(), copy.read_bytes())
                        same_array(str(copy), array_order(view)[0], np.load(copy))
                    subprocess.run(["cp", "-r", f"{out}/.", mount.path(place.path)], timeout=DEADLINE, check=True)
                    subprocess.run(["rm", "-r", str(out)], check=True)
            check_bytes(session, mount, twin.view("data"), pieces=0)

    return case


def verbatim(session: Session) -> None:
    """`npy/data.npy` of a mounted `.npy` file is that file, and raw the file is all its bytes."""
    for _ in range(12):
        raw = random_array(session.rng)
        raw = as_npy(session.rng, RawArray(np.dtype("<i4"), raw.shape, raw.order))
        content = raw.preamble + session.rng.bytes(raw.nbytes)
        session.subject = str(raw)
        file = session.directory / "array.npy"
        file.write_bytes(content)
        expected = np.load(file)
        with session.mount(file, []) as mount:
            subprocess.run(["cmp", str(file), mount.path("npy/data.npy")], timeout=DEADLINE, check=True)
            same_array("npy/data.npy", expected, np.load(mount.path("npy/data.npy")))
            # Written with the header that is there, it is the file still.
            Path(mount.path("npy/data.npy")).write_bytes(content)
        same_bytes("the file", content, file.read_bytes())
        with session.mount(file, ["--format=raw"]) as mount:
            same_bytes("data of the raw file", content, Path(mount.path("data")).read_bytes())


def created(session: Session) -> None:
    """`w+` makes what `numpy.lib.format.open_memmap` makes, over whatever there was."""
    rng = session.rng
    structures = [dtype for dtype in (random_structure(rng) for _ in range(20)) if descr(dtype)][:4]
    for dtype in (np.dtype("<f4"), np.dtype(">c16"), np.dtype("U3"), np.dtype("M8[ms]"), NESTED, GAPS, *structures):
        for shape, order in [((3, 4), "C"), ((3, 4), "F"), ((5,), "F"), ((), "C"), ((2, 1, 3), "F")]:
            raw = RawArray(dtype, shape, order)
            session.subject = f"{raw}, mode w+"
            reference = session.directory / "reference.npy"
            # Where both orders are the same, C is what is written, as `numpy.save` does.
            fortran = order == "F" and sum(length > 1 for length in shape) > 1
            npy_format.open_memmap(reference, "w+", dtype, shape, fortran_order=fortran)
            by_name = bool(rng.integers(2))
            file = session.directory / ("new.npy" if by_name else "new.bin")
            if rng.integers(2):
                file.write_bytes(rng.bytes(1000))
            options = raw.options(rng, "w+", 0) + ([] if by_name else ["--format=npy"])
            # Where the array begins follows from the header.
            options = [option for option in options if not option.startswith("--offset")]
            options = [option.replace("offset=0,", "").replace(",offset=0", "") for option in options]
            with session.mount(file, options) as mount:
                same_bytes("the file as it is made", reference.read_bytes(), file.read_bytes())
                content = bytearray(reference.read_bytes())
                header = bytes(content[: len(content) - raw.nbytes])
                array = np.ndarray(shape, dtype, content, len(header), order=order)
                twin = Twin(content, array, all_views(array, header, order))
                for _ in range(5):
                    view = pick(rng, twin.views)
                    data = rng.bytes(view.nbytes - len(view.header))
                    with open(mount.path(view.path), "r+b", buffering=0) as opened:
                        os.pwrite(opened.fileno(), data, len(view.header))
                    twin.write(view, len(view.header), data)
            same_bytes("the file", bytes(content), file.read_bytes())
            same_array("the file", array, np.load(file))
            file.unlink()
    file = session.directory / "raw.npy"
    with session.mount(file, ["--mode=w+", "--format=raw", "--shape=7"]):
        same_bytes("the file", bytes(7), file.read_bytes())


def descr(dtype: np.dtype) -> list | None:
    try:
        return dtype.descr
    except ValueError:
        return None


def complaint(session: Session, file: Path, *options: str, status: int = 3) -> str:
    """What the command says that has to fail; it must leave the file as it is."""
    before = file.read_bytes() if file.exists() else None
    point = session.directory / "point"
    point.mkdir(exist_ok=True)
    command = [session.arrayfs, *options, *session.extra_options, str(file), str(point)]
    session.note(" ".join(command))
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    same(f"exit status of {command}, which said {done.stderr!r}", status, done.returncode)
    expect(done.stderr.startswith(f"arrayfs: {file}: "), f"{command}: said {done.stderr!r}")
    same("the file after a refusal", before, file.read_bytes() if file.exists() else None)
    return done.stderr


def contradictions(session: Session) -> None:
    """What is said of a `.npy` file has to be what it says itself; else both are shown."""
    for order in "CF":
        array = np.asarray(session.rng.normal(size=(20, 30)).astype("<f4"), order=order)
        file = session.directory / f"array-{order}.npy"
        np.save(file, array)
        other = "CF".replace(order, "")
        for options, words in {
            ("--dtype=<f8",): ("<f8", "<f4"),
            ("--dtype=>f4",): (">f4", "<f4"),
            ("--dtype=x:f4",): ("x", "<f4"),
            ("--shape=30x20",): ("30x20", "(20, 30)"),
            ("--shape=600",): ("600", "(20, 30)"),
            ("--shape=-1,31",): ("31", "(20, 30)"),
            ("--shape=-1,20",): ("20", "(20, 30)"),
            ("--shape=()",): ("()", "(20, 30)"),
            (f"--order={other}",): (f"order {other}", f" {order}"),
            ("--offset=0",): ("0", "128"),
            ("--offset=64",): ("64", "128"),
            ("-o", "dtype=f8"): ("f8", "<f4"),
        }.items():
            for mode in ("r", "r+", "c"):
                said = complaint(session, file, *options, f"--mode={mode}")
                missing = [word for word in words if word not in said]
                expect(not missing, f"{options}: expected {words} in {said!r}")
        for options in (
            ["--dtype=f4", "--shape=-1x30", f"--order={order}", "--offset=128", "--format=npy"],
            ["--shape=20,-1"],
            ["-o", f"dtype=<f4,shape=20x30,order={order.lower()},offset=128"],
        ):
            with session.mount(file, options) as mount:
                same_bytes("data", array.tobytes(), Path(mount.path("data")).read_bytes())
    one_axis = session.directory / "one.npy"
    np.save(one_axis, np.arange(5))
    with session.mount(one_axis, ["--order=F", "--shape=-1"]) as mount:
        same_bytes("data", np.arange(5).tobytes(), Path(mount.path("data")).read_bytes())


def truncated(session: Session) -> None:
    """A file that is too short for its array is refused, or with `--extend` extended as `numpy.load` extends it."""
    rng = session.rng
    for order in "CF":
        array = np.asarray(rng.normal(size=(20, 30)), order=order)
        content = save(array)
        for size in (len(content) - 1, 128 + 8, 128):
            file, twin = session.directory / "array.npy", session.directory / "twin.npy"
            for path in (file, twin):
                path.write_bytes(content[:size])
            for mode in ("r", "r+", "c"):
                said = complaint(session, file, f"--mode={mode}")
                expect(str(size) in said, f"expected {size} in {said!r}")
            np.load(twin, mmap_mode="r+")
            options, announces = ["--mode=r+", "--extend"], (str(size), str(len(content)))
            if not session.extends_files:
                os.truncate(file, len(content))
                announces = ()
            with session.mount(file, options, announces=announces) as mount:
                same_bytes("the file", twin.read_bytes(), file.read_bytes())
                same_array("npy/data.npy", np.load(twin), np.load(mount.path("npy/data.npy")))
        for size in (6, 9, 11, 40, 127):
            file.write_bytes(content[:size])
            for mode in ("r", "r+", "c"):
                said = complaint(session, file, f"--mode={mode}")
                expect(str(size) in said, f"expected {size} in {said!r}")


def refused_files(session: Session) -> None:
    """Files that no array can be mounted of, and arrays that no file can be made of."""
    file = session.directory / "array.npy"
    np.save(file, np.array([1, "a", None], dtype=object))
    expect("pickled" in complaint(session, file), "expected a word of pickled objects")
    np.save(file, np.zeros(3, [("x", "f4"), ("y", object)]))
    expect("pickled" in complaint(session, file), "expected a word of pickled objects")
    file.write_bytes(b"\x93NUMPY\x01\x00\x0a\x00{'descr':1")
    complaint(session, file)
    file.write_bytes(session.rng.bytes(100))
    expect("NUMPY" in complaint(session, file, "--format=npy"), "expected the magic bytes")
    missing = session.directory / "new.npy"
    overlapping = "{'names': ['a', 'b'], 'formats': ['i4', 'i4'], 'offsets': [0, 2]}"
    expect("overlap" in complaint(session, missing, "--mode=w+", "--shape=3", f"--dtype={overlapping}"), "overlap")
    expect("--shape" in complaint(session, missing, "--mode=w+", status=2), "expected that a shape is needed")
    complaint(session, missing, "--mode=w+", "--shape=-1", status=2)
    complaint(session, missing, "--mode=w+", "--shape=3", "--offset=7")


def random_case(session: Session) -> None:
    rng = session.rng
    raw = random_array(rng)
    raw = as_npy(rng, raw) if descr_saved(raw) and not raw.preamble else raw
    if len(raw.shape) > 3 or raw.nbytes > 20000:
        raw = RawArray(raw.dtype, raw.shape[:1], raw.order)
    pick(rng, [loads(raw, pick(rng, ["r", "r+", "c"])), saves(raw, pick(rng, ["r+", "c"]))])(session)


def descr_saved(raw: RawArray) -> bool:
    return raw.dtype.names is None or descr(raw.dtype) is not None


NAMED: dict[str, Case] = {}
for _name, _raw in ARRAYS.items():
    NAMED[f"loads, {_name}"] = loads(_raw, "r+")
    NAMED[f"saves, {_name}"] = saves(_raw)
NAMED |= {
    "loads, r": loads(ARRAYS["structured"], "r"),
    "loads, c": loads(ARRAYS["2-d, F"], "c"),
    "header in pieces": header_in_pieces,
    "counted as empty": counted_as_empty,
    "other spellings": other_spellings,
    "copied out": copied_out(RawArray(np.dtype("<f8"), (8, 9, 3), "F")),
    "copied out, structured": copied_out(RawArray(NESTED, (4, 3))),
    "verbatim": verbatim,
    "created": created,
    "contradictions": contradictions,
    "truncated": truncated,
    "refused files": refused_files,
}

if __name__ == "__main__":
    main(__doc__, NAMED, random_case, count=8)
