"""The images in `tiff/`, as tifffile, Pillow and the tools of libtiff read them, and as tifffile edits them."""

import errno
import os
import subprocess
import time
import warnings
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageSequence

from cases import Case, Session, main
from checks import expect, refused, same, same_bytes
from members import random_values
from mounting import DEADLINE, Mount
from tiff_cases import SHAPES, TYPES, arrays, images, pages, same_image, samples, shown, stored_archive

MOST_MEMORY = 16 << 10
"""KiB of its own that a daemon may have that shows a million pages."""

# What Pillow has modes for. It takes i1 for u1, keeps 8 bits of colours of 16, and has u4 in one byte order.
PILLOW = "|u1 <i2 >i2 <u2 >u2 <i4 >i4 <u4 <f4 >f4".split()


def check_tifffile(subject: str, path: str, array: np.ndarray) -> None:
    with tifffile.TiffFile(path) as file:
        same(f"the series of {subject}", 1, len(file.series))
        same_image(f"{subject} by tifffile", array, file.asarray())
        same(f"the pages of {subject}", len(pages(array)), len(file.pages))
        for got, expected in zip(file.pages, pages(array), strict=True):
            same_image(f"a page of {subject} by tifffile", expected, got.asarray())
        offset = file.pages[0].dataoffsets[0]
    same(f"the position of the data of {subject}", 0, offset % 16)


def check_pillow(subject: str, path: str, array: np.ndarray) -> None:
    kind = shown(array).dtype.str
    if kind not in PILLOW or samples(array) > 1 and kind != "|u1":
        return
    with Image.open(path) as image:
        got = np.stack([np.array(page.copy()) for page in ImageSequence.Iterator(image)])
    same_bytes(f"{subject} by Pillow", pages(array).astype(got.dtype).tobytes(), got.tobytes())
    same(f"the shape of {subject} by Pillow", pages(array).shape, got.shape)


def libtiff(*command: str) -> str:
    """What a tool of libtiff prints, which has to have nothing to say on its standard error."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    same(f"what {command[0]} complains of", (0, ""), (done.returncode, done.stderr))
    return done.stdout


def check_libtiff(session: Session, paths: dict[str, np.ndarray]) -> None:
    """All images at once: the tools describe and copy several files in one run."""
    described = libtiff("tiffinfo", *paths)
    every_page = [page for array in paths.values() for page in pages(array)]
    same("the directories by tiffinfo", len(every_page), described.count("=== TIFF directory"))
    copy = session.directory / "copy.tif"
    libtiff("tiffcp", "-c", "none", *paths, str(copy))
    with tifffile.TiffFile(copy) as file:
        same("the pages of the copy by tiffcp", len(every_page), len(file.pages))
        for number, expected in enumerate(every_page):
            same_image(f"page {number} of the copy", expected, file.pages[number].asarray())


def every_type_and_shape(session: Session) -> None:
    """Members of an archive, in both orders: whole, transposed and in slices."""
    for dtype in TYPES:
        made = arrays(session, dtype)
        file = stored_archive(session, made)
        session.subject = str(file)
        with session.mount(file, ["--mode", "r"]) as mount:
            paths = {}
            for name, array in made.items():
                for path, part in images(f"{name}/", array):
                    check_tifffile(path, mount.path(path), part)
                    check_pillow(path, mount.path(path), part)
                    paths[mount.path(path)] = part
            check_libtiff(session, paths)


def edits(session: Session) -> None:
    """What `tifffile.memmap` stores is in the backing file, at any offset, and elsewhere nothing changes."""
    for number, dtype in enumerate(TYPES):
        if dtype.kind == "c" and dtype.itemsize == 16:  # Which tifffile does not map.
            continue
        for order, offset in [("C", 0), ("F", 3), ("C", 5 * dtype.itemsize)]:
            number += 5
            shape = SHAPES[number % len(SHAPES)]
            twin = bytearray(session.rng.bytes(offset + dtype.itemsize * int(np.prod(shape)) + 7))
            array = np.ndarray(shape, dtype, twin, offset, order=order)
            array[...] = random_values(session.rng, array)
            file = session.directory / "array.bin"
            file.write_bytes(twin)
            options = [f"--dtype={dtype.str}", f"--shape={shape}", f"--order={order}", f"--offset={offset}"]
            session.subject = f"{options}"
            with session.mount(file, [*options, "--mode", "r+"]) as mount:
                for path, part in images("", array):
                    edit(session, mount.path(path), part)
                    same_bytes(f"the backing file after {path}", bytes(twin), file.read_bytes())
                    check_tifffile(path, mount.path(path), part)


def edit(session: Session, path: str, part: np.ndarray) -> None:
    """Gives the image and the part of the twin other values."""
    fresh = shown(random_values(session.rng, np.zeros(part.shape, part.dtype)))
    mapped = tifffile.memmap(path, mode="r+")
    same(f"the shape of {path}", part.shape, mapped.shape)
    mapped[...] = fresh
    mapped.flush()
    shown(part)[...] = fresh


def raw_array(session: Session, dtype: str, shape: tuple[int, ...], name: str = "array.bin") -> tuple[Path, np.ndarray]:
    file = session.directory / name
    array = random_values(session.rng, np.zeros(shape, dtype))
    file.write_bytes(array.tobytes())
    return file, array


def options_of(array: np.ndarray) -> list[str]:
    return [f"--dtype={array.dtype.str}", f"--shape={array.shape}"]


def only_elements(session: Session) -> None:
    """What surrounds the elements cannot be changed; a copy of another image of that shape can be written over it."""
    file, array = raw_array(session, "<u2", (5, 6, 7))
    other, others = raw_array(session, "<u2", (5, 6, 7), "other.bin")
    with session.mount(other, [*options_of(array), "--mode", "r"]) as mount:
        copied = Path(mount.path("tiff/data.tif")).read_bytes()
    with session.mount(file, [*options_of(array), "--mode", "r+"]) as mount:
        path = mount.path("tiff/data.tif")
        before = Path(path).read_bytes()
        at = before.index(array.tobytes())
        with open(path, "r+b", buffering=0) as opened:
            for start, end in [(0, at), (at + array.nbytes, len(before))]:
                for position in range(start, end):
                    with refused(f"a write of byte {position}", errno.EINVAL):
                        os.pwrite(opened.fileno(), bytes([before[position] ^ 1]), position)
                same("equal bytes", end - start, os.pwrite(opened.fileno(), before[start:end], start))
        same_bytes("the image after refused writes", before, Path(path).read_bytes())
        Path(path).write_bytes(copied)
        same_bytes("the file after a copy", others.tobytes(), file.read_bytes())
        subprocess.run(["cp", "--sparse=always", "/dev/stdin", path], input=before, check=True, timeout=DEADLINE)
        same_bytes("the file after a sparse copy", array.tobytes(), file.read_bytes())


def views_agree(session: Session) -> None:
    """A write through a row, and through `tiff/`, is at once in what is mapped of the others."""
    file, array = raw_array(session, ">f4", (4, 64, 64))
    with session.mount(file, [*options_of(array), "--mode", "r+"]) as mount:
        stack = tifffile.memmap(mount.path("tiff/data.tif"), mode="r+")
        native = tifffile.memmap(mount.path("native/tiff/rows/2.tif"), mode="r+")
        same("the byte orders", (">", "="), (stack.dtype.byteorder, native.dtype.byteorder))
        same_image("native", array[2], native)
        native[5] = 7
        native.flush()
        same("a row of the stack", [7.0], np.unique(stack[2, 5]).tolist())
        stack[2, 6] = 8
        stack.flush()
        same("a row of the native image", [8.0], np.unique(native[6]).tolist())
        Path(mount.path("rows/2")).write_bytes(array[3].tobytes())
        same_image("native after a write of the row", array[3], native)
        del stack, native


def where_there_are_none(session: Session) -> None:
    """No images of fewer than two axes, of nothing, and of types that TIFF lacks; float32 of those that NumPy lacks."""
    cases = [("u1", (7,)), ("u1", ()), ("u1", (0, 3)), ("f4", (3, 0, 2)), ("M8[s]", (3, 4)), ("S3", (3, 4))]
    cases += [("g", (3, 4)), ("U2", (3, 4)), ("V3", (3, 4)), ("i2,f4", (3, 4))]
    for code, shape in cases:
        file, array = raw_array(session, "u1", (max(1, int(np.prod(shape))) * np.dtype(code).itemsize,))
        with session.mount(file, [f"--dtype={code}", f"--shape={shape}"]) as mount:
            listed = os.listdir(mount.point)
            expect("tiff" not in listed, f"tiff/ of {code} {shape}")
            expect(not os.path.exists(mount.path("tiff")), f"a hidden tiff/ of {code} {shape}")
            if code == "i2,f4":
                field = array.view(code).reshape(shape)["f1"]
                check_tifffile("a field", mount.path("fields/f1/tiff/data.tif"), field)
    file, array = raw_array(session, "u2", (4, 6))
    with session.mount(file, ["--dtype=bfloat16", "--shape=4,6"]) as mount:
        expect(not os.path.exists(mount.path("tiff")), "tiff/ of bfloat16")
        singles = (array.astype("u4") << 16).view("f4")
        check_tifffile("float32", mount.path("float32/tiff/data.tif"), singles)
        check_tifffile("float32/T", mount.path("float32/T/tiff/data.tif"), singles.T)
    file, array = raw_array(session, "u2", (2, 3, 4))
    with session.mount(file, options_of(array)) as mount:
        same("the folders", ["axes", "cols", "data.tif", "rows", "slices"], sorted(os.listdir(mount.path("tiff"))))
        for absent in ["slices/0,0.tif", "slices/0,0,0.tif", "slices/:0.tif", "rows/0", "rows/2.tif", "data.tiff"]:
            with refused(absent, errno.ENOENT):
                os.stat(mount.path(f"tiff/{absent}"))
        same("the folders of a matrix", False, os.path.exists(mount.path("tiff/slices/0.tif/rows")))
    file, array = raw_array(session, "u2", (3, 4))
    with session.mount(file, options_of(array)) as mount:
        same("the folders of a matrix", ["data.tif", "slices"], sorted(os.listdir(mount.path("tiff"))))


def anonymous_memory(mount: Mount) -> int:
    status = Path(f"/proc/{mount.daemon}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])


def page_at(image: tifffile.TiffFile, offset: int) -> tifffile.TiffPage:
    """The page whose directory is at this position."""
    image.filehandle.seek(offset)
    return tifffile.TiffPage(image, index=0)


def a_million_pages(session: Session) -> None:
    """The first and the last page of a sparse file, classic and of more than 4 GiB, soon and in little memory."""
    for height, is_big, length in [(1, False, 128), (160, True, 216)]:
        count, file = 1_000_000, session.directory / f"sparse{height}.bin"
        shape = (count, height, 32)
        page = height * 32
        with open(file, "wb") as sparse:
            sparse.truncate(count * page)
            for number, value in [(0, 3), (count - 1, 5)]:
                os.pwrite(sparse.fileno(), bytes([value]) * page, number * page)
        with session.mount(file, ["--dtype=u1", f"--shape={shape}", "--mode", "r+"]) as mount:
            check_ends(mount.path("tiff/data.tif"), shape, is_big, length)
            memory = anonymous_memory(mount)
            expect(memory < MOST_MEMORY, f"the daemon has {memory} KiB of memory of its own")
        with open(file, "rb") as backing:
            same("the last bytes of the backing file", bytes([5, 9]), os.pread(backing.fileno(), 2, count * page - 2))


def check_ends(path: str, shape: tuple[int, ...], is_big: bool, length: int) -> None:
    """Reads the first page, the last, and all directories; sets the last byte to 9."""
    count, start = shape[0], time.monotonic()
    with tifffile.TiffFile(path) as image:
        same("BigTIFF", is_big, image.is_bigtiff)
        same("the values of the first page", [3], np.unique(image.pages.first.asarray()).tolist())
        second, size = image.pages[1].offset, os.stat(path).st_size
        same("the size", second + (count - 1) * length, size)
        last = page_at(image, size - length)
        same("the values of the last page", [5], np.unique(last.asarray()).tolist())
        same(
            "the position of the last page",
            image.pages.first.dataoffsets[0],
            last.dataoffsets[0] - (count - 1) * last.nbytes,
        )
    mapped = tifffile.memmap(path, mode="r+")
    same("the shape", shape, mapped.shape)
    mapped[-1, -1, -1] = 9
    mapped.flush()
    elapsed = time.monotonic() - start
    expect(elapsed < DEADLINE, f"it took {elapsed:.1f} s")
    with tifffile.TiffFile(path) as image:
        same("the number of pages", count, len(image.pages))


def just_beyond(session: Session) -> None:
    """The file that ends at 4 GiB - 1 is classic, and of one row more a BigTIFF, which every reader takes."""
    file = session.directory / "sparse.bin"
    width = 4093
    header = 16 * 17
    most = (2**32 - 1 - header) // width
    for height, is_big in [(most, False), (most + 1, True)]:
        with open(file, "wb") as sparse:
            sparse.truncate(height * width)
            os.pwrite(sparse.fileno(), b"\7", height * width - 1)
        with session.mount(file, ["--dtype=u1", f"--shape={height},{width}", "--mode", "r"]) as mount:
            path = mount.path("tiff/data.tif")
            with tifffile.TiffFile(path) as image:
                same(f"BigTIFF of {height} rows", is_big, image.is_bigtiff)
            expect(is_big == (os.stat(path).st_size > 2**32 - 1), f"{os.stat(path).st_size} bytes")
            mapped = tifffile.memmap(path, mode="r")
            same("the last values", [0, 7], mapped[-1, -2:].tolist())
            del mapped
            with Image.open(path) as image:
                same("the size by Pillow", (width, height), image.size)
            expect(f"Image Length: {height}" in libtiff("tiffinfo", path), "tiffinfo has another length")


CASES: dict[str, Case] = {
    "every type and shape": every_type_and_shape,
    "edits": edits,
    "only elements": only_elements,
    "views agree": views_agree,
    "where there are none": where_there_are_none,
    "a million pages": a_million_pages,
    "just beyond 4 GiB": just_beyond,
}

if __name__ == "__main__":
    warnings.simplefilter("error")
    # Files that are this large are no decompression bombs.
    Image.MAX_IMAGE_PIXELS = None
    main(__doc__, CASES)
