"""The stores in `zarr/`, as zarrita on Node reads them from a web server."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np

from cases import Case, Session, main
from checks import same
from members import random_values
from zarr_cases import served

READER = str(Path(__file__).with_name("zarr_zarrita.mjs"))
TARGET = Path(__file__).parents[2] / os.environ.get("CARGO_TARGET_DIR", "target")
PACKAGE = TARGET.resolve() / "tools/node_modules/zarrita"

TYPES = ["?", "i1", "u1", "<i2", ">i2", "<u2", ">u4", "<i4", "<f4", ">f4", "<f8", ">f8"]
# Of an array without axes zarrita 0.5 reads no chunk.
SHAPES = [(7,), (5, 7), (3, 5, 7), (2, 3, 4, 5)]


def every_type_and_shape(session: Session) -> None:
    """Members of an archive in both orders, with chunks of both kinds, in each version."""
    made = {}
    for number, dtype in enumerate(TYPES):
        for k in range(2):
            shape = SHAPES[(number + k) % len(SHAPES)]
            made[f"a{number}_{k}"] = random_values(session.rng, np.zeros(shape, dtype)).copy("CF"[(number + k) % 2])
    file = session.directory / "arrays.npz"
    np.savez(file, **made)
    with session.mount(file, ["--mode", "r", "--zarr-chunks", "2,3,4"]) as mount, served(mount.point) as address:
        stores = [(name, array) for name, array in made.items()]
        stores += [(f"{name}/T", array.T) for name, array in made.items() if array.ndim >= 2]
        stores = [(version, path, array) for path, array in stores for version in ("v2", "v3")]
        urls = [f"{version}={address}/{path}/zarr" for version, path, _ in stores]
        command = ["node", READER, str(PACKAGE), *urls]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        same("what Node complains of", (0, ""), (done.returncode, done.stderr))
        for (version, path, array), line in zip(stores, done.stdout.splitlines(), strict=True):
            found = json.loads(line)
            same(f"the shape of {path}, {version}", list(array.shape), found["shape"])
            values = [float(value) for value in found["values"]]
            same(f"the elements of {path}, {version}", array.astype("f8").ravel().tolist(), values)


CASES: dict[str, Case] = {"every type and shape": every_type_and_shape}

if __name__ == "__main__":
    main(__doc__, CASES)
