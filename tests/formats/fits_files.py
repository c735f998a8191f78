"""FITS files, as astropy.io.fits reads and writes them, and as fitsverify judges them."""

import importlib.util
import json
import os
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from cases import Case, Session, main
from checks import expect, same
from members import check_file, refuses, write_file
from mounting import Mount

warnings.simplefilter("ignore", AstropyWarning)
FORMS = ["L", "X", "B", "I", "J", "K", "A", "E", "D", "C", "M"]
UNSIGNED = {"i1": "int8", "u2": "uint16", "u4": "uint32", "u8": "uint64"}


def opened(file: Path) -> fits.HDUList:
    return fits.open(file, memmap=False, do_not_scale_image_data=True, uint=False, disable_image_compression=True)


def names(hdus: fits.HDUList) -> list[str]:
    """The name of each HDU in the mount."""
    taken: list[str] = []
    for number, hdu in enumerate(hdus):
        given = str(hdu.header.get("EXTNAME", "")).strip()
        name = f"{given},{hdu.header['EXTVER']}" if given and "EXTVER" in hdu.header else given
        name = name or ("PRIMARY" if number == 0 else str(number))
        taken.append(f"{name}+{number}" if name in taken else name)
    return taken


def is_shown(number: int, hdu: fits.PrimaryHDU) -> bool:
    if hdu.header.get("ZIMAGE") or isinstance(hdu, fits.GroupsHDU):
        return False
    return number > 0 or (hdu.data is not None and hdu.data.size > 0)


def array(hdu: fits.PrimaryHDU) -> np.ndarray:
    """The stored data of an HDU."""
    if isinstance(hdu, fits.hdu.table._TableBaseHDU):
        return table(hdu)
    dtype = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}[hdu.header["BITPIX"]]
    if hdu.data is not None:
        return np.asarray(hdu.data).astype(dtype)
    lengths = [hdu.header[f"NAXIS{axis}"] for axis in range(hdu.header["NAXIS"], 0, -1)]
    return np.zeros(lengths or 0, dtype)


def table(hdu: fits.BinTableHDU) -> np.ndarray:
    """The rows of a table. Columns without bytes are left out, and flags are letters."""
    dtype = hdu.columns.dtype.newbyteorder(">")
    names, formats, offsets = [], [], []
    for name, form in zip(dtype.names, hdu.columns.formats, strict=True):
        field, offset = dtype.fields[name][:2]
        if field.itemsize == 0:
            continue
        if form.lstrip("0123456789").startswith("L"):
            field = np.dtype(("S1", field.shape))
        names.append(name)
        formats.append(field)
        offsets.append(offset)
    width = {"names": names, "formats": formats, "offsets": offsets, "itemsize": hdu.header["NAXIS1"]}
    data = hdu._get_raw_data(hdu._nrows * hdu.header["NAXIS1"], np.uint8, hdu._data_offset)
    return np.frombuffer(bytearray(data.tobytes()), np.dtype(width))


def stored_arrays(file: Path) -> dict[str, np.ndarray]:
    with opened(file) as hdus:
        listed = zip(names(hdus), hdus, strict=True)
        return {name: array(hdu) for number, (name, hdu) in enumerate(listed) if is_shown(number, hdu)}


def variable_columns(hdu: fits.BinTableHDU) -> list[str]:
    forms = zip(hdu.columns.names, hdu.columns.formats, strict=True)
    return [name for name, form in forms if form.lstrip("0123456789")[0] in "PQ" and not form.startswith("0")]


def skipped(file: Path) -> list[str]:
    with opened(file) as hdus:
        found = []
        for number, (name, hdu) in enumerate(zip(names(hdus), hdus, strict=True)):
            if is_shown(number, hdu) and isinstance(hdu, fits.BinTableHDU):
                found += [f"{name}/{column}" for column in variable_columns(hdu)]
            elif not is_shown(number, hdu) and (number > 0 or isinstance(hdu, fits.GroupsHDU)):
                found.append(name)
        return found


def check_details(file: Path, mount: Mount) -> None:
    """Compares headers, their cards, types and scales of each HDU, and the names that find it."""
    with opened(file) as hdus:
        for number, (name, hdu) in enumerate(zip(names(hdus), hdus, strict=True)):
            if not is_shown(number, hdu):
                if number == 0:
                    check_header(hdu, Path(mount.point))
                continue
            check_header(hdu, Path(mount.path(name)))
            meta = json.loads(Path(mount.path(f"{name}/meta.json")).read_text())
            same(f"HDU {number}", meta, json.loads(Path(mount.path(f"{number}/meta.json")).read_text()))
            if "fields" in meta:
                check_fields(table(hdu).dtype, meta)
            elif isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU)):
                slope, intercept = hdu.header.get("BSCALE", 1), hdu.header.get("BZERO", 0)
                expected = {"slope": slope, "intercept": intercept} if (slope, intercept) != (1, 0) else None
                same(f"the scale of {name}", expected, meta.get("scale"))
        for name in {hdu.name for hdu in hdus[1:] if hdu.name and "/" not in hdu.name}:
            found = json.loads(Path(mount.path(f"{name}/meta.json")).read_text()) if is_plain(hdus, name) else None
            first = hdus.index_of(name)
            if found and is_shown(first, hdus[first]):
                same(f"the first {name}", found["name"], names(hdus)[first])


def is_plain(hdus: fits.HDUList, name: str) -> bool:
    """Whether a name is written as astropy has it, which makes it upper case, and its first HDU is shown."""
    first = hdus.index_of(name)
    return hdus[first].header.get("EXTNAME") == name and is_shown(first, hdus[first])


def check_header(hdu: fits.PrimaryHDU, directory: Path) -> None:
    cards = hdu.header.tostring(endcard=True, padding=False)
    lines = [cards[at : at + 80].rstrip() for at in range(0, len(cards), 80)]
    same(f"{directory}/header.txt", lines, (directory / "header.txt").read_text().splitlines())
    attributes = json.loads((directory / "meta.json").read_text())["attributes"]
    keywords = {card.keyword for card in hdu.header.cards if card.field_specifier is None} - {"END", ""}
    missing = keywords - set(attributes)
    expect(not missing, f"{directory}: the attributes lack {missing}")
    for card in hdu.header.cards:
        if card.field_specifier is not None or card.keyword == "":
            continue
        value = hdu.header[card.keyword]
        if card.keyword in fits.Card._commentary_keywords:
            same(f"{directory}: {card.keyword}", [str(line) for line in value], attributes[card.keyword])
        elif isinstance(value, fits.card.Undefined):
            same(f"{directory}: {card.keyword}", None, attributes[card.keyword])
        elif isinstance(value, complex):
            same(f"{directory}: {card.keyword}", [value.real, value.imag], attributes[card.keyword])
        else:
            same(f"{directory}: {card.keyword}", value, attributes[card.keyword])


def check_fields(dtype: np.dtype, meta: dict) -> None:
    for field in meta["fields"]:
        expected, offset = dtype.fields[field["name"]][:2]
        base, shape = expected.subdtype or (expected, ())
        got = (field["dtype"], field["shape"], field["offset"])
        same(f"the field {field['name']}", (base.str, list(shape), offset), got)


def check(session: Session, file: Path, mode: str = "r", announces: tuple[str, ...] = ()) -> None:
    hidden = skipped(file)
    announces += ("not shown",) if hidden else ()
    arrays = stored_arrays(file)
    check_file(
        session, file, arrays, mode, announces=announces, skipped=tuple(hidden), also=lambda m: check_details(file, m)
    )


def real_files(session: Session) -> None:
    """Every file of astropy, fitsio and NumPy is shown, or refused for what it is."""
    shown = refused = 0
    for package in ["astropy", "fitsio", "numpy"]:
        root = Path(next(iter(importlib.util.find_spec(package).submodule_search_locations)))
        for file in sorted([*root.rglob("*.fits"), *root.rglob("*.fits.fz")]):
            session.subject = str(file)
            if not file.read_bytes().startswith(b"SIMPLE  ="):
                continue
            try:
                holds_arrays = fits.getheader(file)["SIMPLE"] and stored_arrays(file)
            except (OSError, TypeError, KeyError, ValueError):
                holds_arrays = False
            if holds_arrays:
                check(session, file)
                shown += 1
            else:
                refuses(session, file, (), "fits")
                refused += 1
    same("the numbers of files", (38, 20), (shown, refused))


def all_images(session: Session) -> None:
    """Images of every type, also unsigned and scaled, of every number of axes, first and later."""
    file = session.directory / "images.fits"
    hdus = fits.HDUList()
    for number, dtype in enumerate(["u1", "i2", "i4", "i8", "f4", "f8", *UNSIGNED]):
        shape = [(5,), (3, 4), (2, 3, 4), (2, 1, 3, 2)][number % 4]
        data = session.rng.integers(0, 100, shape).astype(dtype)
        hdu = (fits.ImageHDU if hdus else fits.PrimaryHDU)(data)
        hdu.header["EXTNAME"] = ["SCI", "ERR", "sky map", "50%"][number % 4]
        if number % 2:
            hdu.header["EXTVER"] = number // 4 + 1
        hdus.append(hdu)
    hdus[1].header["LONGTEXT"] = "it's long " * 30
    hdus[1].header["HIERARCH ESO DET ID"] = "a detector"
    hdus[1].header["COMPLEX"] = 1 - 2j
    hdus[1].header["UNDEF"] = None
    hdus[1].header["SMALL"] = 1e-30
    hdus[1].header.add_history("made by hand")
    hdus[1].header.add_comment("twice")
    hdus[1].header.add_comment("two")
    hdus.append(fits.ImageHDU(name="EMPTY"))
    hdus.append(fits.ImageHDU(np.zeros((2, 3), "f4")))
    hdus.append(fits.ImageHDU(np.zeros((2, 3), "i2")))
    hdus[-1].header["BSCALE"], hdus[-1].header["BZERO"] = 0.5, 10.0
    hdus.writeto(file)
    with opened(file) as found:
        shown = dict(zip(names(found), found, strict=True))
        expect({"SCI", "SCI+4", "SCI+8", "ERR,1", "sky map", "50%,1", "EMPTY", "11"} <= set(shown), f"{list(shown)}")

    expected = [None] * 6 + list(UNSIGNED.values()) + [None] * 3

    def unsigned(mount: Mount) -> None:
        for name in shown:
            attributes = json.loads(Path(mount.path(f"{name.replace('%', '%25')}/meta.json")).read_text())["attributes"]
            same(name, expected[list(shown).index(name)], attributes.get("scaled_dtype"))

    arrays = {name.replace("%", "%25"): data for name, data in stored_arrays(file).items()}
    check_file(session, file, arrays, also=unsigned)
    judged(session, file)


def native_values(session: Session) -> None:
    """`native/` has the values of astropy, unsigned ones too, and what is written there astropy reads."""
    file = session.directory / "native.fits"
    kinds = {
        "u1": 0,
        "i2": 0,
        "i4": 0,
        "i8": 0,
        "f4": 0,
        "f8": 0,
        "i1": -128,
        "u2": 1 << 15,
        "u4": 1 << 31,
        "u8": 1 << 63,
    }
    images = {kind.upper(): random_image(session, np.dtype(kind)) for kind in kinds}
    hdus = fits.HDUList([fits.PrimaryHDU()])
    hdus += [fits.ImageHDU(image, name=name) for name, image in images.items()]
    # Scaled in another way, the integers are those in the file.
    hdus.append(fits.ImageHDU(images["I2"], name="SCALED"))
    hdus["SCALED"].header["BSCALE"], hdus["SCALED"].header["BZERO"] = 0.5, 32768
    hdus.writeto(file)
    same("the zeros", list(kinds.values()), [fits.getheader(file, name).get("BZERO", 0) for name in images])
    with session.mount(file, ["--mode=r+"]) as mount:
        for name, image in images.items():
            same(f"{name} in astropy", image.tolist(), fits.getdata(file, name).tolist())
            if name == "U1":
                same("what is native", False, os.path.exists(mount.path("U1/native")))
                continue
            check_native(mount, name, image)
            image[...] = random_image(session, image.dtype)
            with open(mount.path(f"{name}/native/npy/data.npy"), "r+b") as stream:
                np.save(stream, image)
            write_pieces(session, mount.path(f"{name}/native/T/data"), image.T)
            check_native(mount, name, image)
        meta = json.loads(Path(mount.path("SCALED/native/meta.json")).read_text())
        same("the scale", ({"slope": 0.5, "intercept": 32768.0}, "<i2"), (meta["scale"], meta["dtype"]))
    for name, image in images.items():
        found = fits.getdata(file, name)
        same(f"the type of {name}", image.dtype, found.dtype.newbyteorder("="))
        same(f"{name} in astropy", image.tolist(), found.tolist())
    verify(file)


def native_columns(session: Session) -> None:
    """`native/` of a table has the values of astropy, also in unsigned columns, and writes them."""
    file = session.directory / "columns.fits"
    zeros = {"B": ("i1", -128), "I": ("u2", 1 << 15), "J": ("u4", 1 << 31), "K": ("u8", 1 << 63)}
    described = []
    for code, (kind, zero) in zeros.items():
        values = [random_image(session, np.dtype(kind))[:, count] for count in range(7)]
        described.append(fits.Column(kind, code, bzero=zero, array=values[0]))
        described.append(fits.Column(f"{kind} of 3", f"3{code}", bzero=zero, array=np.stack(values[1:4], 1)))
        described.append(fits.Column(f"plain {code}", code, array=session.rng.integers(0, 99, 5)))
    described.append(fits.Column("scaled", "I", bzero=100, array=np.arange(5)))
    described.append(fits.Column("float", "E", array=session.rng.normal(size=5)))
    fits.BinTableHDU.from_columns(described, name="EVENTS").writeto(file)
    stored = stored_arrays(file)["EVENTS"].dtype
    kinds = {name: name[:2] for name in stored.names if name[:2] in {kind for kind, _ in zeros.values()}}
    same("unsigned columns", 8, len(kinds))
    described = [
        (name, kinds.get(name, stored[name].base.newbyteorder("=")), stored[name].shape) for name in stored.names
    ]
    dtype = np.dtype(described)
    with session.mount(file, ["--mode=r+"]) as mount:
        meta = json.loads(Path(mount.path("EVENTS/native/meta.json")).read_text())
        scales = {field["name"]: field.get("scale") for field in meta["fields"]}
        same("the scales", {"scaled"}, {name for name, scale in scales.items() if scale})
        same("the types", [dtype[name].base.str for name in dtype.names], [field["dtype"] for field in meta["fields"]])
        records = np.load(mount.path("EVENTS/native/npy/data.npy"))
        same("the dtype", dtype, records.dtype)
        for name in kinds:
            table = duckdb.read_parquet(mount.path("EVENTS/native/parquet/data.parquet"))
            if " " not in name:
                same(f"{name} in DuckDB", records[name].tolist(), [row[0] for row in table.select(name).fetchall()])
        check_columns(file, records)
        for name in dtype.names:
            values = np.load(mount.path(f"EVENTS/fields/{name}/native/npy/data.npy")) if name[:2] != "pl" else None
            if values is not None:
                same(
                    f"the field {name}", (records[name].dtype, records[name].tolist()), (values.dtype, values.tolist())
                )
        write_pieces(session, mount.path("EVENTS/native/data"), records)
        for name in dtype.names:
            same(name, records[name].tobytes(), np.load(mount.path("EVENTS/native/npy/data.npy"))[name].tobytes())
        fresh = np.load(mount.path("EVENTS/native/npy/data.npy"))
        fresh["float"] = 1.5
        for name, kind in kinds.items():
            fresh[name] = random_image(session, np.dtype(kind)).ravel()[: fresh[name].size].reshape(fresh[name].shape)
            if " " not in name:
                path = mount.path(f"EVENTS/fields/{name}/native/data")
                fresh[name][2] = 77
                with open(path, "r+b") as stream:
                    stream.write(fresh[name].tobytes())
        with open(mount.path("EVENTS/native/npy/data.npy"), "r+b") as stream:
            np.save(stream, fresh)
    check_columns(file, fresh)
    verify(file)


def check_columns(file: Path, records: np.ndarray) -> None:
    with fits.open(file) as hdus:
        for name in records.dtype.names:
            if name != "scaled":
                same(f"{name} in astropy", hdus["EVENTS"].data[name].tolist(), records[name].tolist())


def random_image(session: Session, dtype: np.dtype) -> np.ndarray:
    """Any values but not-a-number, as integers with the least and the greatest."""
    if dtype.kind == "f":
        return session.rng.normal(size=(5, 7)).astype(dtype)
    limits = np.iinfo(dtype)
    image = session.rng.integers(limits.min, limits.max, (5, 7), dtype, endpoint=True)
    image[2, 1:3] = limits.min, limits.max
    return image


def check_native(mount: Mount, name: str, image: np.ndarray) -> None:
    meta = json.loads(Path(mount.path(f"{name}/native/meta.json")).read_text())
    same(f"the type and scale of {name}", (image.dtype.str, None), (meta["dtype"], meta.get("scale")))
    same(name, image.tobytes(), Path(mount.path(f"{name}/native/data")).read_bytes())
    same(name, image[:, 3].tobytes(), Path(mount.path(f"{name}/native/cols/3")).read_bytes())
    loaded = np.load(mount.path(f"{name}/native/npy/slices/1::2,::-1.npy"))
    same(name, (image.dtype, image[1::2, ::-1].tolist()), (loaded.dtype, loaded.tolist()))
    if image.dtype.kind in "iu":
        text = Path(mount.path(f"{name}/native/csv/data.csv")).read_text().splitlines()
        same(name, image.tolist(), [[int(cell) for cell in line.split(",")[:7]] for line in text])


def write_pieces(session: Session, path: str, array: np.ndarray) -> None:
    """Writes random bytes at any offset, also inside an element, and sets the array to what is there then."""
    content = bytearray(array.tobytes())
    with open(path, "r+b", buffering=0) as stream:
        for _ in range(20 if array.dtype.kind in "iuV" else 0):
            offset = int(session.rng.integers(len(content)))
            data = session.rng.bytes(int(session.rng.integers(1, len(content) - offset + 1)))
            content[offset : offset + len(data)] = data
            os.pwrite(stream.fileno(), data, offset)
    array[...] = np.frombuffer(bytes(content), array.dtype).reshape(array.shape)


def judged(session: Session, file: Path, values: Callable[[np.ndarray], np.ndarray] | None = None) -> None:
    """Writes to every array; what astropy reads then is what was written, and fitsverify is content."""
    verify(file)
    before = stored_arrays(file)
    with opened(file) as hdus:
        headers = [hdu.header.tostring() for hdu in hdus]
        paths = {name.replace("%", "%25"): name for name in names(hdus)}
    announces = ("not shown",) if skipped(file) else ()
    arrays = {name.replace("%", "%25"): data for name, data in before.items()}
    written = write_file(session, file, arrays, values, announces)
    with opened(file) as hdus:
        same("the headers", headers, [hdu.header.tostring() for hdu in hdus])
    found = stored_arrays(file)
    for path, data in written.items():
        same(f"{path} in astropy", data.tobytes(), found[paths[path]].tobytes())
    verify(file)


def verify(file: Path) -> None:
    done = subprocess.run(["fitsverify", file], capture_output=True, text=True, check=False)
    expect(" 0 error(s)" in done.stdout, f"fitsverify says of {file}: {done.stdout}{done.stderr}")


def columns(session: Session, rows: int) -> list[fits.Column]:
    """Columns of every type: of one element, several, and with dimensions; unsigned; with variable length."""
    found = []
    for code in FORMS:
        for repeat, dim in [("", None), ("6", None), ("12", "(2,3,2)"), ("8", "(2,3)")]:
            name = f"{code}{repeat or 1}{'' if dim is None else 'd'}"
            if code == "X":
                repeat, dim = repeat and "16", None
            count = int(repeat or 1)
            if code == "A":
                data = np.array(["abcdefghijkl"[:count]] * rows)
                data = np.full((rows, 3), "ab") if repeat == "8" else data
                data = np.full((rows, 2, 3), "ab") if repeat == "12" else data
            else:
                shape = (rows, count) if dim is None else (rows, *[[2, 3, 2], [3, 2]][repeat == "8"])
                data = session.rng.integers(0, 2, shape if repeat else rows)
                data = data.astype(bool) if code in "LX" else data
                data = data.reshape(rows, count) if code == "X" else data
            if not (repeat == "8" and dim and code not in "A"):
                found.append(fits.Column(name, f"{repeat}{code}", array=data, dim=dim))
    for code, dtype in [("I", "u2"), ("J", "u4"), ("K", "u8")]:
        zero = 1 << (8 * np.dtype(dtype).itemsize - 1)
        found.append(fits.Column(f"unsigned {dtype}", code, bzero=zero, array=np.arange(rows).astype(dtype)))
    for form in ["PJ()", "QD()"]:
        rowwise = np.array([np.arange(row % 4) for row in range(rows)], object)
        found.append(fits.Column(f"variable{form[0]}", form, array=rowwise))
    return found


def binary_tables(session: Session) -> None:
    """Tables with every type of column."""
    for rows in [1, 7]:
        file = session.directory / f"table{rows}.fits"
        described = columns(session, rows)
        hdus = [fits.BinTableHDU.from_columns(described, name="EVENTS"), fits.BinTableHDU.from_columns(described[:3])]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)

        def unsigned(mount: Mount) -> None:
            attributes = json.loads(Path(mount.path("EVENTS/meta.json")).read_text())["attributes"]
            expected = {f"unsigned u{size}": f"uint{8 * size}" for size in [2, 4, 8]}
            same("the unsigned columns", expected, attributes["scaled_dtypes"])

        check(session, file)
        with session.mount(file, [], ("not shown",)) as mount:
            unsigned(mount)


def valid_values(session: Session, data: np.ndarray) -> np.ndarray:
    """Other values that fitsverify allows: flags, letters, and places in the heap as they are."""
    if data.dtype.names is not None:
        fresh = data.copy()
        for name in data.dtype.names:
            # A bit that is no value has to be 0.
            if name != "X1" and not name.startswith("variable"):
                fresh[name] = valid_values(session, data[name])
        return fresh
    if data.dtype.kind == "S":
        return session.rng.choice(np.array([b"T", b"F"]), data.shape).astype(data.dtype)
    if data.dtype.kind in "iu":
        return session.rng.integers(0, 100, data.shape).astype(data.dtype)
    return (session.rng.standard_normal(data.shape) * 100).astype(data.dtype)


def written_tables(session: Session) -> None:
    file = session.directory / "written.fits"
    # fitsverify wants texts to fill their columns.
    described = [column for column in columns(session, 5) if column.name != "A8d"]
    ascii_table = fits.TableHDU.from_columns([fits.Column("a", "I5", array=[1, 2, 3]), fits.Column("b", "A7")])
    hdus = [fits.PrimaryHDU(np.zeros((2, 3), "i2")), fits.BinTableHDU.from_columns(described), ascii_table]
    fits.HDUList(hdus[:2]).writeto(file)
    judged(session, file, lambda data: valid_values(session, data))
    fits.HDUList([hdus[0], ascii_table]).writeto(file, overwrite=True)
    check(session, file)


def header(*cards: str) -> bytes:
    text = "".join(card.ljust(80) for card in [*cards, "END"])
    return text.ljust(-(-len(text) // 2880) * 2880).encode()


PRIMARY = ("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0")


def bintable(width: object, rows: object, *cards: str) -> bytes:
    return header(
        "XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", f"NAXIS1  = {width}", f"NAXIS2  = {rows}", "PCOUNT  = 0",
        "GCOUNT  = 1", *cards,
    )  # fmt: skip


def odd_columns(session: Session) -> None:
    """Columns without names, or with the same one, have names; a row can end with bytes of no column."""
    file = session.directory / "odd.fits"
    forms = ["I", "J", "0J", "I", "A3", "2X", "B", "4B", "0PJ", "2A"]
    given = {2: "x", 4: "x", 5: "", 7: "col1", 8: "x_4", 10: "a/b"}
    cards = [f"{f'TFORM{k}':8}= '{form}'" for k, form in enumerate(forms, 1)]
    cards += [f"{f'TTYPE{k}':8}= '{name}'" for k, name in given.items()]
    # Dimensions that do not fit are ignored.
    cards += ["TDIM8   = '(3,2)'", "TDIM2   = '()'", "TDIM10  = '(1,2)'"]
    row = bytes(range(20))
    file.write_bytes(header(*PRIMARY) + bintable(20, 2, f"TFIELDS = {len(forms)}", *cards) + row + row[::-1])
    dtype = np.dtype({
        "names": ["col1", "x", "x_4", "col5", "col6", "col1_7", "x_4_8", "a/b"],
        "formats": [">i2", ">i4", ">i2", "S3", ("u1", (1,)), "u1", ("u1", (4,)), ("S1", (2,))],
        "offsets": [0, 2, 6, 8, 11, 12, 13, 17],
        "itemsize": 20,
    })  # fmt: skip
    check_file(session, file, {"1": np.frombuffer(row + row[::-1], dtype)})


def hostile(session: Session) -> None:
    """Headers that cannot be are refused; extensions that cannot be are skipped."""
    for name, cards in {
        "no BITPIX": ("SIMPLE  = T", "NAXIS   = 0"),
        "BITPIX 7": ("SIMPLE  = T", "BITPIX  = 7", "NAXIS   = 0"),
        "many axes": ("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 1000000000"),
        "no NAXIS2": ("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 2", "NAXIS1  = 2"),
        "negative": ("SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = -2"),
        "not standard": ("SIMPLE  = F", "BITPIX  = 8", "NAXIS   = 0"),
        "product": ("SIMPLE  = T", "BITPIX  = 64", "NAXIS   = 9", *(f"NAXIS{k}  = 99999999" for k in range(1, 10))),
    }.items():
        file = session.directory / f"{name}.fits"
        file.write_bytes(header(*cards))
        refuses(session, file, (), "is not a valid fits file: the header of HDU 0")
    good = header("XTENSION= 'IMAGE'", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 2880", "EXTNAME = 'good'") + bytes(2880)
    arrays = {"good": np.zeros(2880, "u1")}
    for name, data in {
        "past the end": header("XTENSION= 'IMAGE'", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 9000000000000000000"),
        "66 axes": header(
            "XTENSION= 'IMAGE'", "BITPIX  = 8", "NAXIS   = 66", *(f"NAXIS{k:<3}= 1" for k in range(1, 67))
        ),
        "other": header("XTENSION= 'FOREIGN'", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 5"),
        "axes": header("XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 5", "TFIELDS = 0"),
        "no columns": bintable(5, 1, "TFIELDS = 0"),
        "many columns": bintable(5, 1, "TFIELDS = 1000000000"),
        "no form": bintable(5, 1, "TFIELDS = 1"),
        "unknown form": bintable(5, 1, "TFIELDS = 1", "TFORM1  = '1Z'"),
        "long form": bintable(5, 1, "TFIELDS = 1", "TFORM1  = '9999999999999999999J'"),
        "longer form": bintable(5, 1, "TFIELDS = 1", "TFORM1  = '99999999999999999999J'"),
        "beyond the row": bintable(5, 1, "TFIELDS = 2", "TFORM1  = '1J'", "TFORM2  = '1I'"),
        "long row": bintable(2**40, 1, "TFIELDS = 1", f"TFORM1  = '{2**40}B'"),
        "BITPIX": header("XTENSION= 'IMAGE'", "BITPIX  = 0", "NAXIS   = 0"),
        "junk": b"not an HDU",
        "half a header": b"XTENSION= 'IMAGE'".ljust(2880),
        "text axes": header("XTENSION= 'IMAGE'", "BITPIX  = 8", "NAXIS   = 'x'"),
        "ASCII": bintable(5, 1, "TFIELDS = 1", "TFORM1  = 'I9'", "TBCOL1  = 1").replace(b"'BINTABLE'", b"'TABLE'   "),
        "ASCII 0": bintable(5, 1, "TFIELDS = 1", "TFORM1  = 'I4'", "TBCOL1  = 0").replace(b"'BINTABLE'", b"'TABLE'   "),
    }.items():
        file = session.directory / f"{name}.fits"
        file.write_bytes(header(*PRIMARY) + good + data)
        check_file(session, file, arrays, announces=("not shown: 2",), skipped=("2",))
    for name, data in {"padding": bytes(5000), "blanks": b" " * 100}.items():
        file = session.directory / f"{name}.fits"
        file.write_bytes(header(*PRIMARY) + good + data)
        check_file(session, file, arrays)


def checksums(session: Session) -> None:
    """A mount that can change the file says once that its checksums become wrong; others say nothing."""
    file = session.directory / "checksum.fits"
    fits.HDUList([fits.PrimaryHDU(np.arange(5, dtype="i2"))]).writeto(file, checksum=True)
    for mode in ["r", "c"]:
        check(session, file, mode)
    check(session, file, "r+", ("CHECKSUM", "DATASUM"))


def incomplete(session: Session) -> None:
    """Padding can be missing at the end. What is not whole is not shown, and the rest is."""
    file = session.directory / "incomplete.fits"
    hdus = [fits.PrimaryHDU(np.arange(5, dtype="i2")), fits.ImageHDU(np.arange(6, dtype="i4"), name="SCI")]
    fits.HDUList(hdus).writeto(file)
    data, arrays = file.read_bytes(), stored_arrays(file)
    start = 3 * 2880
    for end in [start + 2880 - 1, start + 24]:
        file.write_bytes(data[:end])
        check_file(session, file, arrays)
    first = {"PRIMARY": arrays["PRIMARY"]}
    for end in [start + 23, start + 1, start, start - 1]:
        file.write_bytes(data[:end])
        check_file(session, file, first, announces=(f"needs byte {start + 24}",), skipped=("SCI",))
    for end in [2 * 2880 + 200, 2 * 2880 + 1]:
        file.write_bytes(data[:end])
        check_file(session, file, first, announces=("no valid HDU",), skipped=("1",))
    for end in [2 * 2880, 2880 + 10]:
        file.write_bytes(data[:end])
        check_file(session, file, first)
    for end in [2880 + 9, 2880, 2879, 100, 9]:
        file.write_bytes(data[:end])
        refuses(session, file, (), "fits" if end < 2880 else "needs byte")
    for end in [8, 0]:
        file.write_bytes(data[:end])
        refuses(session, file, ("--format", "fits"), "is not a valid fits file")


def long_comments(session: Session) -> None:
    """Comments of over 64 KiB are in the header, and not among the attributes."""
    file = session.directory / "long.fits"
    hdu = fits.PrimaryHDU(np.arange(5, dtype="i2"))
    for _ in range(1000):
        hdu.header.add_history("x" * 70)
        hdu.header.add_comment("x" * 60)
    hdu.writeto(file)
    with session.mount(file, []) as mount:
        attributes = json.loads(Path(mount.path("PRIMARY/meta.json")).read_text())["attributes"]
        same("HISTORY", "not shown: 70000 bytes, which are in header.txt", attributes["HISTORY"])
        expect(["x" * 60] * 1000 == attributes["COMMENT"][-1000:], "COMMENT differs")
        same("lines of HISTORY", 1000, Path(mount.path("PRIMARY/header.txt")).read_text().count("\nHISTORY"))


CASES: dict[str, Case] = {
    "real files": real_files,
    "all images": all_images,
    "native values": native_values,
    "native columns": native_columns,
    "binary tables": binary_tables,
    "written tables": written_tables,
    "odd columns": odd_columns,
    "hostile": hostile,
    "checksums": checksums,
    "incomplete": incomplete,
    "long comments": long_comments,
}

if __name__ == "__main__":
    main(__doc__, CASES)
