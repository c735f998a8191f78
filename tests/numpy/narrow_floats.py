"""The types of `ml_dtypes` through a mount: every value of each, as `ml_dtypes` has it."""

import ast
import errno
import io
import json
import os

import ml_dtypes
import numpy as np

from cases import Case, Session, main
from checks import expect, refused, same, same_bytes
from mounting import Mount

BYTES = [
    "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float8_e4m3",
    "float8_e3m4", "float8_e4m3b11fnuz",
]  # fmt: skip
ALL = ["bfloat16", *BYTES]

STORED = {name: np.dtype(getattr(ml_dtypes, name)).str for name in ALL} | {"float8_e5m2": "<V1"}
"""`dtype.str`; that of float8_e5m2 is `<f1`, of which NumPy says that it is no type."""


def every_value(dtype: np.dtype) -> np.ndarray:
    """All the values of a type, in rows of 16."""
    bits = np.arange(256**dtype.itemsize, dtype=f"u{dtype.itemsize}")
    return bits.view(dtype).reshape(-1, 16)


def content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def check_text(path: str, array: np.ndarray, form: str) -> None:
    """Each value is the shortest text of its single; not-a-number and blanks are as in the form."""
    lines = content(path).decode().splitlines()
    rows = [line.split(",") for line in lines]
    if form == "unpadded":
        same(f"the columns of blanks of {path}", {""}, {row.pop().strip() for row in rows})
        cells = rows
    else:
        cells = [[cell.strip() for cell in row] for row in rows]
    same(f"the lines of {path}", 1, len({len(line) for line in lines}))
    same(f"the shape of {path}", array.shape, (len(cells), len(cells[0])))
    nan = {"unpadded": "NaN", "padded": "nan"}[form]
    singles = array.astype(np.float32)
    read = np.array(cells, np.float64).astype(np.float32)
    same_bytes(f"the values of {path}", bits_of(singles), bits_of(read))
    # A reader of doubles finds the same value of the type.
    rounded = np.array(cells, np.float64).astype(array.dtype.newbyteorder("="))
    same_bytes(f"the rounded values of {path}", bits_of(singles), bits_of(rounded.astype(np.float32)))
    for cell, single in zip(np.ravel(cells), singles.ravel(), strict=True):
        if np.isnan(single):
            same(f"a text in {path}", nan, str(cell))
        elif np.isinf(single):
            same(f"a text in {path}", "inf" if single > 0 else "-inf", str(cell))
        else:
            expect("." in cell or "e" in cell, f"{path}: {cell} is no float")
            same(f"the digits of {cell} in {path}", digits(np.format_float_scientific(single)), digits(str(cell)))


def bits_of(singles: np.ndarray) -> bytes:
    """The bytes of singles; one not-a-number is as good as any other."""
    return np.where(np.isnan(singles), np.float32(np.nan), singles).tobytes()


def digits(number: str) -> str:
    return number.lstrip("-").partition("e")[0].replace(".", "").strip("0") or "0"


def check_meta(mount: Mount, path: str, name: str, order: str) -> dict:
    meta = json.loads(content(mount.path(f"{path}meta.json")))
    stored = STORED[name].replace("<", ">" if order == "big" else "<")
    same(f"dtype of {path}", [stored, name, order], [meta[key] for key in ("dtype", "dtype_name", "byteorder")])
    return meta


def check_singles(session: Session, mount: Mount, singles: np.ndarray) -> None:
    """`float32/` has these values, also in pieces that begin and end inside an element."""
    for path, part in [("data", singles), ("T/rows/3", singles[:, 3]), ("slices/::-2,1:", singles[::-2, 1:])]:
        shown = content(mount.path(f"float32/{path}"))
        same_bytes(path, bits_of(part), bits_of(np.frombuffer(shown, "f4").reshape(part.shape)))
        with open(mount.path(f"float32/{path}"), "rb", buffering=0) as file:
            for _ in range(20):
                offset, size = (int(number) for number in session.rng.integers(0, len(shown), 2))
                same_bytes(path, shown[offset : offset + size], os.pread(file.fileno(), size, offset), offset)
    loaded = np.load(mount.path("float32/npy/data.npy"))
    same_bytes("float32/npy/data.npy", bits_of(singles), bits_of(loaded))


def values(name: str, mark: str = "") -> Case:
    def case(session: Session) -> None:
        native = np.dtype(getattr(ml_dtypes, name))
        array = every_value(native)
        order = {"": "little" if native.itemsize > 1 else "none", ">": "big"}[mark]
        given = f"{mark}{name}"
        file = session.directory / "values.bin"
        file.write_bytes((array.view("u2").byteswap() if order == "big" else array).tobytes())
        session.subject = given
        for form in ("unpadded", "padded"):
            options = ["--dtype", given, "--shape", f"{len(array)},16", "--mode", "r", f"--csv={form}", "--xattr"]
            with session.mount(file, options) as mount:
                check_text(mount.path("csv/data.csv"), array, form)
                check_text(mount.path("T/csv/data.csv"), array.T, form)
                check_text(mount.path("csv/slices/1:,::-3.csv"), array[1:, ::-3], form)
                check_meta(mount, "", name, order)
                check_meta(mount, "T/", name, order)
                check_singles(session, mount, array.astype(np.float32))
                same("user.dtype", given, os.getxattr(mount.path("data"), "user.dtype").decode())
                stored = np.load(mount.path("npy/data.npy"))
                same("what numpy.load gives", np.dtype(f"V{native.itemsize}"), stored.dtype)
                same_bytes("what numpy.load reads", file.read_bytes(), stored.tobytes())

    return case


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy_files(session: Session) -> None:
    """What `numpy.save` writes is served, taken, and mounted; a header of another type is not."""
    for name in ALL:
        session.subject = name
        native = np.dtype(getattr(ml_dtypes, name))
        array = every_value(native)
        file, copy = session.directory / f"{name}.bin", session.directory / f"{name}.npy"
        file.write_bytes(array.tobytes())
        copy.write_bytes(saved(array))
        with session.mount(file, ["--dtype", name, "--shape", f"{len(array)},16"]) as mount:
            served = mount.path("npy/data.npy")
            if name != "float8_e5m2":
                same_bytes("the .npy file", saved(array), content(served))
            write(served, saved(array[::-1]))
            same_bytes("the file", array[::-1].tobytes(), file.read_bytes())
            write(served, saved(array.view(f"V{native.itemsize}")))
            same_bytes("the file", array.tobytes(), file.read_bytes())
            for other in ("u1", "f2", "V3"):
                with refused(f"{other} as {name}", errno.EINVAL):
                    write(served, saved(np.zeros(array.shape, other)))
            same_bytes("the file", array.tobytes(), file.read_bytes())
        with session.mount(copy, ["--dtype", name, "--mode", "r"]) as mount:
            check_meta(mount, "", name, "little" if native.itemsize > 1 else "none")
            check_text(mount.path("csv/data.csv"), array, "unpadded")
            same_bytes("the .npy file", copy.read_bytes(), content(mount.path("npy/data.npy")))
        new = session.directory / f"new {name}.npy"
        with session.mount(new, ["--dtype", name, "--shape", "3,5", "--mode", "w+"]):
            pass
        same("a new .npy file", np.dtype(f"V{native.itemsize}"), np.load(new).dtype)


def write(path: str, data: bytes) -> None:
    with open(path, "r+b", buffering=0) as file:
        file.write(data)


def records(session: Session) -> None:
    """The types as fields, in every form in which they can be given."""
    dtype = np.dtype([("x", ml_dtypes.bfloat16), ("m", ml_dtypes.float8_e5m2, (2, 2)), ("id", "i8")])
    array = np.ndarray(40, dtype, session.rng.bytes(40 * dtype.itemsize))
    file = session.directory / "records.bin"
    file.write_bytes(array.tobytes())
    for form in (
        "x:bfloat16,m:(2,2)float8_e5m2,id:i8",
        "[('x','bfloat16'),('m','float8_e5m2',(2,2)),('id','i8')]",
        "{'names':['x','m','id'],'formats':['<bfloat16',('float8_e5m2',(2,2)),'<i8']}",
    ):
        session.subject = form
        with session.mount(file, ["--dtype", form, "--mode", "r+", "--xattr"]) as mount:
            meta = json.loads(content(mount.path("meta.json")))
            same("the dtype", [["x", "<V2"], ["m", "<V1", [2, 2]], ["id", "<i8"]], meta["dtype"])
            same("the names", ["bfloat16", "float8_e5m2", "int64"], [field["dtype_name"] for field in meta["fields"]])
            check_meta(mount, "fields/x/", "bfloat16", "little")
            check_meta(mount, "fields/m/", "float8_e5m2", "none")
            shown = os.getxattr(mount.path("data"), "user.dtype").decode()
            same("user.dtype", dtype, np.dtype(ast.literal_eval(shown)))
            same_bytes("a field", array["x"].tobytes(), content(mount.path("fields/x/data")))
            check_text(mount.path("fields/x/csv/data.csv"), array["x"].reshape(-1, 1), "unpadded")
            heading, *lines = content(mount.path("csv/data.csv")).decode().splitlines()
            same("the heading", "x,m[0][0],m[0][1],m[1][0],m[1][1],id,_", heading)
            for record, line in zip(array, lines, strict=True):
                x, *m, number, _ = line.split(",")
                numbers = np.array([record["x"].astype("f4"), *record["m"].astype("f4").ravel()])
                same_bytes("the floats of a line", bits_of(numbers), bits_of(np.array([x, *m], "f4")))
                same("the last number of a line", int(record["id"]), int(number))
            write(mount.path("npy/data.npy"), saved(array[::-1]))
            same_bytes("the file", array[::-1].tobytes(), file.read_bytes())
            write(mount.path("npy/data.npy"), saved(array))
    plus = session.directory / "plus.bin"
    plus.write_bytes(bytes(6))
    with session.mount(plus, ["-o", "dtype=x:bfloat16+y:float8_e4m3fn,mode=r"]) as mount:
        same("the shape", [2], json.loads(content(mount.path("meta.json")))["shape"])


CASES: dict[str, Case] = {name: values(name) for name in ALL}
CASES |= {"swapped bfloat16": values("bfloat16", ">"), "npy files": npy_files, "records": records}

if __name__ == "__main__":
    main(__doc__, CASES)
