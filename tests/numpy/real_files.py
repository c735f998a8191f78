"""Mounts real files, as they are found in data sets and in packages, and compares every view with `numpy.memmap`.

Some lie in `tests/data`; the others come with packages, which have to be installed.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

from arrays import RawArray
from cases import Case, Session, main
from checks import Failure, expect
from tree import check_names, check_tree

DATA = Path(__file__).resolve().parent.parent / "data"


def in_package(package: str, path: str, install: str) -> Callable[[], Path]:
    """Finds a file of a Python package, which is not imported for it."""

    def locate() -> Path:
        spec = importlib.util.find_spec(package)
        expect(spec is not None and spec.submodule_search_locations is not None, f"{package} is missing: {install}")
        return found(Path(spec.submodule_search_locations[0]) / path, install)

    return locate


def at(path: Path, install: str) -> Callable[[], Path]:
    return lambda: found(path, install)


def found(path: Path, install: str) -> Path:
    expect(path.is_file(), f"{path} is missing: {install}")
    return path


def fixed(dtype: str, shape: tuple[int, ...], order: str, offset: int) -> Callable[[Path], RawArray]:
    """A file of a known layout; what follows the array is its tail."""

    def describe(path: Path) -> RawArray:
        raw = RawArray(np.dtype(dtype), shape, order, offset)
        return RawArray(raw.dtype, shape, order, offset, tail=path.stat().st_size - raw.end)

    return describe


def from_npy_header(path: Path) -> RawArray:
    """What the header of a `.npy` file says, so that it can be mounted as the raw array that follows the header."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise Failure(f"{path}: expected a .npy file of version 1.0, got {version}")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        return RawArray(dtype, shape, "F" if fortran else "C", offset=file.tell())


def compared(locate: Callable[[], Path], describe: Callable[[Path], RawArray]) -> Case:
    """The case of one file, which is only read."""

    def case(session: Session) -> None:
        file = locate()
        raw = describe(file)
        session.subject = f"{file}: {raw}, mode r"
        array = np.memmap(file, raw.dtype, "r", raw.offset, raw.shape, raw.order)
        with session.mount(file, raw.options(session.rng, "r", file.stat().st_size)) as mount:
            check_tree(session, mount, array, raw, "r", most=len(array.tobytes()))
            check_names(mount, array)

    return case


SCIPY = "pip install scipy"
NAMED = {
    "iris.f64": compared(at(DATA / "iris.f64", "restore it"), fixed("<f8", (150, 4), "C", 0)),
    "functional.nii": compared(at(DATA / "functional.nii", "restore it"), fixed("<i2", (17, 21, 3, 20), "F", 352)),
    "lfw_subset.npy": compared(
        in_package("skimage", "data/lfw_subset.npy", "pip install scikit-image"), from_npy_header
    ),
    "stable-Z1-pdf-sample-data.npy": compared(
        in_package("scipy", "stats/tests/data/levy_stable/stable-Z1-pdf-sample-data.npy", SCIPY), from_npy_header
    ),
    "test-44100Hz-2ch-32bit-float-be.wav": compared(
        in_package("scipy", "io/tests/data/test-44100Hz-2ch-32bit-float-be.wav", SCIPY), fixed(">f4", (441, 2), "C", 58)
    ),
    "arange.fits": compared(
        in_package("astropy", "io/fits/tests/data/arange.fits", "pip install astropy"),
        fixed(">i4", (7, 10, 11), "C", 2880),
    ),
    "egm96_15.gtx": compared(
        at(Path("/usr/share/proj/egm96_15.gtx"), "apt-get install proj-data"), fixed(">f4", (721, 1440), "C", 40)
    ),
}

if __name__ == "__main__":
    main(__doc__, NAMED)
