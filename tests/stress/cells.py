"""Writes to `array.u32` where in the file each cell lies, how long it is and whether `native/` shows it
reversed, then the cells of each view in order; to `array.txt` how many there are and what the views are called."""

import random
import sys

import numpy as np

dtype, shape, order, offset, seed = sys.argv[1:]
random.seed(int(seed))
dtype = np.dtype(eval(dtype) if dtype.startswith("[") else dtype)
shape = tuple(int(length) for length in shape.split(","))
fields = dtype.fields or {"": (dtype, 0)}
leaves = [(fields[name][1], fields[name][0].itemsize, not fields[name][0].isnative) for name in dtype.names or [""]]
items = np.arange(np.prod(shape)).reshape(shape, order=order)
cells = [
    (int(offset) + item * dtype.itemsize + at, length, is_foreign)
    for item in range(items.size)
    for at, length, is_foreign in leaves
]


def index(shape):
    parts = []
    for length in shape:
        if random.random() < 0.25:
            parts.append(random.randrange(-length, length))
        else:
            step = random.choice([1, 1, 1, -1, 2, -3, 5])
            ends = [random.choice([None, random.randrange(-length, length)]) for _ in range(2)]
            parts.append(slice(*ends, step))
    if random.random() < 0.2:
        parts = parts[: random.randrange(len(parts) + 1)] + [...]
    return tuple(parts)


def name(index):
    def word(part):
        if part is ...:
            return "..."
        if isinstance(part, slice):
            start, stop, step = ["" if n is None else str(n) for n in (part.start, part.stop, part.step)]
            return f"{start}:{stop}:{step}"
        return str(part)

    return ",".join(map(word, index))


views = {}


def directory(prefix, numbers, shape):
    a = numbers
    ndim = len(shape)
    some = {"data": a}
    for i in range(shape[0]):
        some[f"rows/{i}"] = a[i]
    for j in range(shape[1]):
        some[f"cols/{j}"] = a[:, j]
    for axis in range(ndim):
        for i in range(shape[axis]):
            some[f"axes/{axis}/{i}"] = a.take(i, axis=axis)
    for _ in range(30):
        chosen = index(shape)
        where = chosen if ... in chosen else chosen + (...,)
        some["slices/" + name(chosen)] = a[where + (slice(None),)]
    # Whole arrays are few and overlap with everything.
    kept = ["data"] + random.sample(sorted(some), min(40, len(some)))
    for path in kept:
        forms = [("", "")] * 3 + [("npy/", ".npy")]
        if dtype.names is None and some[path].ndim == 3:
            forms += [("tiff/", ".tif")]
        encoding, suffix = random.choice(forms)
        if some[path].size:
            views[prefix + encoding + path + suffix] = some[path]


for names in [[None]] + ([[field] for field in dtype.names] if dtype.names else []):
    field = names[0]
    chosen = range(len(leaves)) if field is None else [list(dtype.names).index(field)]
    numbers = items[..., None] * len(leaves) + np.array(chosen)
    prefix = "" if field is None else f"fields/{field}/"
    transposed = tuple(reversed(range(items.ndim))) + (items.ndim,)
    is_foreign = any(leaves[number][2] for number in chosen)
    for variant in ["", "native/"] if is_foreign else [""]:
        directory(prefix + variant, numbers, items.shape)
        directory(prefix + variant + "T/", numbers.transpose(transposed), items.T.shape)
# Every cell is in these two.
everything = items[..., None] * len(leaves) + np.arange(len(leaves))
views["data"] = everything
views["T/data"] = everything.transpose(tuple(reversed(range(items.ndim))) + (items.ndim,))

with open("array.u32", "wb") as out:
    np.array(cells, dtype="<u4").tofile(out)
    for numbers in views.values():
        numbers.astype("<u4").tofile(out)
with open("array.txt", "w") as out:
    print(len(cells), file=out)
    for path, numbers in views.items():
        print(numbers.size, path, file=out)
