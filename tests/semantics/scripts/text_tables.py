"""Has Python's `csv` and NumPy read the files, and compares what they find with the array; reads them
in pieces, and looks at their lines. The last argument is the form of the text."""

import os
import sys
import warnings

import numpy as np

import text_judge
from mounted import arrays, content, files, names, stored_bytes

warnings.simplefilter("ignore")

form = sys.argv.pop()
for root, _, whole in arrays():
    for prefix, a in [("", whole), ("T/", whole.T)][: max(1, min(whole.ndim, 2))]:
        directory = f"{root}/{prefix}csv"
        expected = {f"{name}.csv": part for name, part in files(a) if part.ndim <= 2}
        texts = {"README.txt"} if a.ndim > 2 else set()
        assert names(directory) == expected.keys() | texts, (a.dtype, a.shape)
        for name, part in expected.items():
            path = f"{directory}/{name}"
            text = content(path)
            assert os.stat(path).st_size == len(text), (a.dtype, name)
            part = np.frombuffer(stored_bytes(part), a.dtype).reshape(part.shape) if part.size else part
            decoded = text.decode("utf-8", "surrogateescape")
            text_judge.check_table(part, decoded, len(text), form)
            text_judge.check_readers(part, decoded, form)
            with open(path, "rb", buffering=0) as file:
                for start in range(0, len(text), max(1, len(text) // 9)):
                    piece = os.pread(file.fileno(), 13, start)
                    assert piece == text[start : start + 13], (a.dtype, name, start)
