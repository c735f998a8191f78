"""MRC files, as mrcfile writes and reads them."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np

from cases import Case, Session, main
from checks import expect, same
from members import check_file, random_values, read, refuses, write_file
from mounting import Mount

TYPES = ["i1", "i2", "f4", "c8", "u2", "f2"]
STALE = "dmin, dmax, dmean and rms in the header stay as they are"


def judged(file: Path) -> np.ndarray:
    with mrcfile.open(file, permissive=False) as mrc:
        return np.array(mrc.data)


def written_file(session: Session, dtype: str, shape: tuple[int, ...], name: str = "a.mrc") -> Path:
    """A file that mrcfile writes; its byte order is that of the data. Four axes are a stack of volumes."""
    file = session.directory / name
    data = random_values(session.rng, np.zeros(shape, dtype))
    with mrcfile.new(file, overwrite=True) as mrc:
        mrc.set_data(data)
        mrc.voxel_size = (1.5, 2.5, 0.1)
        mrc.add_label("made by a test")
    return file


def agrees(file: Path) -> Callable[[Mount], None]:
    """A check that the attributes are the fields of mrcfile's header."""
    with mrcfile.open(file, header_only=True) as mrc:
        header, labels = mrc.header, mrc.get_labels()

    def check(mount: Mount) -> None:
        with open(mount.path("meta.json"), "rb") as meta_file:
            attributes = json.load(meta_file)["attributes"]
        for name in ["mode", "ispg", "dmin", "dmax", "dmean", "rms"]:
            same(name, header[name].item(), attributes[name])
        for name, fields in [("cella", "xyz"), ("origin", "xyz"), ("cellb", ["alpha", "beta", "gamma"])]:
            same(name, [header[name][field].item() for field in fields], attributes[name])
        same("m", [header[name].item() for name in ["mx", "my", "mz"]], attributes["m"])
        same("the axes", [header[name].item() for name in ["mapc", "mapr", "maps"]], attributes["map_axes"])
        same("the labels", [label.rstrip() for label in labels], attributes["labels"])
        same("the extended header", header.nsymbt.item(), attributes.get("nsymbt", 0))

    return check


def all_types(session: Session) -> None:
    """Every mode in both byte orders: an image, a stack of images, a volume, and a stack of volumes."""
    shapes = [(4, 3), (3, 4, 5), (1, 4, 5), (2, 3, 4, 5)]
    for number, dtype in enumerate(TYPES):
        for order in "<>":
            shape = shapes[(number + (order == ">")) % len(shapes)]
            file = written_file(session, order + dtype, shape)
            if number % 2:
                with mrcfile.open(file, "r+") as mrc:
                    mrc.set_extended_header(np.frombuffer(bytes(range(200)), "V1"))
            expected = judged(file)
            same("the shape", shape, expected.shape)
            same("the byte order", np.dtype(order + dtype), expected.dtype)
            check_file(session, file, {"": expected}, also=agrees(file))
            if order == "<" or dtype == "f4":
                written = write_file(session, file, {"": expected}, announces=(STALE,))[""]
                np.testing.assert_array_equal(judged(file), written)
                check_file(session, file, {"": written}, mode="c")


def space_groups(session: Session) -> None:
    """The space group says what the sections are, as mrcfile has it."""
    for group, mz, shape in [
        (0, 1, (1, 3, 2)),
        (1, 1, (1, 3, 2)),
        (0, 1, (4, 3, 2)),
        (400, 2, (4, 3, 2)),
        (401, 2, (4, 3, 2)),
        (630, 1, (4, 3, 2)),
        (631, 1, (4, 3, 2)),
    ]:
        file = written_file(session, "f4", shape)
        changed = bytearray(file.read_bytes())
        struct.pack_into("<i", changed, 36, mz)
        struct.pack_into("<i", changed, 88, group)
        file.write_bytes(changed)
        check_file(session, file, {"": judged(file)})
    struct.pack_into("<2i", changed, 32, 2, 3)
    struct.pack_into("<i", changed, 88, 401)
    file.write_bytes(changed)
    refuses(session, file, (), "nz is 4, which is no multiple of mz 3")


def stamps(session: Session) -> None:
    """What writers that do not follow the standard leave: another stamp, `MAP` ended by a zero."""
    file = written_file(session, "i2", (4, 3))
    data = bytearray(file.read_bytes())
    data[208:216] = b"MAP\0\x44\x41\0\0"
    file.write_bytes(data)
    check_file(session, file, {"": judged(file)})
    data[212:216] = b"\x44\x11\0\0"
    file.write_bytes(data)
    refuses(session, file, ("--format", "mrc"), "the machine stamp is [44, 11, 00, 00]")


def bytes_of_imod(session: Session) -> None:
    """IMOD says in a flag that bytes have a sign; mrcfile takes all bytes for signed."""
    file = written_file(session, "i1", (4, 3))
    data, signed = bytearray(file.read_bytes()), judged(file)
    for flags, expected in [(0, signed.view("u1")), (1, signed), (4, signed.view("u1")), (5, signed)]:
        struct.pack_into("<2i", data, 152, 1146047817, flags)
        file.write_bytes(data)
        check_file(session, file, {"": expected})


def complex_integers(session: Session) -> None:
    """Mode 3, which mrcfile does not read, is a structure."""
    file = written_file(session, "f4", (4, 3))
    data = bytearray(file.read_bytes())
    struct.pack_into("<i", data, 12, 3)
    file.write_bytes(data)
    expected = judged_bytes(data).view([("real", "<i2"), ("imag", "<i2")]).reshape(4, 3)
    check_file(session, file, {"": expected})


def judged_bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(bytes(data[1024:]), "u1")


def hostile(session: Session) -> None:
    """Fields of the header that lie; each message has the value."""
    data = written_file(session, "i2", (4, 3)).read_bytes()
    for at, value, message in [
        (0, -1, "nx is -1"),
        (4, 2**31 - 1, "incomplete"),
        (8, -(2**31), "nz is -2147483648"),
        (12, 101, "mode 101: two numbers of 4 bits share a byte"),
        (12, 5, "mode 5: expected"),
        (92, -4, "nsymbt is -4"),
        (92, 2**31 - 1, "incomplete"),
        (92, 1, "incomplete"),
    ]:
        changed = bytearray(data)
        struct.pack_into("<i", changed, at, value)
        file = session.directory / "hostile.mrc"
        file.write_bytes(changed)
        refuses(session, file, () if at > 8 or value > 0 else ("--format", "mrc"), message)
    for lengths in [(0, 0, 0), (4, 0, 1), (-1, 3, 1)]:
        changed = bytearray(data)
        struct.pack_into("<3i", changed, 0, *lengths)
        file.write_bytes(changed)
        with session.mount(file, ["--mode", "r"]) as mount:
            same(f"the bytes of a map of {lengths}", bytes(changed), read(mount.path("data")))
    changed = bytearray(data)
    struct.pack_into("<3i", changed, 0, *[2**31 - 1] * 3)
    file.write_bytes(changed)
    refuses(session, file, (), "reaches byte 2^63")


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused; most of the bytes of the header are not looked at."""
    data = written_file(session, "i2", (2, 3)).read_bytes()
    expect(len(data) == 1036, f"{len(data)} bytes")
    part = session.directory / "part.mrc"
    for end in [*range(0, 1024, 11), *range(1020, len(data))]:
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "mrc"), "arrayfs: ", "part.mrc")


CASES: dict[str, Case] = {
    "all types": all_types,
    "space groups": space_groups,
    "stamps": stamps,
    "bytes of IMOD": bytes_of_imod,
    "complex integers": complex_integers,
    "hostile headers": hostile,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
