"""Looks up random indices, most of which exist, of arrays and of their transposes, in each encoding;
reads and writes what exists. Leaves what the file has to be in the end."""

import os
import random

import numpy as np

from mounted import arrays, content, saved

seeded = random.Random(4)


def blanks(text):
    return seeded.choice(["", "", "", " ", "\t", "  "]) + text + seeded.choice(["", "", "", " "])


def integer(length):
    """A place on an axis or just outside of it, and a spelling."""
    place = seeded.choice([seeded.randint(-length - 1, length), seeded.randint(-length, length - 1) if length else 0])
    if seeded.random() < 0.02:
        place = seeded.choice([-(10**30), 10**30])
    sign = "-" if place < 0 else ""
    return place, sign + "0" * seeded.choice([0, 0, 0, 1, 5]) + str(abs(place))


def bound(length):
    return (None, "") if seeded.random() < 0.4 else integer(length)


def part(length):
    if seeded.random() < 0.4:
        return integer(length)
    start, stop, step = bound(length), bound(length), bound(3)
    texts = [blanks(text) for _, text in (start, stop, step)]
    if step[0] is None and seeded.random() < 0.5:
        texts.pop()
    return slice(start[0], stop[0], step[0]), ":".join(texts)


def index(shape):
    """The parts of an index, and a spelling."""
    parts = [part(length) for length in shape]
    del parts[seeded.randint(0, len(parts)) :]
    if seeded.random() < 0.05:
        parts.append(part(3))
    for more, chance in [((..., "..."), 0.4), ((..., "..."), 0.05), ((None, "None"), 0.2), ((None, "newaxis"), 0.2)]:
        if seeded.random() < chance or not parts:
            parts.insert(seeded.randint(0, len(parts)), more)
    text = ",".join(blanks(text) for _, text in parts) + seeded.choice(["", "", "", ","])
    if seeded.random() < 0.3:
        text = "".join(seeded.choice("_:_") if letter == ":" else letter for letter in text)
    return tuple(part for part, _ in parts), blanks(f"[{blanks(text)}]" if seeded.random() < 0.3 else text)


def select(a, parts):
    try:
        # An ellipsis at the end changes nothing but that the result is always an array.
        return a[parts if Ellipsis in parts else (*parts, ...)]
    except (IndexError, ValueError):
        return None


for root, stored, whole in arrays():
    existing = 0
    for _ in range(1500):
        prefix, a = seeded.choice([("", whole), ("T/", whole.T)][: max(1, min(whole.ndim, 2))])
        parts, text = index(a.shape)
        where = (root, whole.dtype, a.shape, parts, text)
        selected = select(a, parts)
        path = f"{root}/{prefix}slices/{text}"
        data = None if selected is None else selected.tobytes()
        assert content(path) == data, where
        headed = None if selected is None else saved(selected)
        assert content(f"{root}/{prefix}npy/slices/{text}.npy") == headed, where
        has_text = selected is not None and selected.ndim <= 2
        assert (content(f"{root}/{prefix}csv/slices/{text}.csv") is not None) == has_text, where
        existing += selected is not None
        if data and seeded.random() < 0.5:
            start = seeded.randrange(len(data))
            new = seeded.randbytes(len(data) - start)
            with open(path, "r+b", buffering=0) as file:
                assert os.pwrite(file.fileno(), new, start) == len(new), where
            changed = np.frombuffer(data[:start] + new, a.dtype)
            selected[...] = changed.reshape(selected.shape)
    assert existing > 500, existing
    assert content(f"{root}/data") == whole.tobytes(), root
    with open(root + ".expected", "wb") as file:
        file.write(stored)
