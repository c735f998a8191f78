"""What the tests of the page share: pages of mounts, and the pixels and plots that NumPy expects in them."""

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from browser import Shown, browser, http_server
from cases import Session
from checks import expect, same


@contextlib.contextmanager
def shown(session: Session, file: Path, *options: str, **how: object) -> Iterator[Shown]:
    """The page of a mounted file."""
    session.subject = f"{file} {shlex.join(options)}"
    with session.mount(file, list(options)) as mount, http_server(mount.point) as address:
        with browser(address, **how) as page:
            page.open()
            yield page


@contextlib.contextmanager
def array_shown(session: Session, array: np.ndarray, order: str = "C", **how: object) -> Iterator[Shown]:
    """The page of an array in a raw file."""
    file = session.directory / "array.bin"
    file.write_bytes(array.tobytes(order))
    dtype = array.dtype.str if array.dtype.names is None else repr(array.dtype.descr)
    shape = f"({','.join(map(str, array.shape))}{',' if array.ndim == 1 else ''})"
    with shown(session, file, "--mode", "r", "--dtype", dtype, "--shape", shape, "--order", order, **how) as page:
        yield page


def limits(numbers: np.ndarray, low: float = 1, high: float = 99) -> tuple[float, float]:
    finite = numbers[np.isfinite(numbers)]
    bottom, top = np.percentile(finite, [low, high])
    return (bottom, top) if bottom < top else (finite.min(), finite.max())


def grey(numbers: np.ndarray) -> np.ndarray:
    """The pixels that a picture of these numbers has."""
    low, high = limits(numbers)
    scale = 255 / (high - low) if high > low else 0
    shades = np.clip((numbers - low) * scale, 0, 255) if scale else np.full(numbers.shape, 127.0)
    pixels = np.zeros((*numbers.shape, 4), np.uint8)
    seen = ~np.isnan(numbers)
    pixels[seen, :3] = np.floor(shades[seen] + 0.5)[:, None]
    pixels[seen, 3] = 255
    return pixels


def same_pixels(subject: str, expected: np.ndarray, got: np.ndarray) -> None:
    """Percentiles of NumPy can differ in the last bit, which can change a shade by one."""
    same(f"{subject}: size", expected.shape, got.shape)
    difference = np.abs(expected.astype(int) - got)
    expect(difference.max() <= 1, f"{subject}: pixels differ by {difference.max()}")
    expect(np.mean(difference > 0) < 0.01, f"{subject}: {np.mean(difference > 0):.1%} of the pixels differ")


def check_line(page: Shown, vector: np.ndarray, tolerance: float = 0) -> None:
    """The values that the line plot says, and where the line is highest and lowest."""
    values = [float(text.split(" = ")[1]) for text in page.readings(page.line, len(vector))]
    expect(np.allclose(values, vector.astype("f8"), tolerance, 0), f"the line: expected {vector}, got {values}")
    page.line.evaluate("canvas => { canvas.chart.chosen = canvas.chart.marked = null; canvas.chart.draw(); }")
    left, right, width, highest, lowest = page.line.evaluate(
        """canvas => {
            const { left, right } = canvas.chart;
            const { width, height } = canvas;
            const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
            // The line is the only thing that is blue and not grey.
            const rows = [];
            for (let y = 0; y < height; y++) {
                const at = [];
                for (let x = 0; x < width; x++) {
                    const k = 4 * (y * width + x);
                    if (data[k + 3] > 128 && data[k + 2] - data[k] > 80) at.push(x);
                }
                if (at.length) rows.push(at);
            }
            return [left, right, canvas.clientWidth, rows[0], rows.at(-1)];
        }"""
    )
    step = (right - left) / (len(vector) - 1)
    for found, extreme in ((highest, vector.max()), (lowest, vector.min())):
        places = left + np.flatnonzero(vector == extreme) * step
        nearest = min(abs(place - x) for place in places for x in found)
        expect(nearest < 3, f"the line has its extreme at {found}, expected at {places}")


def check_histogram(page: Shown, vector: np.ndarray) -> None:
    counts, _ = np.histogram(vector, 48)
    said = [int(re.search(r": (\d+) values", text)[1]) for text in page.readings(page.histogram, len(counts))]
    # A value at the border of two bars can be counted in either.
    same("the sum of the histogram", len(vector), sum(said))
    expect(np.abs(np.cumsum(counts) - np.cumsum(said)).max() <= 1, f"histogram: expected {counts}, got {said}")
