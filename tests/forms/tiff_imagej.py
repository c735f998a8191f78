"""The images in `tiff/`, as ImageJ opens them: stacks with up to three axes of pages."""

import io
import subprocess
from pathlib import Path

import numpy as np

from cases import Case, Session, main
from checks import same, same_bytes
from tiff_cases import TYPES, arrays, images, pages, samples, shown, stored_archive

JAR = "/usr/share/java/ij.jar"
SOURCE = Path(__file__).with_name("ImageJStacks.java")

# What ImageJ 1.53t reads. It takes i1 for u1 and u4 for i4; colours of 16 bits are three images, and not four.
GREY = "u1 i1 u2 i2 u4 i4 f4".split()


def is_read(array: np.ndarray) -> bool:
    kind = shown(array).dtype.str[1:]
    return kind in GREY if samples(array) == 1 else kind == "u1"


def every_type_and_shape(session: Session) -> None:
    """Members of an archive, in both orders: whole, transposed and in slices."""
    compiled = ["javac", "-cp", JAR, "-d", str(session.directory), str(SOURCE)]
    subprocess.run(compiled, check=True, timeout=60)
    for dtype in TYPES:
        if not is_read(np.zeros((2, 2), dtype)):
            continue
        made = arrays(session, dtype)
        file = stored_archive(session, made)
        session.subject = str(file)
        with session.mount(file, ["--mode", "r"]) as mount:
            parts = [part for name, array in made.items() for part in images(f"{name}/", array)]
            parts = [(path, part) for path, part in parts if is_read(part)]
            paths = [mount.path(path) for path, _ in parts]
            java = ["java", "-Djava.awt.headless=true", "-cp", f"{JAR}:{session.directory}", "ImageJStacks", *paths]
            done = subprocess.run(java, capture_output=True, timeout=100, check=False)
            same("what ImageJ complains of", (0, ""), (done.returncode, done.stderr.decode()))
            output = io.BytesIO(done.stdout)
            for path, part in parts:
                check(path, part, output)


def check(path: str, part: np.ndarray, output: io.BytesIO) -> None:
    """Compares the next stack of the output with the array that it shows."""
    colours = samples(part)
    axes = part.shape[: -3 if colours > 1 else -2]
    # Axes are named where none has length 1; otherwise the pages are slices.
    named = len(axes) in (2, 3) and 1 not in axes
    frames, slices, channels = (*axes, 1)[:3] if named else (1, len(pages(part)), 1)
    height, width = pages(part).shape[1:3]
    bits = 24 if colours > 1 else 8 * part.dtype.itemsize
    expected = [width, height, channels, slices, frames, bits]
    *got, is_hyperstack = output.readline().decode().split()
    same(f"the size of {path}", expected, list(map(int, got)))
    same(f"whether {path} is a hyperstack", str(named).lower(), is_hyperstack)
    count = 4 * len(pages(part)) * height * width
    if colours > 1:
        pixels = np.frombuffer(output.read(count), "u1").reshape(-1, height, width, 4)
        same_bytes(f"the colours of {path}", pages(part)[..., :3].tobytes(), pixels[..., 1:].tobytes())
    else:
        values = pages(part)
        taken_for = {"i1": "u1", "u4": "i4"}.get(values.dtype.str[1:])
        values = values.astype(taken_for) if taken_for else values
        same_bytes(f"the values of {path}", values.astype(">f4").tobytes(), output.read(count))


CASES: dict[str, Case] = {"every type and shape": every_type_and_shape}

if __name__ == "__main__":
    main(__doc__, CASES)
