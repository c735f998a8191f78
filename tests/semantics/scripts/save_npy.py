"""Saves arrays, by each way of NumPy's, and compares the file with what has become of it. The last
argument says whether `memmap` is one of the ways."""

import errno
import gc
import sys
import warnings

import numpy as np

from mounted import arrays, content, files

warnings.simplefilter("ignore")


def by_path(path, a):
    np.save(path, a)


def opened(**options):
    def save(path, a):
        with open(path, "r+b" if options.pop("keeps", False) else "wb", **options) as file:
            np.save(file, a)

    return save


def by_memmap(path, a):
    mapped = np.lib.format.open_memmap(path, "w+", a.dtype, a.shape, np.isfortran(a))
    mapped[...] = a
    mapped.flush()


ways = [by_path, opened(), opened(buffering=0), opened(buffering=1 << 20), opened(keeps=True)]
if sys.argv.pop() == "memmap":
    ways.append(by_memmap)

for root, _, whole in arrays():
    for way in ways:
        for name, part in files(whole):
            if name not in ("data", "rows/1", "cols/2"):
                continue
            path = f"{root}/npy/{name}.npy"
            part = part.reshape(part.shape)
            new = (part + 1).astype(part.dtype, "C")
            before = whole.tobytes()
            others = [
                new.astype("<f8"),
                new.astype(new.dtype.newbyteorder()),
                new.reshape(-1, 1, 1),
                new[..., :-1],
                np.concatenate([new, new]),
            ]
            if new.ndim > 1:
                others += [np.asfortranarray(new), new.T.copy("C")]
            for other in others:
                try:
                    way(path, other)
                except OSError as error:
                    assert error.errno in (errno.EINVAL, errno.EPERM, None), error
                else:
                    raise AssertionError((way, name, other.dtype, other.shape))
                gc.collect()
                assert content(f"{root}/data") == before, (way, name, other.dtype, other.shape)
            way(path, new)
            gc.collect()
            part[...] = new
            assert content(f"{root}/data") == whole.tobytes(), (way, name)
