"""Makes `.npy` files with NumPy."""

import numpy as np

a = np.arange(12, dtype=">i2").reshape(3, 4)
np.save("rows.npy", a)
np.save("columns.npy", np.asfortranarray(a))
np.save("records.npy", np.zeros(3, [("x", "<f4"), ("y", "<i8", (2,))]))
np.save("objects.npy", np.array([{"a": 1}, None]), allow_pickle=True)
with open("rows.npy", "rb") as file:
    content = file.read()
with open("other.name", "wb") as file:
    file.write(content)
with open("cut.npy", "wb") as file:
    file.write(content[:-10])
a.tofile("plain.npy")
