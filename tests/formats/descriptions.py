"""What README.txt and meta.json say of scales, memory order and columns, as the libraries and NumPy judge it."""

import json
from pathlib import Path

import netCDF4
import numpy as np
from astropy.io import fits
from spectral.io import envi

from cases import Case, Session, main
from checks import expect, same
from members import check_file, refuses
from mounting import Mount

HIDDEN = ("not shown",)


def meta_of(mount: Mount, path: str) -> dict:
    return json.loads(Path(mount.path(path) + "/meta.json").read_text())


def readme_of(mount: Mount, path: str) -> str:
    return Path(mount.path(path) + "/README.txt").read_text()


def add_cards(file: Path, number: int, cards: dict[str, float]) -> None:
    """Adds cards to the header of an HDU, and leaves its numbers as they are."""
    for keyword, value in cards.items():
        fits.setval(file, keyword, value=value, ext=number)


def scaled_table(session: Session) -> Path:
    """Columns with and without a scale. Those of variable length, and of flags and text, have none in their field."""
    file = session.directory / "scaled.fits"
    described = [
        fits.Column("a", "D", array=np.arange(3) * 1.0),
        fits.Column("b", "3I", array=np.arange(9).reshape(3, 3)),
        fits.Column("c", "J", array=np.arange(3, dtype="u4"), bzero=1 << 31),
        fits.Column("plain", "E", array=np.arange(3)),
        fits.Column("text", "2A", array=["ab", "cd", "ef"]),
        fits.Column("flag", "L", array=[True, False, True]),
        fits.Column("v", "PJ()", array=np.array([np.arange(k) for k in (1, 2, 3)], object)),
    ]
    table = fits.BinTableHDU.from_columns(described, name="EVENTS")
    lines = fits.TableHDU.from_columns([fits.Column("n", "F8.2", array=[1.5, 2.5])], name="LINES")
    dark = fits.ImageHDU(np.arange(2, dtype="i2"))
    dark.header["EXTNAME"] = "Dark"
    fits.HDUList([fits.PrimaryHDU(), table, lines, dark]).writeto(file)
    add_cards(file, 1, {"TSCAL1": 0.1, "TZERO1": 5, "TSCAL2": 2, "TZERO5": 7, "TZERO6": 7, "TZERO7": 7})
    add_cards(file, 2, {"TSCAL1": 2, "TZERO1": 1})
    return file


def stored_numbers(array: np.ndarray) -> np.ndarray:
    return array.astype(float)


def scales_of_columns(session: Session) -> None:
    """What astropy reads is slope * stored + intercept, by the scale of each field."""
    file = scaled_table(session)
    with session.mount(file, [], HIDDEN) as mount, fits.open(file) as hdus:
        for table in ("EVENTS", "LINES"):
            rows = np.frombuffer(Path(mount.path(f"{table}/data")).read_bytes(), row_dtype(meta_of(mount, table)))
            listed = {field["name"]: field.get("scale") for field in meta_of(mount, table)["fields"]}
            own = {name: meta_of(mount, f"{table}/fields/{name}").get("scale") for name in listed}
            same(f"the scales of {table}", listed, own)
            for name, scale in own.items():
                if scale:
                    values = scale["slope"] * stored_numbers(rows[name]) + scale["intercept"]
                    np.testing.assert_array_equal(values, hdus[table].data[name])
            scaled = [name for name, scale in own.items() if scale]
            same(f"the scaled columns of {table}", ["a", "b", "c"] if table == "EVENTS" else ["n"], scaled)
            expect(meta_of(mount, table).get("scale") is None, f"{table} has a scale")
        table, line = (
            readme_of(mount, "EVENTS"),
            "\n- a: 0.1 * number + 5\n- b: 2 * number + 0\n- c: 1 * number + 2147483648\n",
        )
        expect(line in table, table)
        expect("plain: " not in table, table)
        expect("The numbers are as stored" not in readme_of(mount, "Dark"), "an image without a scale")


def row_dtype(meta: dict) -> np.dtype:
    fields = meta["fields"]
    formats = [(field["dtype"], tuple(field["shape"])) for field in fields]
    names, offsets = ([field[key] for field in fields] for key in ("name", "offset"))
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": meta["itemsize"]})


def many_scales(session: Session) -> None:
    """README.txt lists ten scales and says how many more there are."""
    file = session.directory / "many.fits"
    described = [fits.Column(f"c{k}", "I", array=np.arange(2)) for k in range(13)]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(described, name="T")]).writeto(file)
    add_cards(file, 1, {f"TSCAL{k + 1}": k + 2 for k in range(13)})
    with session.mount(file, []) as mount:
        text = readme_of(mount, "T")
        expect("\n- c9: 11 * number + 0\n- 3 more: see meta.json\n" in text and "- c10:" not in text, text)
        same("the scales", 13, sum("scale" in field for field in meta_of(mount, "T")["fields"]))


def variable_columns(session: Session) -> None:
    """A table and README.txt name the columns whose values lie elsewhere; other tables say nothing."""
    with session.mount(scaled_table(session), [], HIDDEN) as mount:
        same("the columns", ["v"], meta_of(mount, "EVENTS")["attributes"]["variable_length"])
        expect("writing it damages the table" in readme_of(mount, "EVENTS"), readme_of(mount, "EVENTS"))
        expect("variable_length" not in meta_of(mount, "LINES")["attributes"], "LINES")
        expect("damages" not in readme_of(mount, "LINES"), readme_of(mount, "LINES"))


def case_of_names(session: Session) -> None:
    """--array ignores case as astropy does, unless that leaves a choice."""
    file = scaled_table(session)
    with fits.open(file) as hdus:
        for name in ("dark", "DARK", "Dark"):
            check_file(session, file, {"": hdus[name].data.astype(">i2")}, options=("--array", name))
    hdus = [fits.ImageHDU(np.full(2, k, "i2")) for k in range(5)]
    for hdu, name in zip(hdus, ("SCI", "SCI", "Err", "ERR", "x"), strict=True):
        hdu.header["EXTNAME"] = name
    hdus[0].header["EXTVER"], hdus[1].header["EXTVER"] = 1, 2
    file = session.directory / "names.fits"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)
    for name, value in {"sci": 0, "sci,2": 1, "Err": 2, "ERR": 3, "X": 4}.items():
        check_file(session, file, {"": np.full(2, value, ">i2")}, options=("--array", name))
    refuses(session, file, ("--array", "err"), "err", "Err", "ERR")
    skipped = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.zeros((9, 9), "i2"), name="PACKED")])
    skipped.append(fits.ImageHDU(np.zeros(2, "i2"), name="x"))
    skipped.writeto(session.directory / "skipped.fits")
    refuses(session, session.directory / "skipped.fits", ("--array", "packed"), "its data is compressed")


def check_order(mount: Mount, path: str, file: Path) -> None:
    """`order` and `offset` give numpy.memmap the array, or `order` is null and `strides` give it to numpy.ndarray."""
    meta = meta_of(mount, path)
    has_readme = Path(mount.path(path), "README.txt").exists()
    readme = readme_of(mount, path) if has_readme else ""
    dtype, shape = np.dtype(meta["dtype"]), tuple(meta["shape"])
    if meta["order"] is None:
        found = np.ndarray(shape, dtype, file.read_bytes(), meta["offset"], meta["strides"])
        expect(not (found.flags.c_contiguous or found.flags.f_contiguous), f"{path}: has an order")
        strides = str(tuple(meta["strides"]))
        said = f"\nstrides  {strides} bytes: not one block of the file\n" in readme
        expect(said == has_readme, readme)
        expect("\norder " not in readme, readme)
    else:
        found = np.memmap(file, dtype, "r", meta["offset"], shape, meta["order"])
        same(f"the strides of {path}", list(found.strides), meta["strides"])
        fastest = {"C": "last", "F": "first"}[meta["order"]]
        line = f"\norder    {meta['order']}: the {fastest} axis varies fastest in the file\n"
        expect((line in readme) == (has_readme and len(shape) > 1) and "\nstrides " not in readme, readme)
    same(f"the numbers of {path}", found.tobytes(), Path(mount.path(path) + "/data").read_bytes())


def orders(session: Session) -> None:
    """Whoever maps an array by what meta.json says gets its numbers: ENVI, NetCDF, and fields of FITS."""
    for interleave, order in [("bsq", None), ("bil", None), ("bip", "C")]:
        header = session.directory / f"{interleave}.hdr"
        data = session.rng.integers(0, 100, (2, 4, 3)).astype("i2")
        envi.save_image(str(header), data, interleave=interleave, dtype="i2", ext="img", byteorder=0)
        with session.mount(header, []) as mount:
            same(interleave, order, meta_of(mount, "")["order"])
            for path in ("", "T"):
                check_order(mount, path, header.with_suffix(".img"))
    for records in (["a", "b"], ["a"]):
        file = session.directory / f"{len(records)}.nc"
        with netCDF4.Dataset(file, "w", format="NETCDF3_CLASSIC") as dataset:
            dataset.createDimension("time", None)
            dataset.createDimension("x", 3)
            for name in records:
                dataset.createVariable(name, "i4", ("time", "x"))[:] = session.rng.integers(0, 100, (4, 3))
            dataset.createVariable("t", "f8", ("x",))[:] = [1, 2, 3]
        with session.mount(file, []) as mount:
            same("records", "C" if len(records) == 1 else None, meta_of(mount, "a")["order"])
            for name in [*records, "t"]:
                check_order(mount, name, file)
    file = scaled_table(session)
    with session.mount(file, [], HIDDEN) as mount:
        for path in ["EVENTS/fields/a", "EVENTS/fields/b", "LINES/fields/n", "Dark"]:
            check_order(mount, path, file)


def gains(session: Session) -> None:
    """One gain and offset for all bands are a scale; several are attributes, which README.txt names."""
    cases = [
        ({"data gain values": [0.5] * 3, "data offset values": [-1.0] * 3}, (0.5, -1), False),
        ({"data offset values": [2, 2, 2]}, (1, 2), False),
        ({"data gain values": [0.25] * 3}, (0.25, 0), False),
        ({"data gain values": [1, 1, 1], "data offset values": [0, 0, 0]}, None, False),
        ({"data gain values": [0.5, 0.5, 0.25], "data offset values": [1, 1, 1]}, None, True),
        ({"data gain values": [0.5, 0.5, 0.5], "data offset values": [1, 2, 1]}, None, True),
        ({"data gain values": [0.5, 0.5]}, None, True),
        ({"data gain values": ["nan", "nan", "nan"]}, None, True),
        ({"data gain values": [0.5] * 3, "reflectance scale factor": 10}, (0.1, 0), True),
        ({}, None, False),
    ]
    for number, (metadata, scale, says) in enumerate(cases):
        header = session.directory / f"gains{number}.hdr"
        envi.save_image(str(header), np.zeros((2, 4, 3), "i2"), dtype="i2", ext="img", metadata=metadata)
        session.subject = f"{header}: {metadata}"
        with session.mount(header, []) as mount:
            meta, readme = meta_of(mount, ""), readme_of(mount, "")
            expected = None if scale is None else {"slope": scale[0], "intercept": scale[1]}
            same("the scale", expected, meta.get("scale"))
            same("README.txt", says, "data gain values" in readme)
            line = "" if scale is None else f"The file says that the values are\n{scale[0]} * number + {scale[1]}."
            expect(line in readme, readme)


CASES: dict[str, Case] = {
    "scales of columns": scales_of_columns,
    "many scales": many_scales,
    "variable columns": variable_columns,
    "case of names": case_of_names,
    "orders": orders,
    "gains": gains,
}

if __name__ == "__main__":
    main(__doc__, CASES)
