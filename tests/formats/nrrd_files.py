"""NRRD files, as pynrrd and SimpleITK write and read them."""

import json
from pathlib import Path

import nrrd
import numpy as np
import SimpleITK

from cases import Case, Session, main
from checks import same
from members import check_file, random_values, refuses, write_file
from mounting import Mount

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
SHAPES = [(5,), (4, 3), (4, 3, 2), (3, 1, 4, 2), (1, 1)]


def judged(file: Path) -> np.ndarray:
    """What pynrrd reads: the axes of the header, the fastest first."""
    return nrrd.read(str(file))[0]


def meta_of(mount: Mount) -> dict:
    with open(mount.path("meta.json"), "rb") as file:
        return json.load(file)


def all_types(session: Session) -> None:
    """Every type in both byte orders, attached and detached."""
    for number, dtype in enumerate(TYPES):
        for order in "<>":
            data = random_values(session.rng, np.zeros(SHAPES[number % len(SHAPES)], order + dtype))
            data = np.asfortranarray(data)
            is_detached = (number + (order == ">")) % 2 == 1
            file = session.directory / f"{number}{'le' if order == '<' else 'be'}.{'nhdr' if is_detached else 'nrrd'}"
            header = {"kinds": ["domain"] * data.ndim, "spacings": [1.5] * data.ndim, "content": "made by a test"}
            header["labels"] = [f"axis {axis}" for axis in range(data.ndim)]
            nrrd.write(str(file), data, header, detached_header=is_detached, compression_level=1, index_order="F")
            refuses(session, file, (), 'its data has the encoding "gzip"', "unu save")
            header["encoding"] = "raw"
            nrrd.write(str(file), data, header, detached_header=is_detached, index_order="F")
            expected = judged(file)
            same("the type", data.dtype, expected.dtype)

            def check(mount: Mount, file: Path = file, is_detached: bool = is_detached) -> None:
                meta = meta_of(mount)
                same("the labels", [f"axis {axis}" for axis in range(meta["ndim"])], meta["dims"])
                same("the content", "made by a test", meta["attributes"]["content"])
                same("the kinds", " ".join(["domain"] * meta["ndim"]), meta["attributes"]["kinds"])
                same("the data file", is_detached, "data_file" in meta)
                text = Path(mount.path("header.txt")).read_bytes()
                same("the header", file.read_bytes()[: len(text)], text)

            check_file(session, file, {"": expected}, also=check)
            if order == "<":
                written = write_file(session, file, {"": expected})[""]
                np.testing.assert_array_equal(judged(file), written)
                check_file(session, file, {"": written}, mode="c")


def images_of_itk(session: Session) -> None:
    """SimpleITK has the axes the other way round, and puts components first in the file."""
    for name, components in [("scalar", 1), ("vector", 3)]:
        shape = (2, 3, 4, components)[: 3 + (components > 1)]
        image = SimpleITK.GetImageFromArray(session.rng.integers(0, 100, shape).astype("i2"), isVector=components > 1)
        for suffix in ["nrrd", "nhdr"]:
            file = session.directory / f"{name}.{suffix}"
            SimpleITK.WriteImage(image, str(file))
            check_file(session, file, {"": judged(file)})
            axes = judged(file).T
            np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file))), axes)


def text(extra: str = "", endian: str = "little", skip: str = "") -> bytes:
    fields = f"type: short\ndimension: 2\nsizes: 3 2\nencoding: raw\nendian: {endian}\n{skip}{extra}"
    return f"NRRD0004\n# a comment\n{fields}".encode()


def skipped_bytes(session: Session) -> None:
    """What is before the data: lines, bytes, or all but the data."""
    data = np.arange(6, dtype="<i2").tobytes()
    detached, attached = session.directory / "a.nhdr", session.directory / "a.nrrd"
    raw = session.directory / "a.raw"
    for skip, before in [
        ("", b""),
        ("byte skip: 7\n", b"1234567"),
        ("byteskip: -1\n", b"any length"),
        ("line skip: 2\n", b"a\nlonger\n"),
        ("lineskip: 1\nbyte skip: 3\n", b"line\n123"),
        ("line skip: 1\nbyte skip: -1\n", b"abc"),
    ]:
        raw.write_bytes(before + data)
        detached.write_bytes(text("data file: a.raw\n", skip=skip))
        attached.write_bytes(text("key:=value: 1\n\n", skip=skip) + before + data)
        for file in [detached, attached]:
            judge = (
                judged(file) if skip != "line skip: 1\nbyte skip: -1\n" else np.arange(6, dtype="<i2").reshape(2, 3).T
            )
            check_file(session, file, {"": judge})
    attached.write_bytes(text("\n").replace(b"\n", b"\r\n") + data)
    check_file(session, attached, {"": judged(attached)})
    raw.write_bytes(data)
    detached.write_bytes(text("data file: ./a.raw\n\n"))
    check_file(session, detached, {"": judged(detached)})


def hostile(session: Session) -> None:
    """Headers that lie or that point elsewhere; each message has the value."""
    data = np.arange(6, dtype="<i2").tobytes()
    (session.directory / "a.raw").write_bytes(data)
    (session.directory / "folder").mkdir()
    for header, message in [
        (text("data file: /etc/passwd\n"), "is not a plain name"),
        (text("data file: ../a.raw\n"), "is not a plain name"),
        (text("data file: folder\n"), "is a directory"),
        (text("data file: none.raw\n"), "cannot be read"),
        (text("data file: LIST\na.raw\n"), "several files"),
        (text("data file: a%d.raw 1 9 1\n"), "several files"),
        (text("type: int\n"), 'the field "type" is repeated'),
        (text("nonsense\n"), 'the line "nonsense" has no colon'),
        (text(), "no empty line ends the header"),
        (text("\n", endian="middle"), 'endian is "middle"'),
        (text("\n", skip="byte skip: -2\n"), "byte skip -2"),
        (text("\n", skip="byte skip: x\n"), 'byteskip is "x"'),
        (text("\n", skip="line skip: -1\n"), "line skip -1"),
        (text("\n", skip="line skip: 99999999999\n"), "line skip 99999999999: fewer lines"),
        (text("\n", skip="byte skip: 9223372036854775807\n"), "reaches byte 2^63"),
        (text("\n").replace(b"3 2", b"3 2 1"), "expected as many lengths"),
        (text("\n").replace(b"3 2", b"3 -2"), "expected as many lengths"),
        (text("\n").replace(b"3 2", b"9999999999 9999999999"), "reaches byte 2^63"),
        (text("\n").replace(b"short", b"quad"), 'unknown type "quad"'),
        (text("\n").replace(b"raw", b"hex"), 'the encoding "hex"'),
        (text("\n").replace(b"0004", b"0009"), "expected NRRD0001 to NRRD0005"),
    ]:
        file = session.directory / "hostile.nhdr"
        file.write_bytes(header if b"data file" in header else header + data)
        if header == text():
            file.write_bytes(header)
        refuses(session, file, (), message)
    file.write_bytes(text("\n", skip="byte skip: -1\n") + data[:1])
    file.write_bytes(text("\n", skip="byte skip: -1\n").replace(b"3 2", b"3000 2") + data)
    refuses(session, file, (), "needs byte 12000")


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused."""
    data = text("\n") + np.arange(6, dtype="<i2").tobytes()
    part = session.directory / "part.nrrd"
    for end in range(len(data)):
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "nrrd"), "arrayfs: ", "part.nrrd")


CASES: dict[str, Case] = {
    "all types": all_types,
    "images of ITK": images_of_itk,
    "skipped bytes": skipped_bytes,
    "hostile headers": hostile,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
