"""The tree that arrayfs has to show for a NumPy array: the oracle of names and bytes. It knows no mount."""

import contextlib
import functools
import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

MAX_NAME = 255
MAX_NDIM = 64
MAX_COLUMNS = 4096
MAX_ITEM = 2**31 - 1


def opaque(array: np.ndarray) -> np.ndarray:
    """The same memory as bytes that NumPy copies whole: of a structure it copies no more than the fields."""
    return array.view(np.dtype((np.void, array.dtype.itemsize)))


def stored(array: np.ndarray) -> bytes:
    """`array.tobytes()`, with what lies between the fields of a structure as it is in the memory."""
    return opaque(array).tobytes()


def npy_header(dtype: np.dtype, shape: tuple[int, ...]) -> bytes | None:
    """What `numpy.save` writes before the bytes of an array in C order; nothing where it cannot save the type."""
    file = io.BytesIO()
    array = np.ndarray(shape, dtype, bytes(math.prod(shape) * dtype.itemsize))  # `zeros` changes the order of M8.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # It warns of formats that older versions cannot read.
        try:
            np.save(file, array)
        except ValueError:
            return None
    return file.getvalue()[: file.tell() - array.nbytes]


def has_text(dtype: np.dtype) -> bool:
    """Whether `csv/` can show values of the type: all but floats that no other program knows."""
    if dtype.subdtype:
        return has_text(dtype.subdtype[0])
    if dtype.names is not None:
        return all(has_text(dtype[name]) for name in dtype.names)
    return dtype.kind not in "fc" or dtype.itemsize <= {"f": 8, "c": 16}[dtype.kind]


def has_images(array: np.ndarray, dtype: np.dtype) -> bool:
    """Whether there is `tiff/` of the array shown as `dtype`; what is in it is left to `tests/forms`."""
    is_number = dtype.kind in "biufc" and dtype.type.__module__ == "numpy"
    return is_number and dtype.itemsize <= {"c": 16}.get(dtype.kind, 8) and array.ndim >= 2 and array.size > 0


def has_store(dtype: np.dtype) -> bool:
    """Whether there is `zarr/` of items of the type; what is in it is left to `tests/forms`."""
    return in_zarr_3(dtype) or in_zarr_2(dtype)


def is_in_order(dtype: np.dtype) -> bool:
    """Whether the fields have names, and none begins before the one before it ends."""
    fields = [dtype.fields[name] for name in dtype.names]
    ends = [0, *(offset + field.itemsize for field, offset, *_ in fields)]
    return all(dtype.names) and all(end <= offset for end, (_, offset, *_) in zip(ends, fields, strict=False))


def in_zarr_3(dtype: np.dtype) -> bool:
    """Whether version 3 has the type: no sub-arrays, and fields in one byte order."""
    if dtype.names is None:
        return not dtype.subdtype and dtype.type.__module__ == "numpy" and has_text(dtype)
    fields = [dtype[name] for name in dtype.names]
    return is_in_order(dtype) and all(not field.str.startswith(">") and in_zarr_3(field) for field in fields)


def in_zarr_2(dtype: np.dtype) -> bool:
    """Whether version 2 has the type, as it is read: no records of records."""
    if dtype.names is None:
        return dtype.type.__module__ == "numpy" and has_text(dtype)
    fields = [leaf_dtype(dtype[name]) for name in dtype.names]
    return is_in_order(dtype) and all(field.names is None and in_zarr_2(field) for field in fields)


def has_arrow_type(dtype: np.dtype) -> bool:
    """Whether Arrow, whose files are little-endian here, has a type for each item of this type."""
    if dtype.subdtype:
        return math.prod(dtype.shape) > 0 and has_arrow_type(dtype.base)
    if dtype.names is not None:
        return bool(dtype.names) and all(has_arrow_type(dtype[name]) for name in dtype.names)
    if dtype.kind in "mM":
        unit, count = np.datetime_data(dtype)
        return dtype.isnative and count == 1 and unit in ("s", "ms", "us", "ns")
    is_known = dtype.kind in "biufcSV" and dtype.type.__module__ == "numpy"
    return is_known and dtype.isnative and dtype.itemsize <= {"f": 8, "c": 16}.get(dtype.kind, MAX_ITEM)


def has_parquet_type(dtype: np.dtype) -> bool:
    """Whether Parquet, which is little-endian, has a type for each item of this type."""
    if dtype.subdtype:
        return math.prod(dtype.shape) > 0 and has_parquet_type(dtype.base)
    if dtype.names is not None:
        return bool(dtype.names) and all(has_parquet_type(dtype[name]) for name in dtype.names)
    has_time = dtype.kind == "M" and np.datetime_data(dtype)[0] != "s"
    return (has_time or dtype.kind not in "mM") and has_arrow_type(dtype)


def is_table(array: np.ndarray) -> bool:
    """Whether the array has rows and columns, as `arrow/` and `parquet/` show them."""
    return array.ndim == 1 or array.ndim == 2 and 0 < array.shape[1] <= MAX_COLUMNS


def is_image(array: np.ndarray, dtype: np.dtype) -> bool:
    """Whether the array is an OME-Zarr image: 2 to 5 axes of numbers that Zarr has."""
    return 2 <= array.ndim <= 5 and array.size > 0 and dtype.kind in "biufc" and in_zarr_3(dtype)


def other_forms(array: np.ndarray, dtype: np.dtype) -> list[str]:
    """The directories of an array shown as `dtype` whose files are left to `tests/forms`."""
    forms = {
        "tiff": has_images(array, dtype),
        "arrow": is_table(array) and has_arrow_type(dtype),
        "parquet": is_table(array) and has_parquet_type(dtype),
        "zarr": has_store(dtype),
        "ome.zarr": is_image(array, dtype),
    }
    return [folder for folder, exists in forms.items() if exists]


def leaf_dtype(dtype: np.dtype) -> np.dtype:
    return dtype.subdtype[0] if dtype.subdtype else dtype


def overlaps(dtype: np.dtype) -> bool:
    """Whether some byte of an item belongs to two fields."""
    fields = sorted((offset, field.itemsize, field) for field, offset, *_ in (dtype.fields or {}).values())
    fields = [field for field in fields if field[1]]
    spans = zip(fields, fields[1:], strict=False)
    return any(a[0] + a[1] > b[0] for a, b in spans) or any(overlaps(leaf_dtype(field)) for _, _, field in fields)


def native_bytes(dtype: np.dtype) -> np.ndarray:
    """Which byte of an item each of its bytes is once all its words are in the byte order of this machine."""
    order = np.arange(dtype.itemsize)
    if dtype.subdtype:
        base = native_bytes(dtype.base)
        return (order.reshape(-1, len(base))[:, :1] + base).reshape(-1) if len(order) else order
    if dtype.names is not None:
        for field, offset, *_ in dtype.fields.values():
            order[offset : offset + field.itemsize] = offset + native_bytes(field)
        return order
    if dtype.isnative:
        return order
    word = {"c": dtype.itemsize // 2, "U": 4}.get(dtype.kind, dtype.itemsize)
    return order.reshape(-1, word)[:, ::-1].reshape(-1)


@dataclass(frozen=True, eq=False)
class Variant:
    """How a directory such as `native` shows the items of an array: their type, and which byte each byte is.

    Without an order of the bytes they are values of the array in the other type, which cannot be written.
    """

    folder: str
    dtype: np.dtype
    order: np.ndarray | None = None

    def tobytes(self, array: np.ndarray) -> bytes:
        if self.order is None:
            return array.astype(self.dtype).tobytes()
        items = np.frombuffer(stored(array), "u1").reshape(-1, array.dtype.itemsize)
        return items[:, self.order].tobytes()

    def write(self, array: np.ndarray, content: bytes) -> None:
        """Makes these the bytes of the array: the window on each item's bytes, in their other order, is assigned to."""
        items = np.frombuffer(content, "u1").reshape(-1, array.dtype.itemsize)
        put = np.empty_like(items)
        put[:, self.order] = items
        target = opaque(array)
        target[...] = put.reshape(-1).view(target.dtype).reshape(array.shape)


def variants(dtype: np.dtype) -> list[Variant]:
    """The ways in which a directory of an array shows it, beside its own."""
    found = []
    order = native_bytes(dtype)
    if not overlaps(dtype) and (order != np.arange(len(order))).any():
        found.append(Variant("native", dtype.newbyteorder("="), order))
    if dtype.type.__module__ == "ml_dtypes":
        found.append(Variant("float32", np.dtype("f4")))
    return found


@dataclass(frozen=True)
class View:
    """A file of the tree; `array` is a window on the array that is mounted, and its bytes follow the `header`.

    Two views of an array directory are the same file, under one inode number, if their `node` is the same.
    """

    path: str
    array: np.ndarray
    node: str
    header: bytes = b""
    variant: Variant | None = None

    @property
    def dtype(self) -> np.dtype:
        return self.variant.dtype if self.variant else self.array.dtype

    @property
    def nbytes(self) -> int:
        return len(self.header) + self.array.size * self.dtype.itemsize

    def tobytes(self) -> bytes:
        return self.header + (self.variant.tobytes(self.array) if self.variant else stored(self.array))

    def values(self) -> np.ndarray:
        """The array that a program finds in the file: the window itself, or a copy in the variant's type."""
        return shown(self.array, self.variant)

    def write(self, offset: int, data: bytes) -> None:
        """What `pwrite` of `data` at `offset` behind the header does, done by one assignment in NumPy."""
        content = bytearray(self.tobytes()[len(self.header) :])
        content[offset : offset + len(data)] = data
        if self.variant:
            self.variant.write(self.array, bytes(content))
            return
        target = opaque(self.array)
        target[...] = np.frombuffer(content, target.dtype).reshape(self.array.shape)


def shown(array: np.ndarray, variant: Variant | None) -> np.ndarray:
    """The array as a variant shows it."""
    if not variant:
        return array
    return np.ndarray(array.shape, variant.dtype, bytearray(variant.tobytes(array)))


@dataclass(frozen=True)
class Table:
    """A file of the tree that holds the text of an array; how that looks is judged by what reads it."""

    path: str
    array: np.ndarray
    node: str


def index_name(index: int, length: int, pad: bool) -> str:
    """The name that is listed for an index of an axis of this length."""
    return str(index).zfill(len(str(length - 1))) if pad else str(index)


def index_spellings(index: int, length: int) -> list[str]:
    """Every name that leads to the index: plain, padded, and counted from the end."""
    return [str(index), index_name(index, length, pad=True), str(index - length)]


def no_index_names(length: int) -> list[str]:
    """Names that look like an index of an axis of this length, and are none."""
    width = len(str(max(length - 1, 0)))
    badly_padded = ["0" * digits for digits in range(2, width + 2) if digits != width]
    return [str(length), str(-length - 1), *badly_padded, "+0", " 0", "0 ", "-01", "0x0", "0.0", "1_0", "x", ".0.swp"]


def field_name(position: int, name: str) -> str:
    """The name of the directory of a field, the `position`-th of its type."""
    spelled = name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    if spelled in (".", ".."):
        spelled = spelled.replace(".", "%2E")
    if len(spelled.encode()) > MAX_NAME:
        return f"%n{position}"
    return spelled or "%"


def take(array: np.ndarray, index: int, axis: int) -> np.ndarray:
    """`array.take(index, axis)` without the copy; the `...` keeps an item an array, with the bytes of the file."""
    return array[(slice(None),) * axis + (index, ...)]


@dataclass(frozen=True)
class Place:
    """A directory that shows an array in one encoding: the mount's root, its transpose, a field, or `npy` in any.

    The `array` is a window on the one that is mounted, whose items the directory can show in a `variant`.

    The `prefix` is that of the array directory, such as `fields/x/T/`; the `encoding` is a folder in it, or nothing.
    """

    prefix: str
    array: np.ndarray
    encoding: str = ""
    nested: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    preamble: bytes = b""
    """What the mounted file itself has before the array; of its whole array in its own encoding only."""
    order: str = "C"
    """That of the mounted file, where there is a preamble."""
    variant: Variant | None = None

    @property
    def dtype(self) -> np.dtype:
        """That of the items as they are shown."""
        return self.variant.dtype if self.variant else self.array.dtype

    @property
    def path(self) -> str:
        return f"{self.prefix}{self.encoding}/" if self.encoding else self.prefix

    @property
    def suffix(self) -> str:
        return f".{self.encoding}" if self.encoding else ""

    def shows(self, ndim: int) -> bool:
        """Whether files can hold so many dimensions."""
        return self.encoding != "csv" or ndim <= 2

    def folders(self) -> dict[str, int]:
        """The axis that each folder of slices goes along."""
        ndim = self.array.ndim
        if ndim == 0 or not self.shows(ndim - 1):
            return {}
        folders = {f"axes/{axis}": axis for axis in range(ndim)} | {"rows": 0}
        if ndim >= 2:
            folders["cols"] = 1
        return {self.path + folder: axis for folder, axis in folders.items()}

    def listings(self, pad: bool) -> dict[str, set[str]]:
        """What each directory has to list, by its path; what is a place of its own is not included."""
        top = {"slices", *self.nested}
        if self.shows(self.array.ndim):
            top.add(f"data{self.suffix}")
        if not self.encoding:
            top.add("meta.json")
            top |= set() if self.prefix else {"README.txt", "index.html"}
        if self.encoding == "csv" and self.array.ndim > 2:
            top.add("README.txt")
        listings = {self.path: top, f"{self.path}slices": set()}
        if self.fields:
            top.add("fields")
            listings[f"{self.path}fields"] = set(self.fields)
        for folder, axis in self.folders().items():
            name, _, number = folder.removeprefix(self.path).partition("/")
            top.add(name)
            if number:
                listings.setdefault(f"{self.path}axes", set()).add(number)
            length = self.array.shape[axis]
            listings[folder] = {index_name(index, length, pad) + self.suffix for index in range(length)}
        return listings

    def files(self, pad: bool = False) -> Iterator[tuple[str, np.ndarray, str]]:
        """Every file of elements under the name that is listed, its array, and its node."""
        if self.shows(self.array.ndim):
            data = f"{self.path}data{self.suffix}"
            yield data, self.array, data
        for folder, axis in self.folders().items():
            length = self.array.shape[axis]
            for index in range(length):
                name = index_name(index, length, pad) + self.suffix
                yield f"{folder}/{name}", take(self.array, index, axis), f"{self.path}axes/{axis}/{index}"

    def views(self, pad: bool = False) -> Iterator[View]:
        """The files that hold bytes of the array."""
        if self.encoding == "csv":
            return
        header = functools.lru_cache(self.header)
        for path, array, node in self.files(pad):
            if self.preamble and array is self.array:
                yield View(path, array.T if self.order == "F" else array, node, self.preamble)
            else:
                yield View(path, array, node, header(array.shape), self.variant)

    def header(self, shape: tuple[int, ...]) -> bytes:
        """What comes before the bytes of a view of this shape."""
        return (npy_header(self.dtype, shape) or b"") if self.encoding == "npy" else b""

    def tables(self, pad: bool = False) -> Iterator[Table]:
        if self.encoding == "csv":
            for path, array, node in self.files(pad):
                yield Table(path, shown(array, self.variant), node)


def places(array: np.ndarray, preamble: bytes = b"", order: str = "C", prefix: str = "") -> list[Place]:
    """Every place of the tree of an array, the mount's root first."""
    encodings = []
    if npy_header(array.dtype, ()) is not None:
        encodings.append("npy")
    if has_text(array.dtype):
        encodings.append("csv")
    others = variants(array.dtype)

    def encoded(place: Place) -> list[Place]:
        return [place, *(replace(place, encoding=encoding, nested=(), fields=()) for encoding in encodings)]

    def with_transpose(place: Place) -> list[Place]:
        transposed = ("T",) if array.ndim >= 2 else ()
        forms = [*encodings, *other_forms(array, place.dtype)]
        found = encoded(replace(place, nested=(*forms, *transposed, *place.nested)))
        if preamble and not place.variant:
            found = [
                replace(each, preamble=preamble, order=order) if each.encoding == "npy" else each for each in found
            ]
        if transposed:
            transposed_forms = (*encodings, *other_forms(array.T, place.dtype))
            found += encoded(Place(f"{place.prefix}T/", array.T, nested=transposed_forms, variant=place.variant))
        return found

    fields = {}
    for position, name in enumerate(array.dtype.names or ()):
        # A sub-array may have more axes than are left.
        with contextlib.suppress(ValueError):
            fields[field_name(position, name)] = array[name]
    folders = tuple(variant.folder for variant in others)
    all_places = with_transpose(Place(prefix, array, nested=folders, fields=tuple(fields)))
    for variant in others:
        all_places += with_transpose(Place(f"{prefix}{variant.folder}/", array, variant=variant))
    for name, of_field in fields.items():
        all_places += places(of_field, prefix=f"{prefix}fields/{name}/")
    return all_places


def all_views(array: np.ndarray, preamble: bytes = b"", order: str = "C", pad: bool = False) -> list[View]:
    """Every file that holds bytes of the array."""
    return [view for place in places(array, preamble, order) for view in place.views(pad)]
