"""Photographs pages of real arrays. Prints the name and size of each picture."""

import argparse
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from astropy.io import fits
from safetensors import numpy as safetensors

from browser import Shown, browser, http_server

DATA = Path(__file__).parents[1] / "data"
SCRATCH = Path("/tmp/arrays")
LARGEST = 150_000
"""The most bytes of a picture."""


def lfw_subset() -> Path:
    spec = find_spec("skimage")
    assert spec is not None and spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "data/lfw_subset.npy"


def faces(page: Shown) -> None:
    page.page.get_by_label("axis 0, index").fill("3")
    page.click_pixel(12, 9)


def functional(page: Shown) -> None:
    page.choose("Colours", "viridis")
    page.click_pixel(12, 8)


def galaxy(page: Shown) -> None:
    page.page.get_by_role("link", name="GALAXY").click()
    page.settle()
    page.page.get_by_label("axis 0, index").fill("20")
    page.choose("Colours", "viridis")
    page.click_pixel(52, 53)


def iris(page: Shown) -> None:
    page.view("Plot")
    page.page.get_by_label("axis 1, index").fill("2")
    page.settle()
    page.line.hover(position={"x": 300, "y": 100})


def unchanged(page: Shown) -> None:
    page.settle()


def records(file: Path) -> list[str]:
    rng = np.random.default_rng(1)
    array = np.zeros(1000, [("time", "<M8[s]"), ("station", "S4"), ("celsius", "<f4"), ("wind", "<f4", (2,))])
    array["time"] = np.datetime64("2026-01-01T00:00") + np.arange(1000) * np.timedelta64(10, "m")
    array["station"] = rng.choice(["BASL", "ZRH", "GVA", "LUG"], 1000)
    array["celsius"] = np.round(rng.normal(2, 4, 1000), 1)
    array["wind"] = np.round(rng.gamma(2, 3, (1000, 2)), 1)
    array.tofile(file)
    return ["--dtype", "time:M8[s],station:S4,celsius:f4,wind:(2,)f4"]


def model(file: Path) -> list[str]:
    shapes = {"embed.weight": (320, 64), "norm.weight": (64,)}
    for layer in range(4):
        shapes |= {f"layers.{layer}.attention.weight": (192, 64), f"layers.{layer}.mlp.up.weight": (256, 64)}
    safetensors.save_file({name: np.zeros(shape, "f4") for name, shape in shapes.items()}, file)
    return []


def spectra(file: Path) -> list[str]:
    """A cube of the line of a galaxy that rotates, in unsigned integers."""
    rng = np.random.default_rng(1)
    channel, y, x = np.ogrid[:64, -1:1:96j, -1:1:120j]
    along, across = 0.8 * x - 0.6 * y, 0.6 * x + 0.8 * y
    radius = np.hypot(along, 2.2 * across)
    velocity = 32 + 22 * np.tanh(4 * radius) * along / np.maximum(radius, 1e-9)
    line = np.exp(-3 * radius - ((channel - velocity) / 3) ** 2) * 4e4
    counts = np.clip(rng.normal(line + 600, 250), 0, 65535).astype("u2")
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(counts, name="GALAXY")]
    fits.HDUList(hdus).writeto(file)
    return []


class Photograph(NamedTuple):
    """A picture of the page of an array: its name, the file and how it is mounted and used."""

    name: str
    file: Path
    options: list[str]
    use: Callable[[Shown], None]
    width: int
    height: int
    dark: bool


def photographs() -> Iterator[Photograph]:
    weather, weights = SCRATCH / "weather.bin", SCRATCH / "model.safetensors"
    fmri = ["--dtype", "<i2", "--shape", "17,21,3,20", "--order", "F", "--offset", "352"]
    yield Photograph("page-faces", copied(lfw_subset(), "faces.npy"), [], faces, 1100, 1240, False)
    yield Photograph("page-fmri-phone", copied(DATA / "functional.nii"), fmri, functional, 400, 844, True)
    cube = SCRATCH / "galaxy.fits"
    yield Photograph("page-fits", cube, spectra(cube), galaxy, 1100, 1130, True)
    table = ["--dtype", "f8", "--shape", "150,4"]
    yield Photograph("page-iris", copied(DATA / "iris.f64"), table, iris, 1100, 740, False)
    yield Photograph("page-records", weather, records(weather), unchanged, 800, 620, True)
    yield Photograph("page-group", weights, model(weights), unchanged, 800, 540, False)


def copied(file: Path, name: str = "") -> Path:
    return Path(shutil.copy(file, SCRATCH / (name or file.name)))


def take(photograph: Photograph, arrayfs: str, images: Path) -> None:
    name, file, options, use, width, height, dark = photograph
    mount = SCRATCH / name
    mount.mkdir()
    subprocess.run([arrayfs, "--mode", "r", *options, str(file), str(mount)], check=True)
    try:
        with http_server(mount) as address, browser(address, width, dark) as page:
            page.page.set_viewport_size({"width": width, "height": height})
            page.open()
            use(page)
            image = images / f"{name}.png"
            page.page.screenshot(path=image)
    finally:
        subprocess.run([arrayfs, "-u", str(mount)], check=True)
    size = image.stat().st_size
    print(f"{image}: {size} bytes")
    assert size < LARGEST, image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrayfs", required=True)
    parser.add_argument("--images", required=True, type=Path)
    arguments = parser.parse_args()
    arguments.images.mkdir(exist_ok=True)
    # The pages show where a file is, which has to be the same each time.
    SCRATCH.mkdir()
    try:
        for photograph in photographs():
            take(photograph, arguments.arrayfs, arguments.images)
    finally:
        shutil.rmtree(SCRATCH)


if __name__ == "__main__":
    main()
