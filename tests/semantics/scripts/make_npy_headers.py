"""Writes files that begin with headers as no NumPy of today writes them, and how long each is with its
array."""

import numpy as np

a = np.arange(6, dtype="<i4").reshape(2, 3)


def write(name, version, text, blanks, rest=b""):
    width = 2 if version == 1 else 4
    text = text.ljust(len(text) + blanks) + "\n"
    header = b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(width, "little") + text.encode()
    with open(name, "wb") as file:
        file.write(header + a.tobytes() + rest)
    print(name, len(header) + a.nbytes)


plain = "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }"
write("plain", 1, plain, 3)
write("unaligned", 1, plain, 0)
write("second", 2, plain, 100)
write("third", 3, plain, 7)
write("python2", 1, "{'shape': (2L, 3L), 'descr': '<i4', 'fortran_order': False}", 5)
write("columns", 1, plain.replace("False", "True"), 9)
write("longer", 1, plain, 3, b"what stands behind the array")
