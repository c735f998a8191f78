"""ENVI images, as spectral writes and reads them."""

import json
import warnings
from pathlib import Path

import numpy as np
from spectral.io import envi

from cases import Case, Session, main
from checks import same
from members import check_file, random_values, refuses, write_file
from mounting import Mount

TYPES = ["u1", "i2", "i4", "f4", "f8", "c8", "c16", "u2", "u4", "i8", "u8"]
SHAPES = [(4, 3, 2), (3, 5, 4), (2, 3, 1)]


def judged(header: Path) -> np.ndarray:
    """The numbers in the data file, as (lines, samples, bands)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of names in upper case, and that images are closed late.
        return np.array(envi.open(str(header)).open_memmap(interleave="bip"))


def all_types(session: Session) -> None:
    """Every type, interleave and byte order; and written through the mount."""
    number = 0
    for dtype in TYPES:
        for interleave in ["bsq", "bil", "bip"]:
            number += 1
            data = random_values(session.rng, np.zeros(SHAPES[number % 3], dtype))
            header = session.directory / f"{number}.hdr"
            metadata = {"wavelength": [400.5 + band for band in range(data.shape[2])], "description": "a, test"}
            options = {"interleave": interleave, "byteorder": number % 2, "metadata": metadata, "dtype": dtype}
            suffix = ["img", "", "dat", "raw", interleave][number % 5]
            envi.save_image(str(header), data, ext=suffix, **options)
            expected = judged(header)
            np.testing.assert_array_equal(data, expected)

            def check(mount: Mount, metadata: dict = metadata, suffix: str = suffix, header: Path = header) -> None:
                with open(mount.path("meta.json"), "rb") as file:
                    meta = json.load(file)
                same("the wavelengths", metadata["wavelength"], meta["attributes"]["wavelength"])
                same("the description", "a, test", meta["attributes"]["description"])
                same("the axes", ["line", "sample", "band"], meta["dims"])
                name = str(header.with_suffix(f".{suffix}" if suffix else ""))
                same("the files", (str(header), name), (meta["file"], meta["data_file"]))
                same("the header", header.read_bytes(), Path(mount.path("header.txt")).read_bytes())

            check_file(session, header, {"": expected}, also=check)
            if number % 4 == 0:
                written = write_file(session, header, {"": expected})[""]
                np.testing.assert_array_equal(judged(header), written)
                check_file(session, header, {"": written}, mode="c")


def header_text(**changes: str) -> bytes:
    fields = {
        "samples": "3",
        "lines": "2",
        "bands": "4",
        "header offset": "0",
        "data type": "2",
        "interleave": "bil",
        "byte order": "0",
        **{name.replace("_", " "): value for name, value in changes.items()},
    }
    return ("ENVI\n" + "".join(f"{name} = {value}\n" for name, value in fields.items() if value)).encode()


def other_headers(session: Session) -> None:
    """Names in other cases, comments, lists of several lines, offsets, and the order in which data files are found."""
    data = np.arange(24, dtype="<i2").tobytes()
    header, image = session.directory / "a.hdr", session.directory / "a.img"
    (session.directory / "a").mkdir()
    for before, text in [
        (b"", header_text()),
        (b"12345", header_text(header_offset="5")),
        (b"", header_text(interleave="BIP").replace(b"samples", b"Samples")),
        (b"", header_text(band_names="{one,\n two ,\n; a comment = 3\nthree, four}", header_offset="")),
        (b"", header_text(file_type="ENVI Standard", major_frame_offsets="{0, 0}").replace(b"\n", b"\r\n")),
    ]:
        image.write_bytes(before + data)
        header.write_bytes(text)
        check_file(session, header, {"": judged(header)})
    header.write_bytes(header_text(reflectance_scale_factor="8"))

    def check(mount: Mount) -> None:
        with open(mount.path("meta.json"), "rb") as file:
            scale = json.load(file)["scale"]
        values = judged(header) * scale["slope"] + scale["intercept"]
        np.testing.assert_array_equal(values, envi.open(str(header))[:, :, :])

    check_file(session, header, {"": judged(header)}, also=check)
    image.rename(session.directory / "a.BIL")
    check_file(session, header, {"": judged(header)})


def spectral_libraries(session: Session) -> None:
    data = session.rng.standard_normal((5, 7)).astype("<f4")
    header = session.directory / "library.hdr"
    header.write_bytes(header_text(lines="5", samples="7", bands="1", data_type="4", file_type="ENVI Spectral Library"))
    (session.directory / "library.sli").write_bytes(data.tobytes())
    check_file(session, header, {"": envi.open(str(header)).spectra})


def hostile(session: Session) -> None:
    """Headers that lie; each message has the value."""
    (session.directory / "a.img").write_bytes(bytes(48))
    header = session.directory / "a.hdr"
    for text, message in [
        (header_text(lines=""), 'the field "lines" is missing'),
        (header_text(lines="-2"), 'lines is "-2"'),
        (header_text(lines="200"), "incomplete"),
        (header_text(lines="9999999999", samples="9999999999"), "reaches byte 2^63"),
        (header_text(lines="1", samples="18446744073709551615"), "larger than a file can be"),
        (header_text(lines="9223372036854775807", samples="1", bands="0"), "arrayfs: "),
        (header_text(header_offset="1"), "incomplete"),
        (header_text(header_offset="18446744073709551615"), "reaches byte 2^63"),
        (header_text(data_type="7"), 'data type "7"'),
        (header_text(byte_order="2"), 'byte order is "2"'),
        (header_text(byte_order=""), "byte order is missing"),
        (header_text(interleave="bxx"), 'interleave is "bxx"'),
        (header_text(file_compression="1"), "its data is compressed"),
        (header_text(major_frame_offsets="{0, 2}"), "its lines lie between other bytes"),
        (header_text(description="{no end"), 'the value of "description" has no end'),
    ]:
        header.write_bytes(text)
        refuses(session, header, (), message)
    header.write_bytes(header_text())
    header.rename(session.directory / "b.hdr")
    refuses(session, session.directory / "b.hdr", (), "none of b, b.img, b.dat", "give both the same name")
    (session.directory / "b.hdr").rename(session.directory / "a.txt")
    refuses(session, session.directory / "a.txt", (), "it is not called .hdr")


def truncated(session: Session) -> None:
    """A header that ends before its last field, and an image that ends at any byte, are refused."""
    image, header, text = session.directory / "a.img", session.directory / "a.hdr", header_text()
    header.write_bytes(text)
    for end in range(48):
        image.write_bytes(bytes(end))
        refuses(session, header, (), "incomplete")
    image.write_bytes(bytes(48))
    for end in range(len(text) - 1):
        header.write_bytes(text[:end])
        refuses(session, header, ("--format", "envi"), "arrayfs: ", "a.hdr")


CASES: dict[str, Case] = {
    "all types": all_types,
    "other headers": other_headers,
    "spectral libraries": spectral_libraries,
    "hostile headers": hostile,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
