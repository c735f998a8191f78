"""Archives of NumPy, as `numpy.savez` and Python's `zipfile` write them and `numpy.load` reads them."""

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import numpy as np

from cases import Case, Session, main
from checks import expect, same, same_bytes
from members import check_array, check_file, read, refuses, write
from mounting import Mount

PACKAGES = ("numpy", "scipy", "skimage")

TYPES = ["?", "i1", "<u2", ">i4", "<u8", "<f2", ">f4", "<f8", "<c8", ">c16", "S3", "<U2", ">U2", "V5", "<M8[ns]"]
STRUCTURED = [[("x", "<f4"), ("m", "u1", (2, 3))], [("a", ">i2"), ("b", [("c", "<f8"), ("d", "S3")])]]
SHAPES = [(), (0,), (1,), (5,), (3, 4), (2, 0, 3), (2, 3, 4)]


def random_array(session: Session, dtype: object, shape: tuple[int, ...], order: str) -> np.ndarray:
    dtype = np.dtype(dtype)
    array = np.zeros(shape, dtype, order=order)
    if dtype.kind in "?USMb" or dtype.names:
        array[...] = session.rng.integers(0, 2 if dtype.kind == "b" else 100, shape).astype("i8").astype(dtype)
    else:
        values = np.frombuffer(session.rng.bytes(array.nbytes), dtype).reshape(shape)
        array[...] = values
    return array


def saved(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)
    return file.getvalue()


def loaded(file: Path) -> dict[str, np.ndarray]:
    """The arrays that `numpy.load` finds, under their names."""
    with np.load(file) as archive:
        return {name: archive[name] for name in archive.files}


def archive_of(file: Path, members: list[tuple[str, bytes, int]], comment: bytes = b"") -> Path:
    """An archive of these names, bytes and compression methods."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, data, method in members:
            archive.writestr(name, data, method)
        archive.comment = comment
    return file


def verbatim(file: Path) -> Callable[[Mount], None]:
    """Checks that `npy/data.npy` of each array in the root is its member, byte for byte."""

    def check(mount: Mount) -> None:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                path = mount.path(f"{name.removesuffix('.npy')}/npy/data.npy")
                same_bytes(path, archive.read(name), read(path))

    return check


def real_files(session: Session) -> None:
    """The archives in the installed packages. Those without a stored member are refused with the way out."""
    roots = [Path(find_spec(name).origin).parent for name in PACKAGES]
    files = [file for root in roots for file in sorted(root.rglob("*.npz"))]
    expect(len(files) >= 22, f"there are only {len(files)} archives in {roots}")
    stored_files = 0
    for file in files:
        with zipfile.ZipFile(file) as archive:
            infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        stored, skipped = {}, []
        with np.load(file) as arrays:
            for name, info in infos.items():
                try:
                    array = arrays[name]
                except ValueError:  # Pickled objects.
                    array = None
                if array is None or info.compress_type != zipfile.ZIP_STORED:
                    skipped.append(name)
                else:
                    stored[name] = array
        if stored:
            stored_files += 1
            announces = ("not shown",) if skipped else ()
            check_file(session, file, stored, announces=announces, skipped=tuple(skipped), also=verbatim(file))
        else:
            refuses(session, file, (), "holds no array that can be shown", "numpy.", ": it ")
    session.note(f"{len(files)} archives, {stored_files} with stored members")
    expect(stored_files >= 10, f"only {stored_files} real archives have stored members")


def all_types(session: Session) -> None:
    """Each type in each order, in shapes that change; once by `savez`, once in other versions of the header."""
    arrays, members = {}, []
    for number, dtype in enumerate(TYPES + STRUCTURED):
        for order in "CF":
            shape = SHAPES[(number + (order == "F") * 4) % len(SHAPES)]
            array = random_array(session, dtype, shape, order)
            arrays[f"{number}{order}"] = array
            version = [(1, 0), (2, 0), (3, 0)][number % 3]
            members.append((f"{number}{order}.npy", saved(array, version), zipfile.ZIP_STORED))
    arrays["name"] = np.zeros(3, [("\u03b1", "<f4")])
    saved_file = session.directory / "saved.npz"
    with warnings.catch_warnings(action="ignore"):  # Of NumPy, on a name that is not Latin-1.
        np.savez(saved_file, np.arange(6), **arrays)
    for file in [saved_file, archive_of(session.directory / "versions.zip", members)]:
        check_file(session, file, loaded(file), also=verbatim(file))


def names(session: Session) -> None:
    """Names that are no file names are escaped; bytes that are no UTF-8 remain what they are."""
    file = session.directory / "names.npz"
    paths = {
        "a": "a",
        "a/b": "a%2Fb",
        "x/y": "x/y",
        "meta.json": "%6Deta.json",
        "README.txt": "%52EADME.txt",
        "..": "%2E%2E",
        "50%": "50%25",
        "gr\u00f6\u00dfe": "gr\u00f6\u00dfe",
        "b.npy": "b.npy",
        "with space": "with space",
    }
    np.savez(file, **{name: np.arange(number + 1) for number, name in enumerate(paths)})
    expected = loaded(file)
    expected["b.npy"] = np.arange(list(paths).index("b.npy") + 1)
    check_file(session, file, {path: expected[name] for name, path in paths.items()})


def modes(session: Session) -> None:
    """The archive is read, or changed in memory. Changing the file would break its CRC-32."""
    file = session.directory / "a.npz"
    array = np.arange(12.0).reshape(3, 4)
    np.savez(file, a=array)
    before = file.read_bytes()
    for options in [("--mode", "r+"), ("--format", "npz", "--mode", "r+")]:
        refuses(session, file, options, "cannot be written in place", "Bad CRC-32", "--mode c")
    for options in [("--mode", "w+"), ("--mode", "w+", "--shape", "3", "--dtype", "f8")]:
        refuses(session, file, options, "cannot create a npz file", "w+ would set all of it to zeros")
    refuses(session, file, ("--format", "npz", "--dtype", "f8"), "--dtype")
    same_bytes("the archive after refusals", before, file.read_bytes())
    with session.mount(file, ["--mode", "c"]) as mount:
        array[1] = -1.5
        write(mount.path("a"), "rows/1", array[1])
        check_array(session, mount.path("a"), array)
    same_bytes("the archive after mode c", before, file.read_bytes())
    check_file(session, file, {"": loaded(file)["a"]}, options=("--array", "a"))
    raw = np.frombuffer(before, "u1")
    check_file(session, file, {"": raw}, options=("--format", "raw"))
    check_file(session, file, {"": raw[:-2].view("<u2")}, options=("--dtype", "<u2", "--shape", f"{len(raw) // 2 - 1}"))


def zip64(session: Session) -> None:
    """Numbers in ZIP64 fields: in the entries only, in the record at the end too, and some of them only."""
    arrays = {name: np.arange(number) for number, name in enumerate(["none", "one", "two", "three"])}
    for limit in [0, 16, 200, 600]:
        with mock.patch.object(zipfile, "ZIP64_LIMIT", limit):
            file = session.directory / f"limit{limit}.npz"
            np.savez(file, **arrays)
        data = file.read_bytes()
        same(f"a ZIP64 record under the limit {limit}", True, b"PK\x06\x06" in data and b"PK\x06\x07" in data)
        check_file(session, file, loaded(file), also=verbatim(file))
    with mock.patch.object(zipfile, "ZIP_FILECOUNT_LIMIT", 2):
        file = session.directory / "count.npz"
        np.savez(file, **arrays)
    check_file(session, file, loaded(file))


class Sparse(io.FileIO):
    """A file in which blocks of zeros become holes."""

    def write(self, data: bytes) -> int:
        if len(data) >= 1 << 20 and not any(data[:64]):
            self.seek(len(data), 1)
            return len(data)
        return super().write(data)


def beyond_four_gib(session: Session) -> None:
    """An array behind one of more than 4 GiB."""
    file = session.directory / "large.npz"
    block, count = bytes(1 << 26), 65
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (count, len(block) // 4)}
    )
    with Sparse(file, "w+") as sparse, zipfile.ZipFile(sparse, "w") as archive:
        without_checksum = mock.patch.object(zipfile, "crc32", lambda _data, _value: 0)
        with without_checksum, archive.open("large.npy", "w", force_zip64=True) as member:
            member.write(header.getvalue())
            for _ in range(count):
                member.write(block)
        archive.writestr("behind.npy", saved(np.arange(5)))
    expect(file.stat().st_size > 1 << 32, "the file is small")
    with np.load(file) as archive:
        behind = archive["behind"]
    with session.mount(file, ["--mode", "r"]) as mount:
        check_array(session, mount.path("behind"), behind)
        meta = json.loads(read(mount.path("large/meta.json")))
        same("the shape", [count, len(block) // 4], meta["shape"])
        same_bytes("the last row", block, read(mount.path("large/rows/-1")))


def surroundings(session: Session) -> None:
    """Bytes before the archive, with offsets that count them or not; comments; other suffixes."""
    array = np.arange(10.0)
    plain = session.directory / "plain.npz"
    np.savez(plain, array, other=array[::2])
    before = b"#!/bin/sh\nexit\n" * 3
    joined = session.directory / "joined.npz"
    joined.write_bytes(before + plain.read_bytes())
    counted = session.directory / "counted.npz"
    counted.write_bytes(before)
    with zipfile.ZipFile(counted, "a") as archive:
        archive.writestr("a.npy", saved(array))
    for file in [joined, counted]:
        with np.lib.npyio.NpzFile(file) as archive:
            expected = {name: archive[name] for name in archive.files}
        check_file(session, file, expected, options=("--format", "npz"))
    for size in [1, 100, 0xFFFF]:
        commented = archive_of(session.directory / f"c{size}.zip", [("a.npy", saved(array), 0)], b"x" * size)
        check_file(session, commented, loaded(commented))
    with zipfile.ZipFile(session.directory / "entries.zip", "w") as archive:
        archive.mkdir("below") if hasattr(archive, "mkdir") else archive.writestr("below/", b"")
        for name in ["below/a.npy", "b.npy"]:
            info = zipfile.ZipInfo(name)
            info.comment, info.extra = b"a comment", struct.pack("<HH3s", 0x7777, 3, b"abc")
            archive.writestr(info, saved(array))
    with session.mount(session.directory / "entries.zip", ["--mode", "r"]) as mount:
        for path in ["below/a", "b"]:
            check_array(session, mount.path(path), array)


def encrypted(data: bytes) -> bytes:
    """The archive of one entry, with the entry marked as encrypted."""
    marked = bytearray(data)
    for signature, flags in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)]:
        marked[data.index(signature) + flags] |= 1
    return bytes(marked)


def not_shown(session: Session) -> None:
    """What is not shown is listed with the reason, and what is shown beside it is right."""
    array = np.arange(4.0)
    bad = saved(array).replace(b"'<f8'", b"'<g8'")
    members = [
        ("ok.npy", saved(array), zipfile.ZIP_STORED, None),
        ("without suffix", saved(array[1:]), zipfile.ZIP_STORED, None),
        ("deflated.npy", saved(array), zipfile.ZIP_DEFLATED, "deflate"),
        ("bzip2.npy", saved(array), zipfile.ZIP_BZIP2, "bzip2"),
        ("lzma.npy", saved(array), zipfile.ZIP_LZMA, "LZMA"),
        ("text.txt", b"text", zipfile.ZIP_STORED, "not a .npy file"),
        ("empty.npy", b"", zipfile.ZIP_STORED, "need 10 bytes"),
        ("short.npy", saved(array)[:-1], zipfile.ZIP_STORED, "ends at byte 160; it has 159"),
        ("bad.npy", bad, zipfile.ZIP_STORED, "g8"),
        ("twice.npy", saved(array), zipfile.ZIP_STORED, "2 members of this name"),
        ("twice.npy", saved(-array), zipfile.ZIP_STORED, "2 members of this name"),
    ]
    file = session.directory / "mixed.npz"
    with warnings.catch_warnings(action="ignore"):
        archive_of(file, [(name, data, method) for name, data, method, _ in members])
    np.savez(session.directory / "objects.npz", objects=np.array([{}, None]))
    objects = zipfile.ZipFile(session.directory / "objects.npz").read("objects.npy")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("objects.npy", objects)
    reasons = [(name.removesuffix(".npy"), why) for name, _, _, why in members if why] + [("objects", "pickled")]

    def reasons_given(mount: Mount) -> None:
        skipped = json.loads(read(mount.path("meta.json")))["skipped"]
        for (name, why), found in zip(reasons, skipped, strict=True):
            expect(name == found["name"] and why in found["why"], f"{found} is not {name}: {why}")

    with np.load(file) as archive:
        shown = {name: archive[name] for name in ["ok", "without suffix"]}
    skipped = tuple(name for name, _ in reasons)
    check_file(session, file, shown, announces=("not shown",), skipped=skipped, also=reasons_given)
    refuses(session, file, ("--array", "deflated"), "it is compressed (deflate)", "numpy.savez")
    refuses(session, file, ("--array", "objects"), "pickled", "allow_pickle=True")
    np.savez_compressed(session.directory / "all.npz", a=array, b=array)
    refuses(session, session.directory / "all.npz", (), "compressed", "numpy.savez", "(and 1 more)")
    secret = session.directory / "secret.npz"
    secret.write_bytes(encrypted(archive_of(secret, [("a.npy", saved(array), 0)]).read_bytes()))
    refuses(session, secret, (), "it is encrypted", "password")


def other_archives(session: Session) -> None:
    """An archive without an array remains a zip archive, also an empty one."""
    text = archive_of(session.directory / "text.zip", [("a.txt", b"text", 0), ("npy", b"", 0)])
    refuses(session, text, (), "is a zip archive", "unpack it first")
    empty = session.directory / "empty.npz"
    np.savez(empty)
    refuses(session, empty, (), "is a zip archive")
    late = archive_of(session.directory / "late.zip", [("a.txt", b"text", 8), ("b/c.npy", saved(np.arange(3)), 0)])
    check_file(session, late, {"b/c": np.arange(3)}, announces=("not shown",), skipped=("a.txt",))


def hostile_archives() -> Iterator[tuple[str, bytes, str]]:
    """Archives with a wrong number, and what is said about them."""
    file = io.BytesIO()
    np.savez(file, a=np.arange(3))
    data = file.getvalue()
    end, central = data.rindex(b"PK\x05\x06"), data.index(b"PK\x01\x02")

    def changed(at: int, form: str, *values: int, of: bytes = data) -> bytes:
        piece = struct.pack(form, *values)
        return of[:at] + piece + of[at + len(piece) :]

    yield "directory size", changed(end + 12, "<L", 0xFFFFFFFF), "not a valid npz file: a directory of 4294967295"
    yield "directory start", changed(end + 16, "<L", 0xFFFFFFFF), "not a valid npz file: the entry at byte"
    yield "directory too small", changed(end + 12, "<L", 20), "not a valid npz file: no entry"
    yield "entry signature", changed(central, "<L", 0), "not a valid npz file: no entry"
    yield "name length", changed(central + 28, "<H", 0xFFFF), "not a valid npz file: needs byte"
    yield "extra length", changed(central + 30, "<H", 0xFFFF), "not a valid npz file: needs byte"
    yield "header start", changed(central + 42, "<L", 50), "a: no local header at byte 50"
    yield "header start far", changed(central + 42, "<L", 0xFFFFFFF0), "a: needs byte"
    yield "other name", changed(30, "<B", ord("b")), "a: its local header has another name"
    yield "stored size", changed(central + 20, "<L", 100), "a: it is stored in 100 bytes, and has 152"
    yield "both sizes", changed(central + 20, "<LL", 1 << 31, 1 << 31), ""
    yield "local extra", changed(28, "<H", 0xFFFF), "a: needs byte"
    shape = data.index(b"(3,), }")
    yield "shape", data[:shape] + b"(99999,), }" + data[shape + 11 :], "a: its array ends at byte 800120; it has 152"
    with mock.patch.object(zipfile, "ZIP64_LIMIT", 0):
        file = io.BytesIO()
        np.savez(file, a=np.arange(3))
    data = file.getvalue()
    record = data.rindex(b"PK\x06\x06")
    for number in [1 << 63, (1 << 64) - 1]:
        yield f"ZIP64 size {number}", changed(record + 40, "<Q", number, of=data), "a directory of"
        yield f"ZIP64 start {number}", changed(record + 48, "<Q", number, of=data), "not a valid npz file"
        extra = data.index(b"PK\x01\x02") + 46 + len("a.npy") + 4
        yield f"ZIP64 sizes {number}", changed(extra, "<QQ", number, number, of=data), ""
    yield "ZIP64 field", changed(extra - 2, "<H", 7, of=data), "an extra field of an entry: it lacks a number"


def hostile(session: Session) -> None:
    for name, data, words in hostile_archives():
        file = session.directory / f"{name}.npz"
        file.write_bytes(data)
        if words:
            refuses(session, file, ("--format", "npz"), words)
        else:  # A member that claims to be longer is shown as far as its header goes.
            check_file(session, file, {"a": np.arange(3)})


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused, and is told to be incomplete if its first name is there."""
    file = session.directory / "whole.npz"
    np.savez(file, a=np.zeros(1, "u1"))
    data = file.read_bytes()
    for end in range(len(data)):
        part = session.directory / "part.npz"
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "npz"), "no end of the zip archive", "incomplete")
        if end >= 60 and end % 50 == 0:
            refuses(session, part, (), "no end of the zip archive", "incomplete")


CASES: dict[str, Case] = {
    "real files": real_files,
    "all types": all_types,
    "names": names,
    "modes": modes,
    "ZIP64": zip64,
    "beyond 4 GiB": beyond_four_gib,
    "surroundings": surroundings,
    "not shown": not_shown,
    "other archives": other_archives,
    "hostile archives": hostile,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
