"""Compares all files of bytes outside of fields and native/, whole and in a piece, with NumPy's."""

import os

from mounted import arrays, files, names, stored_bytes

for root, _, a in arrays():
    expected = {path: stored_bytes(part) for path, part in files(a)}
    if a.ndim > 1:
        expected.update((f"T/{path}", stored_bytes(part)) for path, part in files(a.T))
    found = {name for name in names(root) if "." not in name and not name.startswith(("fields/", "native/"))}
    assert found == expected.keys(), (a.shape, found ^ expected.keys())
    for path, data in expected.items():
        with open(os.path.join(root, path), "rb", buffering=0) as opened:
            assert opened.read() == data, (a.shape, path)
            assert os.pread(opened.fileno(), 11, 5) == data[5:16], (a.shape, path)
