"""Prints headers of `.npy` files, sound and broken, with what NumPy makes of them.

JSON: [NumPy's version, written, cases]. Bytes are text in Latin-1.

written: [descr, shape, fortran_order, header], what numpy.save writes for an array; the descr
is Python source.
cases: [header, verdict]. The verdict is null where NumPy refuses the header; a string where NumPy
reads it and arrayfs has to refuse it: the reason; or else [[dtype, shape, fortran_order, offset],
unusual], where the dtype is as `described` has it, and `unusual` is null or a spelling for which
arrayfs can refuse it.
"""

import ast
import io
import json
import math
import random
import re
import sys
import tokenize
import warnings

import numpy as np
from numpy.lib import _format_impl as npy
from numpy.lib.stride_tricks import as_strided

warnings.simplefilter("ignore")

PLAIN = (
    "b1 i1 u1 <i2 >i4 <i8 >u2 <u8 <f2 >f4 <f8 >f8 <f16 <c8 >c16 S1 S10 <U4 >U7 V3 <M8[ns] >M8[10ms] <m8[D] <M8"
).split()
# fmt: off
NAMES = ["x", "y", "id", "a b", "it's", 'say "x"', "both '\"", "tab\t", "back\\slash", "é", "Ä ß",
         "\u540d", "\U0001f600", "\xad", "\u200b", "L", "3L", "(2L,)", "descr", "#", ","]
# fmt: on


def random_dtype(rng: random.Random, depth: int = 0) -> np.dtype:
    """A plain type or, as often, a structure: nested, with sub-arrays, titles and gaps."""
    if depth == 3 or rng.random() < 0.5:
        return np.dtype(rng.choice(PLAIN))
    names = rng.sample(NAMES, rng.randint(1, 4))
    formats, titles, offsets = [], [], []
    end = 0
    for name in names:
        field = random_dtype(rng, depth + 1)
        if rng.random() < 0.3:
            field = np.dtype((field, tuple(rng.randint(1, 4) for _ in range(rng.randint(1, 3)))))
        formats.append(field)
        titles.append(f"title of {name}" if rng.random() < 0.15 else None)
        offsets.append(end + rng.choice([0, 0, 0, 1, 4]))
        end = offsets[-1] + field.itemsize
    if rng.random() < 0.2:
        return np.dtype({"names": names, "formats": formats, "titles": titles}, align=True)
    return np.dtype(
        {
            "names": names,
            "formats": formats,
            "titles": titles,
            "offsets": offsets,
            "itemsize": end + rng.choice([0, 0, 3]),
        }
    )


def random_shape(rng: random.Random) -> tuple[int, ...]:
    lengths = [0, 1, 1, 2, 3, 5, 10, 1000, 123456]
    return tuple(rng.choice(lengths) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 7])))


def array_without_memory(dtype: np.dtype, shape: tuple[int, ...], order: str) -> np.ndarray:
    """An array whose flags are right, and whose elements must not be touched."""
    strides, stride = [], dtype.itemsize
    for length in shape if order == "F" else reversed(shape):
        strides.append(stride)
        stride *= max(length, 1)
    strides = strides if order == "F" else strides[::-1]
    return as_strided(np.zeros(1, dtype), shape, strides)


def saved(dtype: np.dtype, shape: tuple[int, ...], order: str) -> bytes:
    """The header that numpy.save writes."""
    array = array_without_memory(dtype, shape, order)
    file = io.BytesIO()
    if array.nbytes > 4096:
        npy._write_array_header(file, npy.header_data_from_array_1_0(array))
        return file.getvalue()
    np.save(file, np.zeros(shape, dtype, order=order))
    return file.getvalue()[: file.tell() - array.nbytes]


def framed(text: str, version: int, align: int = 1) -> bytes:
    """A header as someone else may write it."""
    encoded = text.encode("utf8" if version == 3 else "latin1")
    start = 10 if version == 1 else 12
    encoded += b" " * (-(start + len(encoded) + 1) % align) + b"\n"
    return npy.MAGIC_PREFIX + bytes([version, 0]) + len(encoded).to_bytes(start - 8, "little") + encoded


def respelled(header: bytes, rng: random.Random) -> bytes | None:
    """The same description as Python 2, other programs or older versions of NumPy write it."""
    values = ast.literal_eval(decoded(header))
    suffix = rng.choice(["L", "L", ""])
    lengths = [f"{length}{suffix}" for length in values["shape"]]
    if len(lengths) == 1 or (lengths and rng.random() < 0.2):
        lengths.append("")
    comma, colon = rng.choice([",", ", ", " ,\n"]), rng.choice([":", ": ", " :\t"])
    values = {key: repr(value) for key, value in values.items()}
    values["shape"] = "(" + comma.join(lengths) + ")"
    if "'" not in values["descr"].replace("'", "", 2) and rng.random() < 0.5:
        values["descr"] = values["descr"].replace("'", '"')
    items = [f"'{key}'{colon}{value}" for key, value in values.items()]
    rng.shuffle(items)
    text = "{" + comma.join(items) + rng.choice(["", comma]) + "}"
    try:
        return framed(text, rng.choice([1, 2, 3]), rng.choice([1, 16, 64]))
    except (UnicodeEncodeError, OverflowError):
        return None


def mutated(header: bytes, rng: random.Random) -> bytes:
    """The header with a few bytes changed, dropped, added, doubled or swapped, or an end cut off."""
    # fmt: off
    pieces = [b"'", b'"', b"(", b")", b"[", b"]", b"{", b"}", b",", b":", b"L", b" ", b"\n", b"\\",
              b"-", b"0", b"1", b"9", b"_", b"x", b"#", b"True", b"None", b"1.0", b"u", b"b", b"<",
              b"\0", b"\r", b"\x0c", b"\xff", b"\xc3\xa9", b"descr", b"'|O'", b"(2,)", b"2**3"]
    # fmt: on
    start = 10 if header[6] == 1 else 12
    text = header[start:].rstrip(b" \n") + b"  \n"
    prefix = bytearray(header[:start])
    if rng.random() < 0.1:
        prefix[rng.randrange(len(prefix))] = rng.randrange(256)
        return bytes(prefix) + text
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(text))
        to = at + rng.randint(1, 4)
        before, behind = text[:at], text[at + 1 :]
        changes = [
            before + behind,
            before + text[to:],
            before + rng.choice(pieces) + text[at:],
            before + rng.choice(pieces) + behind,
            before + bytes([text[at] ^ 1 << rng.randrange(8)]) + behind,
            text[:to] + text[at:],
            before + text[at:to][::-1] + text[to:],
        ]
        text = rng.choice(changes) or b"{"
    prefix[8:] = len(text).to_bytes(start - 8, "little")
    cut = rng.randint(0, len(text)) if rng.random() < 0.03 else len(text)
    return bytes(prefix) + text[:cut]


def may_kill_numpy(header: bytes) -> bool:
    """Whether a datetime unit may have a divisor of 0, by which NumPy divides."""
    return b"8[" in header and b"/" in header


def odd() -> list[bytes]:
    """Headers at the edges of what is read."""
    form = "{{'descr': {}, 'fortran_order': {}, 'shape': {}}}".format
    # fmt: off
    texts = [form("'<f4'", "False", shape) for shape in [
        "()", "(3)", "3", "[3]", "(3,4,)", "(3, 4", "(0,)", "(-1,)", "(True, 3)", "(1.0,)", "('3',)",
        "(None,)", "(9223372036854775807,)", "(9223372036854775808,)", "(1, 1" + "0" * 60 + ")",
        "(0x10, 0o17, 0b11, 1_000)", "(+3,)", "(--3,)", "(007,)", "(00,)", "(3L, 4L)", "(3 L,)",
        "(3l,)", "(3LL,)", "(1 + 2,)", "(2 * 3,)", "(1 + 2j,)", "{}", "set()", "(" + "1, " * 64 + ")",
        "(" + "1, " * 65 + ")", "(" * 50 + ")" * 50, "(" * 4000 + ")" * 4000, "(" * 9000,
        "-" * 9000 + "1",
    ]]
    texts += [form("'<f4'", order, "(3,)") for order in ["True", "0", "1", "None", "'C'", "true"]]
    texts += [form(descr, "False", "(3,)") for descr in [
        "'|O'", "'O'", "object", "[('x', '|O')]", "[('x', [('y', '<f4'), ('z', '|O')])]", "'(2,)f4'",
        "('<f4', (2,))", "('<f4', 2)", "('|O', (2,))", "[('x', '|O', (2,))]", "'f9'", "''", "'float32'",
        "'=f4'", "'S'", "'V0'", "[]", "[('x', 'S0')]", "None", "4", "[4]", "['<f4']", "[('x',)]",
        "[('', '<f4')]", "[('', '|V4')]", "[('x', '<f4'), ('', '|V4'), ('y', '<i2')]",
        "[('x', '<f4'), ('x', '<i2')]", "[('x', '<f4', ())]", "[('x', '<f4', (0,))]",
        "[('x', '<f4', 3)]", "[('x', '<f4', (3, -1))]", "[(('t', 'x'), '<f4')]",
        "[(('x', 'x'), '<f4')]", "[(('t', 'x'), '<f4'), ('t', '<f4')]", "[('x', '|V2000000000')]",
        "[('x', '|V2000000000'), ('y', '|V2000000000')]", "[('x', '<f4', (1000000, 1000000))]",
        "'<f' '4'", "u'<f4'", "b'<f4'", "r'<f4'", "f'<f4'", "'''<f4'''", r"'\x3cf4'", r"'\74f4'",
        r"'\N{LESS-THAN SIGN}f4'", "'<f4\\\n'", "[" * 100 + "]" * 100, "[('x', " * 60 + "'<f4'" + ")]" * 60,
    ]]
    good = form("'<f4'", "False", "(3,)")
    texts += ["", " ", "{", "{}", "None", "[1]", "(1, 2)", "'text'", good + good, good + "#", "# \n" + good,
              " \t" + good, "\n" + good, "\n " + good, good + ";", good + "\\\n", good + "\0", "\0" + good,
              good + "\x0c", "(" + good + ")", good + ",", good.replace(":", "="), "{**" + good + "}",
              good[:-1] + ", 'more': 1}", good[:-1] + ", 1: 1}", good[:-1] + ", 'shape': (4,)}",
              good[:-1] + ", [1]: 1}", good.replace("shape", "Shape"), good.replace("'shape'", "shape"),
              good.replace("'shape': ", ""), good.replace("'shape': (3,)", ""), "dict(shape=(3,))",
              good + " " * (9999 - len(good)), good + " " * (10000 - len(good)), "{'é': 1}", "\ufeff" + good]
    # fmt: on
    headers = []
    for version in [1, 2, 3]:
        for text in texts:
            try:
                headers.append(framed(text, version))
            except UnicodeEncodeError:
                pass
        headers += [framed(good, version)[:end] for end in range(20)]
    one = framed(good, 1)
    # fmt: off
    headers += [one + b"data", one[:-1], b"", b"\x93NUMPX\x01\x00", b"PK\x03\x04", b"\x93NUMPY\x01\x01" + one[8:],
                b"\x93NUMPY\x00\x00" + one[8:], b"\x93NUMPY\x04\x00" + one[8:], b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
                framed(good.replace("<f4", "é"), 1).replace(b"\x01\x00", b"\x03\x00", 1)]
    # fmt: on
    # Up to 10,000 characters, whatever bytes they take; the name takes four each.
    for count in [9900, 9999, 10000]:
        descr = f"[('{chr(0x1F600) * (count - 65)}', '<f4')]"
        headers.append(framed(form(descr, "False", "(3,)"), 3))
    return headers


def described(dtype: np.dtype) -> str | dict:
    """A type as `tests/npy_header.rs` describes it, too."""
    if not dtype.names:
        return dtype.str
    fields = []
    for name in dtype.names:
        field, offset, *title = dtype.fields[name]
        lengths = []
        while field.subdtype is not None:
            field, shape = field.subdtype
            lengths += shape
        fields.append([name, (title or [None])[0], offset, lengths, described(field)])
    return {"itemsize": dtype.itemsize, "fields": fields}


def levels(description: str | dict) -> int:
    """How deep structures lie inside each other."""
    if isinstance(description, str):
        return 0
    return 1 + max(levels(field[-1]) for field in description["fields"])


def has_empty_item(description: str | dict) -> bool:
    if isinstance(description, str):
        return description.endswith(("S0", "U0", "V0"))
    return description["itemsize"] == 0 or any(has_empty_item(field[-1]) for field in description["fields"])


def exception(dtype: np.dtype, shape: tuple) -> str | None:
    """Why arrayfs refuses an array that NumPy reads."""
    if dtype.hasobject:
        return "objects"
    if dtype.subdtype is not None:
        return "a sub-array as the whole type"
    if has_empty_item(described(dtype)):
        return "an item of 0 bytes"
    if levels(described(dtype)) > 8:
        return "structures inside structures"
    if len(shape) > 64 or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape):
        return "no array has this shape"
    return None


def unusual_spelling(text: str) -> str | None:
    """What a text has for which arrayfs can refuse what NumPy reads."""
    if "\\\n" in text:
        return "a backslash at the end of a line"
    depth, last = 0, None
    for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline):
        if not token.string.strip():
            continue
        if token.type == tokenize.COMMENT:
            return "a comment"
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        if depth > 32:
            return "brackets inside brackets"
        if token.string == "L" and (last.type != tokenize.NUMBER or last.end != token.start):
            return "an L apart from its number"
        if token.type == tokenize.STRING:
            if last.type == tokenize.STRING:
                return "a text of several pieces"
            if unusual := unusual_string(token.string):
                return unusual
        last = token
    return None


def unusual_string(source: str) -> str | None:
    if source[0] in "rR" or source.startswith(('"""', "'''")):
        return "a raw text, or one in triple quotes"
    if "\\N{" in source:
        return "a character by name"
    code = ast.literal_eval(source).lstrip("<>=|")
    if code[:1] in ("S", "U", "V") and not code[1:].strip("0"):
        return "an item of 0 bytes"
    if len(code) == 1 and code < " ":
        return "a type by its internal number"
    return None


def is_based_on_another(descr: object) -> bool:
    """Whether a type in a descr has another type where its lengths belong."""
    if isinstance(descr, tuple):
        lengths = descr[1] if isinstance(descr[1], (tuple, list)) else [descr[1]]
        return not all(isinstance(length, int) for length in lengths) or is_based_on_another(descr[0])
    if isinstance(descr, list):
        return any(is_based_on_another(tuple(rest) if len(rest) > 1 else rest[0]) for _, *rest in descr)
    return False


def descr_of(header: bytes) -> object:
    """The descr in a header of usual spelling that NumPy reads."""
    text = decoded(header).strip()
    try:
        return ast.literal_eval(text)["descr"]
    except SyntaxError:
        return ast.literal_eval(npy._filter_header(text))["descr"]


def decoded(header: bytes) -> str:
    """The text of a header."""
    encoded = header[10 if header[6] == 1 else 12 :]
    return encoded.decode("utf8" if header[6] == 3 else "latin1")


def read(header: bytes) -> tuple[tuple, bool, np.dtype, int]:
    """The shape, order, type and length of a header, as NumPy reads it."""
    stream = io.BytesIO(header)
    version = npy.read_magic(stream)
    try:
        values = npy._read_array_header(stream, version)
    except (ValueError, IndentationError) as error:
        if not isinstance(error.__cause__ or error, SyntaxError):
            raise
        # Python minds which blanks and line breaks stand around the dict; arrayfs does not.
        stripped = framed(decoded(header[: stream.tell()]).strip(" \t\f\r\n"), version[0])
        values = npy._read_array_header(io.BytesIO(stripped[npy.MAGIC_LEN :]), version)
    return *values, stream.tell()


def verdict(header: bytes) -> list | str | None:
    try:
        shape, fortran_order, dtype, offset = read(header)
    except (Exception, RecursionError, MemoryError):
        return None
    if refused := exception(dtype, shape):
        return refused
    unusual = unusual_spelling(decoded(header[:offset]))
    if unusual is None and is_based_on_another(descr_of(header[:offset])):
        unusual = "a type that is based on another"
    return [[described(dtype), list(shape), fortran_order, offset], unusual]


def main() -> None:
    rng = random.Random(20240607)
    arrays = []
    while len(arrays) < 600:
        dtype, shape = random_dtype(rng), random_shape(rng)
        if math.prod(max(length, 1) for length in shape) * dtype.itemsize < 1 << 62:
            arrays.append((dtype, shape, rng.choice("CF")))
    # Around the lengths that NumPy reads and that version 1.0 counts.
    lengths = [400, *range(9800, 9960, 16), *range(65330, 65490, 16)]
    names = ["x" * length for length in lengths]
    names += ["\u00e9" * 9900, "\u540d" * 9900, "\u540d" * 65536]
    arrays += [(np.dtype([(name, "<f4")]), (3, 2), "F") for name in names]
    written = [
        [repr(npy.dtype_to_descr(dtype)), shape, order == "F", saved(dtype, shape, order)]
        for dtype, shape, order in arrays
    ]

    headers = [header for *_, header in written if len(header) < 50000]
    respellings = [respelled(rng.choice(headers[:600]), rng) for _ in range(600)]
    headers += [header for header in respellings if header is not None]
    headers += odd()
    sound = [header for header in headers if len(header) < 1000 and isinstance(verdict(header), list)]
    headers += [mutated(rng.choice(sound), rng) for _ in range(15000)]
    # NumPy writes <f1 for float8_e5m2, but only arrayfs reads it.
    headers = [header for header in headers if not re.search(rb"[<>]f1['\"]", header)]
    cases = [[header, verdict(header)] for header in headers if not may_kill_numpy(header)]

    answer = [np.__version__, written, cases]
    json.dump(answer, sys.stdout, default=lambda header: header.decode("latin1"))


if __name__ == "__main__":
    main()
