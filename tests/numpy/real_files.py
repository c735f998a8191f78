"""Mounts real files, as they are found in data sets and in packages, and compares views with `numpy.memmap`.

Some lie in `tests/data`; the others come with packages, which have to be installed.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

from arrays import RawArray
from cases import Case, Session, main
from checks import expect
from tree import check_names, check_tree
from views import places

MOST_FILES = 250
"""Of one mount; which, the seed decides."""

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


def compared(locate: Callable[[], Path], describe: Callable[[Path], RawArray]) -> Case:
    """The case of one file, which is only read."""

    def case(session: Session) -> None:
        file = locate()
        raw = describe(file)
        session.subject = f"{file}: {raw}, mode r"
        array = np.memmap(file, raw.dtype, "r", raw.offset, raw.shape, raw.order)
        check(session, file, raw, array, raw.options(session.rng, "r", file.stat().st_size))

    return case


def loaded(locate: Callable[[], Path]) -> Case:
    """The case of one `.npy` file, of which nothing is said: compared with what `numpy.load` makes of it."""

    def case(session: Session) -> None:
        file = locate()
        array = np.load(file)
        content = file.read_bytes()
        order = "C" if array.flags.c_contiguous else "F"
        preamble = content[: len(content) - array.nbytes]
        raw = RawArray(array.dtype, array.shape, order, len(preamble), preamble=preamble)
        session.subject = f"{file}: {raw}, mode r"
        check(session, file, raw, array, ["--mode=r"])

    return case


def check(session: Session, file: Path, raw: RawArray, array: np.ndarray, options: list[str]) -> None:
    with session.mount(file, options) as mount:
        check_tree(session, mount, array, raw, "r", most=MOST_FILES)
        check_names(session, mount, places(array, raw.preamble, raw.order))


SCIPY = "pip install scipy"
STABLE = "stats/tests/data/levy_stable"
NAMED = {
    "iris.f64": compared(at(DATA / "iris.f64", "restore it"), fixed("<f8", (150, 4), "C", 0)),
    "functional.nii": compared(at(DATA / "functional.nii", "restore it"), fixed("<i2", (17, 21, 3, 20), "F", 352)),
    "lfw_subset.npy": loaded(in_package("skimage", "data/lfw_subset.npy", "pip install scikit-image")),
    "stable-Z1-pdf-sample-data.npy": loaded(in_package("scipy", f"{STABLE}/stable-Z1-pdf-sample-data.npy", SCIPY)),
    "stable-loc-scale-sample-data.npy": loaded(
        in_package("scipy", f"{STABLE}/stable-loc-scale-sample-data.npy", SCIPY)
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
