"""Looks for fields under the names that they have to have, and turns those back into the names of the
type."""

import os
import urllib.parse

from mounted import arrays, content

for root, _, a in arrays():
    expected = ["%", "%2E", "%2E%2E", "...", "a%2Fb", "a%252Fb", "%00", "%25", "%n8", "%25n9", "x" * 255, "a b\n", "ü"]
    assert os.listdir(f"{root}/fields") == expected, os.listdir(f"{root}/fields")
    for position, (spelled, name) in enumerate(zip(expected, a.dtype.names, strict=True)):
        assert content(f"{root}/fields/{spelled}/data") == a[name].tobytes(), spelled
        if spelled == f"%n{position}":
            back = a.dtype.names[position]
        else:
            back = "" if spelled == "%" else urllib.parse.unquote(spelled)
        assert back == name, spelled
