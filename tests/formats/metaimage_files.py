"""MetaImage files, as SimpleITK writes and reads them."""

import json
from pathlib import Path

import numpy as np
import SimpleITK

from cases import Case, Session, main
from checks import same
from members import check_file, random_values, refuses, write_file
from mounting import Mount

TYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def judged(file: Path) -> np.ndarray:
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(file)))


def all_types(session: Session) -> None:
    """Every type, attached and detached, with one channel and with three, in two and three dimensions."""
    for number, dtype in enumerate(TYPES):
        channels = 3 if number % 3 == 1 else 1
        shape = (2, 3, 4)[number % 2 :] + (3,) * (channels > 1)
        data = random_values(session.rng, np.zeros(shape, dtype))
        image = SimpleITK.GetImageFromArray(data, isVector=channels > 1)
        image.SetSpacing([1.5, 2.5, 0.5][: image.GetDimension()])
        for suffix in ["mha", "mhd"]:
            file = session.directory / f"{number}.{suffix}"
            SimpleITK.WriteImage(image, str(file), useCompression=True)
            refuses(session, file, (), "its data is compressed", "SimpleITK")
            SimpleITK.WriteImage(image, str(file), useCompression=False)
            expected = judged(file)
            same("the shape", shape, expected.shape)

            def check(mount: Mount, file: Path = file, image: SimpleITK.Image = image) -> None:
                with open(mount.path("meta.json"), "rb") as meta_file:
                    meta = json.load(meta_file)
                spacing = [float(number) for number in meta["attributes"]["ElementSpacing"].split()]
                same("the spacing", list(image.GetSpacing()), spacing)
                same("the data file", file.suffix == ".mhd", "data_file" in meta)
                text = Path(mount.path("header.txt")).read_bytes()
                same("the header", file.read_bytes()[: len(text)], text)

            check_file(session, file, {"": expected}, also=check)
            if suffix == "mha" or number == 2:
                written = write_file(session, file, {"": expected})[""]
                np.testing.assert_array_equal(judged(file), written)
                check_file(session, file, {"": written}, mode="c")


def text(last: str = "LOCAL", **changes: str) -> bytes:
    fields = {
        "ObjectType": "Image",
        "NDims": "2",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "DimSize": "3 2",
        "ElementType": "MET_SHORT",
        **changes,
        "ElementDataFile": last,
    }
    return "".join(f"{name} = {value}\n" for name, value in fields.items() if value).encode()


def other_headers(session: Session) -> None:
    """Byte orders, sizes of headers, and what comes first in files of other writers."""
    data = np.arange(6, dtype="<i2").tobytes()
    raw, file = session.directory / "a.raw", session.directory / "a.mhd"
    for before, last, changes in [
        (b"", "LOCAL", {"BinaryDataByteOrderMSB": "True"}),
        (b"", "a.raw", {"ElementByteOrderMSB": "True", "BinaryDataByteOrderMSB": ""}),
        (b"", "a.raw", {"BinaryDataByteOrderMSB": ""}),
        (b"0123456", "a.raw", {"HeaderSize": "7"}),
        (b"any length", "a.raw", {"HeaderSize": "-1"}),
        (b"any length", "LOCAL", {"HeaderSize": "-1"}),
        (b"", "LOCAL", {"ObjectType": ""}),
        (b"", "LOCAL", {"Comment": "an equals sign = in it", "NDims": "2"}),
        (b"", "LOCAL", {"ElementType": "MET_UCHAR", "ElementNumberOfChannels": "2"}),
    ]:
        raw.write_bytes(before + data)
        file.write_bytes(text(last, **changes) + (before + data if last == "LOCAL" else b""))
        order = ">" if "True" in changes.values() else "<"
        expected = judged(file)
        check_file(session, file, {"": expected.astype(expected.dtype.newbyteorder(order))})
    scale = {"ElementToIntensityFunctionSlope": "0.5", "ElementToIntensityFunctionOffset": "-3"}
    file.write_bytes(text(**scale) + data)

    def check(mount: Mount) -> None:
        with open(mount.path("meta.json"), "rb") as meta_file:
            same("the scale", {"slope": 0.5, "intercept": -3}, json.load(meta_file)["scale"])

    check_file(session, file, {"": np.arange(6, dtype="<i2").reshape(2, 3)}, also=check)


def hostile(session: Session) -> None:
    """Headers that lie or that point elsewhere; each message has the value."""
    data = np.arange(6, dtype="<i2").tobytes()
    (session.directory / "folder").mkdir()
    for header, message in [
        (text("/etc/passwd"), "is not a plain name"),
        (text("../a.raw"), "is not a plain name"),
        (text("folder"), "is a directory"),
        (text("none.raw"), "cannot be read"),
        (text("LIST"), "several files"),
        (text("a%d.raw 1 9 1"), "several files"),
        (text(ObjectType="Tube"), 'it is of type "Tube"'),
        (text(BinaryData="False"), "its data is text"),
        (text(NDims="3"), "expected as many lengths"),
        (text(DimSize="3 -2"), "expected as many lengths"),
        (text(DimSize="9999999999 9999999999"), "reaches byte 2^63"),
        (text(DimSize="300 2"), "incomplete"),
        (text(DimSize="300 2", HeaderSize="-1"), "needs byte 1200"),
        (text(ElementType="MET_QUAD"), 'ElementType is "MET_QUAD"'),
        (text(ElementNumberOfChannels="0"), "ElementNumberOfChannels is 0"),
        (text(ElementNumberOfChannels="9223372036854775807"), "reaches byte 2^63"),
        (text(HeaderSize="-2"), "HeaderSize is -2"),
        (text(HeaderSize="9223372036854775807"), "reaches byte 2^63"),
        (text().replace(b"BinaryData =", b"BinaryData"), "has no '='"),
    ]:
        file = session.directory / "hostile.mhd"
        file.write_bytes(header + data)
        refuses(session, file, (), message)


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused."""
    data = text() + np.arange(6, dtype="<i2").tobytes()
    part = session.directory / "part.mha"
    for end in range(len(data)):
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "metaimage"), "arrayfs: ", "part.mha")


CASES: dict[str, Case] = {
    "all types": all_types,
    "other headers": other_headers,
    "hostile headers": hostile,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
