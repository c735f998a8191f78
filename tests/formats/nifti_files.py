"""NIfTI files, as nibabel writes and reads them."""

import gzip
import json
import shutil
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np

from cases import Case, Session, main
from checks import expect, same
from members import check_file, refuses, write_file
from mounting import Mount

DATA = Path(nibabel.__file__).parent / "tests" / "data"
RGB = np.dtype([(name, "u1") for name in "RGB"])
RGBA = np.dtype([(name, "u1") for name in "RGBA"])
TYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16", RGB, RGBA]
SHAPES = [(5,), (4, 3), (4, 3, 2), (3, 1, 2, 4), (3, 2, 2, 1, 2), (2, 1, 1, 1, 1, 1, 3), (1, 1, 1)]
CLASSES = {
    1: (nibabel.Nifti1Image, nibabel.Nifti1Header, nibabel.Nifti1Pair),
    2: (nibabel.Nifti2Image, nibabel.Nifti2Header, nibabel.Nifti2Pair),
}


def judged(file: Path) -> np.ndarray:
    """What nibabel reads, without scaling. Its own class for CIFTI moves axes, so it is told the format."""
    image_class = nibabel.Nifti2Image if b"n+2" in file.read_bytes()[:8] else nibabel.Nifti1Image
    return np.asarray(image_class.from_filename(file, mmap=False).dataobj.get_unscaled())


def read_meta(mount: Mount) -> dict:
    with open(mount.path("meta.json"), "rb") as file:
        return json.load(file)


def agrees(header: nibabel.Nifti1Header) -> Callable[[Mount], None]:
    """A check that the attributes are the fields of nibabel's header."""

    def check(mount: Mount) -> None:
        meta = read_meta(mount)
        attributes = meta["attributes"]
        for name in ["pixdim", "intent_code", "intent_p1", "cal_max", "slice_end", "toffset", "qoffset_y", "srow_z"]:
            found = np.array(attributes.get(name, np.zeros_like(header[name])), float)
            np.testing.assert_array_equal(found, header[name].astype(float), name)
        for name in ["sform_code", "qform_code", "slice_start", "slice_code", "dim_info", "xyzt_units", "quatern_d"]:
            same(name, header[name].item(), attributes.get(name, 0))
        for name in ["descrip", "aux_file", "intent_name"]:
            text = header[name].item().split(b"\0")[0].rstrip().decode()
            same(name, text, attributes.get(name, ""))
        space, time = header.get_xyzt_units()
        words = {"meter": "m", "micron": "um", "mm": "mm", "unknown": "unknown"}
        spelled = {"sec": "s", "msec": "ms", "usec": "us", "hz": "Hz", "rads": "rad/s"}
        units = attributes.get("units", {"space": "unknown", "time": "unknown"})
        same("the units", {"space": words[space], "time": spelled.get(time, time)}, units)
        codes = [extension.get_code() for extension in header.extensions]
        same("the extensions", codes, [extension["ecode"] for extension in attributes.get("extensions", [])])
        slope, inter = header.get_slope_inter()
        trivial = slope is None or (slope, inter) == (1, 0)
        same("the scale", None if trivial else {"slope": slope, "intercept": inter}, meta.get("scale"))

    return check


def real_files(session: Session) -> None:
    files = sorted(DATA.glob("*.nii"))
    for packed in sorted(DATA.glob("*.nii.gz")):
        refuses(session, packed, (), "is gzip-compressed")
        files.append(session.directory / packed.stem)
        files[-1].write_bytes(gzip.decompress(packed.read_bytes()))
    expect(len(files) >= 8, f"nibabel has only {files}")
    for file in files:
        header = nibabel.Nifti2Header if b"n+2" in file.read_bytes()[:8] else nibabel.Nifti1Header
        with open(file, "rb") as opened:
            check_file(session, file, {"": judged(file)}, also=agrees(header.from_fileobj(opened, check=False)))


def random_image(session: Session, version: int, number: int) -> tuple[object, np.ndarray]:
    dtype, rng = np.dtype(TYPES[number % len(TYPES)]), session.rng
    shape = SHAPES[(number + version) % len(SHAPES)]
    data = np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype)
    if dtype.kind in "fc":
        data = (rng.standard_normal(len(data)) * 100).astype(dtype)
    header = CLASSES[version][1](endianness="<>"[(number + version) % 2])
    header.set_data_dtype(dtype)
    header.set_data_shape(shape)
    header["descrip"] = b"made by a test"
    header["intent_name"] = b"sixteen letters."
    header["cal_max"], header["toffset"], header["intent_p1"] = 7.1, -3, 0.3
    header.set_xyzt_units("mm", ["sec", "msec", "hz"][number % 3])
    return header, data.reshape(shape, order="F")


def all_types(session: Session) -> None:
    """Every type in both byte orders, each in one of the versions; some with extensions, padding and a scale."""
    for version in [1, 2]:
        for number in range(len(TYPES)):
            header, data = random_image(session, version, number)
            image = CLASSES[version][0](data, np.diag([2, 3, 4, 1]), header)
            if number % 3 == 1:
                for code, size in [(4, 5), (6, 100)]:
                    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(code, bytes(size)))
            elif number % 3 == 2:
                image.header["vox_offset"] = 1024 + 16 * number
            if data.dtype.kind in "iu" and number % 2:
                image.header.set_slope_inter(0.25, -3)
            file = session.directory / f"{version}-{number}.nii"
            image.to_filename(file)
            with open(file, "rb") as opened:
                stored = CLASSES[version][1].from_fileobj(opened, check=False)
            check_file(session, file, {"": judged(file)}, also=agrees(stored))
            if number % 3 == 0 and data.dtype.names is None:
                written = write_file(session, file, {"": judged(file)})[""]
                np.testing.assert_array_equal(judged(file), written)
                check_file(session, file, {"": written}, mode="c")


def scaled_values(session: Session) -> None:
    """The scale of meta.json gives the values that nibabel computes."""
    data = session.rng.integers(-100, 100, (4, 5, 6)).astype("i2")
    image = nibabel.Nifti1Image(data, None)
    image.header.set_slope_inter(0.1, 12.5)
    file = session.directory / "scaled.nii"
    image.to_filename(file)
    image = nibabel.load(file)

    def check(mount: Mount) -> None:
        scale = read_meta(mount)["scale"]
        values = judged(file) * scale["slope"] + scale["intercept"]
        np.testing.assert_array_equal(values, image.get_fdata())

    check_file(session, file, {"": judged(file)}, also=check)


def long_vectors(session: Session) -> None:
    """FreeSurfer writes the length of a long vector elsewhere; nibabel does so too."""
    data = np.arange(40_000, dtype="f4").reshape(-1, 1, 1)
    file = session.directory / "surface.nii"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # That other programs do not read it.
        nibabel.Nifti1Image(data, None).to_filename(file)
    check_file(session, file, {"": judged(file)})


def pairs(session: Session) -> None:
    """A header and an image of the same name; the image is found from the header, whatever is mounted otherwise."""
    for version in [1, 2]:
        for number in [0, 3, 6]:
            header, data = random_image(session, version, number)
            file = session.directory / f"pair-{version}-{number}.hdr"
            CLASSES[version][2](data, None, header).to_filename(file)
            expected = np.asarray(CLASSES[version][2].from_filename(file, mmap=False).dataobj.get_unscaled())

            def check(mount: Mount, file: Path = file) -> None:
                meta = read_meta(mount)
                same("the files", [str(file), str(file.with_suffix(".img"))], [meta["file"], meta["data_file"]])

            check_file(session, file, {"": expected}, also=check)
            written = write_file(session, file, {"": expected})[""]
            read = CLASSES[version][2].from_filename(file, mmap=False).dataobj.get_unscaled()
            np.testing.assert_array_equal(read, written)
    file.with_suffix(".img").unlink()
    refuses(session, file, (), "its data file pair-2-6.img cannot be read")
    shutil.copy(file, session.directory / "renamed")
    refuses(session, session.directory / "renamed", (), "rename the header")


def plain_file(session: Session, name: str = "whole.nii") -> Path:
    file = session.directory / name
    nibabel.Nifti1Image(np.arange(6, dtype="i2").reshape(3, 2), None).to_filename(file)
    return file


def hostile(session: Session) -> None:
    """Fields of the header that lie; each message has the value."""
    data = bytearray(plain_file(session).read_bytes())
    changes: list[tuple[int, str, float, str]] = [
        (40, "<h", 0, "dim[0] is 0"),
        (40, "<h", 8, "dim[0] is 8"),
        (42, "<h", -3, "dim[1] is -3"),
        (44, "<h", 32767, "incomplete"),
        (70, "<h", 1536, "datatype 1536"),
        (70, "<h", 2048, "datatype 2048"),
        (70, "<h", 1, "datatype 1: its elements are bits"),
        (70, "<h", 77, "datatype 77: it is not defined"),
        (108, "<f", 0, "vox_offset is 0"),
        (108, "<f", 352.5, "vox_offset is 352.5"),
        (108, "<f", float("nan"), "vox_offset is NaN"),
        (108, "<f", float("-inf"), "vox_offset is -inf"),
        (108, "<f", 1e18, "incomplete"),
        (108, "<f", 1e30, "vox_offset is 1.0000000150474662e30"),
    ]
    for at, form, value, message in changes:
        changed = data.copy()
        struct.pack_into(form, changed, at, value)
        file = session.directory / "hostile.nii"
        file.write_bytes(changed)
        refuses(session, file, (), message)
    second = session.directory / "second.nii"
    nibabel.Nifti2Image(np.zeros((3, 2), "f8"), None).to_filename(second)
    changed = bytearray(second.read_bytes())
    struct.pack_into("<2q", changed, 24, 2**62, 2**62)
    second.write_bytes(changed)
    refuses(session, second, (), "reaches byte 2^63")


def extensions_that_lie(session: Session) -> None:
    """The array does not depend on the extensions."""
    image = nibabel.Nifti1Image(np.arange(6, dtype="i2"), None)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"text"))
    file = session.directory / "extended.nii"
    image.to_filename(file)
    expected = judged(file)
    for size in [-1, 0, 7, 2**31 - 1, 8]:
        data = bytearray(file.read_bytes())
        struct.pack_into("<i", data, 352, size)
        file.write_bytes(data)
        check_file(session, file, {"": expected})


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused."""
    data = plain_file(session).read_bytes()
    part = session.directory / "part.nii"
    for end in range(len(data)):
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "nifti"), "arrayfs: ", "part.nii")


CASES: dict[str, Case] = {
    "real files": real_files,
    "all types": all_types,
    "scaled values": scaled_values,
    "long vectors": long_vectors,
    "pairs": pairs,
    "hostile headers": hostile,
    "extensions that lie": extensions_that_lie,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
