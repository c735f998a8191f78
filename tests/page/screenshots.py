"""Photographs pages of real arrays. Prints the name and size of each picture."""

import argparse
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from safetensors import numpy as safetensors

from browser import Shown, browser, http_server

DATA = Path(__file__).parents[1] / "data"
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


def iris(page: Shown) -> None:
    page.view("Plot")
    page.page.get_by_label("axis 1, index").fill("2")
    page.settle()
    page.line.hover(position={"x": 300, "y": 100})


def nothing(page: Shown) -> None:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrayfs", required=True)
    parser.add_argument("--images", required=True, type=Path)
    arguments = parser.parse_args()
    arguments.images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        functional_options = ["--dtype", "<i2", "--shape", "17,21,3,20", "--order", "F", "--offset", "352"]
        weather, weights = scratch / "weather.bin", scratch / "model.safetensors"
        for name, file, options, use, how in [
            ("page-faces", lfw_subset(), [], faces, {"width": 1100}),
            ("page-fmri-phone", DATA / "functional.nii", functional_options, functional, {"width": 400, "dark": True}),
            ("page-iris", DATA / "iris.f64", ["--dtype", "f8", "--shape", "150,4"], iris, {"width": 1100}),
            ("page-records", weather, records(weather), nothing, {"width": 900, "dark": True}),
            ("page-group", weights, model(weights), nothing, {"width": 900}),
        ]:
            mount = scratch / name
            mount.mkdir()
            subprocess.run([arguments.arrayfs, "--mode", "r", *options, str(file), str(mount)], check=True)
            try:
                with http_server(mount) as address, browser(address, **how) as page:
                    page.open()
                    use(page)
                    image = arguments.images / f"{name}.png"
                    page.page.screenshot(path=image)
            finally:
                subprocess.run([arguments.arrayfs, "-u", str(mount)], check=True)
            size = image.stat().st_size
            print(f"{image}: {size} bytes")
            assert size < LARGEST, image


if __name__ == "__main__":
    main()
