"""Makes a file of records with all kinds of values."""

import numpy as np

dtype = [
    ("a", "?"),
    ("b,c", "<f8"),
    ("n", [("z", "<c8"), ("t", "<M8[s]")]),
    ("m", "<i2", (1, 2)),
    ("s", "S6"),
    ("v", "V2"),
]


np.array(
    [
        (True, 0.1, (1 - 2j, "2001-02-03T04:05:06"), [[-7, 8]], b"a,b", b"\x01\xff"),
        (False, -np.inf, (np.nan, "NaT"), [[0, 32767]], b'say "', b"\0\0"),
        (False, 1e300, (0.5j, 0), [[1, 2]], b"plain", b"ab"),
    ],
    dtype,
).tofile("records")
np.array([[1.5, -0.0, np.nan], [1e-7, 123456789.125, np.inf]]).tofile("numbers")
print(dtype)
