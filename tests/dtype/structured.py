"""Random structured types in all their forms, whole and broken, and what NumPy makes of each.

Prints JSON: NumPy's version, and a list of [form, text, answer]. The form is the reader: `text` for
numpy.dtype, `descr` for numpy.lib.format.descr_to_dtype, `option` for fields joined by plus signs.
The answer is null where the text is refused, else as `described` gives it.
"""

import json
import math
import random
import re
import sys
import warnings

import ml_dtypes  # noqa: F401 (its types have names in NumPy then)
import numpy as np

import literals

LIMIT = 2**31 - 1
MAX_LEVELS = 16
KEYS = {"names", "formats", "offsets", "itemsize", "titles", "aligned", "metadata"}

PLAIN = ["f4", "<f8", ">f2", "i1", ">i2", "i4", "=u8", "|u1", "?", "c8", ">c16", "g", "S3", "U2"]
PLAIN += [">U1", "V5", "M8[ns]", ">m8[10s]", "M8", "float32", "int", "bfloat16"]
UNSIZED = ["S", ">U", "V", "bytes", "str", "<S0"]
BAD = UNSIZED + ["O", "f3", "", "x", "U0", "T", ">float32", "V0", "f4 ", "M8[min]", "[f4]", "i4]"]
NAMES = ["x", "y", "id", "a b", "é", "", "f0", "f1", "it's", 'q"q', "\n", "names", "formats"]
SHAPES = ["3", "(3,)", "(2, 3)", "[2]", "()", "(0,)", "1", "0", "(1, 1)", "((2))", "(2,0)"]
BAD_SHAPES = ["-1", "(2,-1)", "True", "(True,)", "'2'", "None", "[]", "'f4'", "1.5", "(2147483648,)"]
BAD_SHAPES += ["(2147483647, 2147483647, 0)", "(2147483647,) * 3"]
BAD_SHAPES += [str((2147483647,) * 3 + (0,)), str((2147483647,) * 2 + (3, 0))]
BAD_SHAPES += [str((1,) * 64), str((1,) * 65), "{}", "('f4', 2)", "268435455", "[('z', 'i4')]"]

EXTENSION = re.compile(r"[<>=|][^A-Za-z'\"]*bfloat16")
"""What NumPy does not take: a byte order before the name."""


class Excepted(Exception):
    """What NumPy accepts and the documentation of the dtype module excepts."""


def flat(dtype):
    """The element and shape of a type; of a sub-array of sub-arrays, all lengths."""
    shape = ()
    while dtype.subdtype is not None:
        dtype, lengths = dtype.subdtype
        shape += lengths
    return dtype, shape


def rebuilt(dtype):
    """The same with flat sub-arrays."""
    if dtype.names is None:
        return dtype
    fields = [dtype.fields[name] for name in dtype.names]
    parts = [flat(field[0]) for field in fields]
    return np.dtype(
        {
            "names": dtype.names,
            "formats": [(rebuilt(base), shape) for base, shape in parts],
            "offsets": [field[1] for field in fields],
            "titles": [field[2] if len(field) > 2 else None for field in fields],
            "itemsize": dtype.itemsize,
        }
    )


def described(dtype):
    if dtype.names is None:
        return dtype.str
    fields = []
    for name in dtype.names:
        field, offset, title = (*dtype.fields[name], None)[:3]
        base, shape = flat(field)
        fields.append([name, title, offset, shape, described(base)])
    return {"str": dtype.str, "name": dtype.name, "itemsize": dtype.itemsize, "fields": fields}


def descr_of(dtype):
    try:
        return repr(np.lib.format.dtype_to_descr(rebuilt(dtype)))
    except ValueError:
        return None


def check(dtype, levels=0):
    """Raises Excepted for types that NumPy has and arrayfs has not."""
    base, shape = flat(dtype)
    if base.itemsize == 0 or base.kind in "OT" or len(shape) > 64:
        raise Excepted
    if math.prod(shape) * base.itemsize != dtype.itemsize:
        raise Excepted
    if base.names is None:
        return
    if base.kind != "V" or levels == MAX_LEVELS:
        raise Excepted
    end = 0
    for name in base.names:
        field, offset, title = (*base.fields[name], None)[:3]
        end = max(end, offset + field.itemsize)
        if not 0 <= offset <= LIMIT or end > LIMIT or not isinstance(title, (str, type(None))):
            raise Excepted
        check(field, levels + 1)
    if base.itemsize < 0:
        raise Excepted


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def check_text(text):
    # NumPy takes a control character for the number of a type.
    if len(text) == 1 and text < " ":
        raise Excepted


def check_shape(shape):
    lengths = shape if isinstance(shape, (tuple, list)) else [shape]
    if shape == [] or not all(map(is_integer, lengths)):
        raise Excepted


def check_repeated(value, dtype):
    # Of anything that is empty, NumPy takes the lengths that follow for a size.
    if dtype.itemsize == 0 and (dtype.subdtype or not isinstance(value, str)):
        raise Excepted


def check_title(title):
    if title is None:
        # In a list NumPy keeps it as a title that is None.
        raise Excepted


def check_literal(value):
    """Raises Excepted for spellings that only NumPy takes."""
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, tuple):
        check_literal(value[0])
        check_shape(value[1])
        check_repeated(value[0], np.dtype(value[0]))
    elif isinstance(value, list):
        for name, *rest in value:
            if isinstance(name, tuple):
                check_title(name[0])
            check_literal(rest[0] if len(rest) == 1 else tuple(rest))
    elif isinstance(value, dict) and {"names", "formats"} <= value.keys():
        if not value.keys() <= KEYS:
            raise Excepted
        for key in {"names", "formats", "offsets", "titles"} & value.keys():
            if not isinstance(value[key], (list, tuple)):
                raise Excepted
        # Where there are more of one, NumPy says so itself.
        for _, item in zip(value["names"], value["formats"], strict=False):
            check_literal(item)
    elif isinstance(value, dict):
        for name, entry in value.items():
            if len(entry) > 2 and entry[2] == name:
                continue
            if not is_integer(entry[1]):
                raise Excepted
            check_literal(entry[0])


def check_descr(value):
    if isinstance(value, tuple):
        if len(value) != 2:
            raise Excepted
        check_descr(value[0])
        check_shape(value[1])
        check_repeated(value[0], np.lib.format.descr_to_dtype(value[0]))
    elif isinstance(value, list):
        for field in value:
            if not isinstance(field, (tuple, list)):
                raise Excepted
            value = tuple(field[1:]) if len(field) == 3 else field[1]
            check_descr(value)
            if field[0] == "":
                # Padding leaves no trace in the type.
                check(np.lib.format.descr_to_dtype(value))
    elif isinstance(value, str):
        check_text(value)
    else:
        raise Excepted


def read(form, text):
    if form == "descr":
        value = literals.read(text)
        dtype = np.lib.format.descr_to_dtype(value)
        check_descr(value)
    elif text.strip().startswith(("[", "{")) or re.fullmatch(r"\s*\(.*\)\s*", text, re.DOTALL):
        value = literals.read(text)
        dtype = np.dtype(value)
        check_literal(value)
    else:
        dtype = np.dtype(text)
        check_text(text)
    if dtype.subdtype is not None:
        raise Excepted
    check(dtype)
    return dtype


def answer(dtype):
    return {"type": described(dtype), "descr": descr_of(dtype)}


# Texts.


def one_of(good, bad, chance=0.02):
    return random.choice(bad if random.random() < chance else good)


def name_text():
    name = repr(random.choice(NAMES))
    if random.random() < 0.1:
        title = random.choice([repr(random.choice(NAMES)), "'Title'", "'T2'"])
        return f"({title}, {name})" if random.random() < 0.9 else one_of([name], ["None", "5", "()"])
    return name


def shape_text():
    return one_of(SHAPES, BAD_SHAPES)


def item_text():
    """One item of a comma string."""
    mark = random.choice(["", "", "", "<", ">", "=", "|"])
    # fmt: off
    shape = random.choice(["", "", "", "3", "2 ", " 2", "(2,)", "(2,3)", "( 2, 3 )", "()", "(2)", "0", "1",
                           "2,3", "3,", "(2)3", "03", "(2,3", "2)", "(,)", "3 4", "00"])
    # fmt: on
    inner = random.choice(["", "", "", "", "<", ">", "="])
    return mark + shape + inner + one_of(PLAIN, BAD, 0.05)


def comma_text():
    separators = [",", ", ", " ,", ",\t", ",\u2003", ",\x1c", ",,", " ", ";"]
    text = item_text()
    for _ in range(random.randrange(4)):
        text += random.choices(separators, [20, 8, 4, 2, 1, 1, 1, 1, 1])[0] + item_text()
    return text + random.choice(["", "", "", "", ",", ", ", " ", "\n", ",<", ",>", ",|", ",=", ",3"])


def type_text(depth):
    if depth == 0 or random.random() < 0.5:
        if random.random() < 0.1:
            return repr(comma_text())
        return repr(one_of(PLAIN, BAD)) if random.random() < 0.98 else random.choice(["None", "4", "True"])
    kind = random.random()
    if kind < 0.05:
        return f"({random.choice(UNSIZED)!r}, {shape_text()})"
    if kind < 0.15:
        return f"({type_text(depth - 1)}, {shape_text()})"
    if kind < 0.55:
        return list_text(depth)
    return names_text(depth) if kind < 0.85 else fields_text(depth)


def list_text(depth):
    fields = []
    for _ in range(random.choice([1, 1, 2, 3, 4])):
        parts = [name_text(), type_text(depth - 1)]
        if random.random() < 0.25:
            parts.append(shape_text())
        fields.append(f"({', '.join(parts)})")
    return f"[{', '.join(fields)}]"


def offset_text():
    return str(one_of([0, 0, 1, 2, 3, 4, 8, 8, 12, 16, 24, 40], [-1, LIMIT, 2**31, "True", "'1'", "None"]))


def sequence(parts):
    return one_of([f"[{', '.join(parts)}]", f"({', '.join(parts)},)"], [repr("".join(parts)), "None"])


def names_text(depth):
    count = random.choice([1, 2, 2, 3])
    names = random.sample(NAMES, count)
    lengths = [one_of([count], [count - 1, count + 1]) for _ in range(3)]
    entries = {
        "names": sequence([repr(name) for name in names]),
        "formats": sequence([type_text(depth - 1) for _ in range(lengths[0])]),
    }
    if random.random() < 0.7:
        entries["offsets"] = sequence([offset_text() for _ in range(lengths[1])])
    if random.random() < 0.5:
        entries["itemsize"] = str(one_of([64, 80, 100, 1024], [0, 7, -8, "None", "True", LIMIT, 2**31]))
    if random.random() < 0.2:
        titles = ["None", "'T'", "'U'", "'x'", "'W'", "''"]
        entries["titles"] = sequence([one_of(titles, ["5", "()"]) for _ in range(lengths[2])])
    if random.random() < 0.5:
        entries["aligned"] = one_of(["True", "False"], ["1", "None"])
    if random.random() < 0.03:
        entries[random.choice(["metadata", "offset", "align"])] = "{}"
    if random.random() < 0.02:
        entries.pop(random.choice(list(entries)))
    keys = list(entries)
    random.shuffle(keys)
    return "{" + ", ".join(f"{key!r}: {entries[key]}" for key in keys) + "}"


def fields_text(depth):
    fields = []
    for name in random.sample(NAMES, random.choice([1, 2, 3])):
        parts = [type_text(depth - 1), offset_text()]
        if random.random() < 0.2:
            parts.append(random.choice(["'T'", "'x'", "None", repr(name)]))
        fields.append(f"{name!r}: ({', '.join(parts)})")
    return "{" + ", ".join(fields) + "}"


def broken(text):
    """The text with one token or character left out, doubled, or replaced by another of its own."""
    pieces = re.findall(r"'[^']*'|\w+|\s+|.", text, re.DOTALL)
    at = random.randrange(len(pieces))
    pieces[at] = random.choice([pieces[at] * 2, "", random.choice(pieces)])
    return "".join(pieces)


def nested(levels, shape=""):
    text = "'u1'"
    for level in range(levels):
        text = f"[('a', {text}{shape})]" if level % 2 else f"{{'names': ['b'], 'formats': [{text}]}}"
    return text


def short_forms():
    """Texts in the short form and with plus signs, each with the list that means the same."""
    shapes = ["", "", "3", "(2,)", "(2,3)", "()"]
    for _ in range(800):
        names = random.sample(["x", "y", "id", "a b", "é", "f7", "it's"], random.choice([1, 2, 3]))
        items = [random.choice(shapes) + one_of(PLAIN, BAD) for _ in names]
        try:
            dtype = np.dtype([(name, np.dtype(item.strip())) for name, item in zip(names, items, strict=True)])
            check(dtype)
            expected = answer(dtype)
        except Exception:
            expected = None
        fields = [f"{name}:{item}" for name, item in zip(names, items, strict=True)]
        yield "text", ", ".join(fields), expected
        yield "option", "+".join(fields), expected
    for _ in range(300):
        items = [random.choice(shapes) + one_of(PLAIN, BAD) for _ in range(random.choice([2, 3]))]
        yield "option", "+".join(items), judged("text", ",".join(items))


def judged(form, text):
    try:
        return answer(read(form, text))
    except Exception:
        return None


def cases():
    for _ in range(3000):
        text = comma_text()
        yield "text", text, judged("text", text)
    for number in range(4000):
        make = [list_text, names_text, fields_text, type_text][min(number % 5, 3)]
        whole = make(random.randrange(1, 4))
        for text in (whole, broken(whole)):
            if make is type_text and not text.lstrip().startswith(("[", "{", "(")):
                continue
            expected = judged("text", text)
            yield "text", text, expected
            yield "descr", text, judged("descr", text)
            if expected is not None and expected["descr"] is not None:
                descr = expected["descr"]
                yield "descr", descr, judged("descr", descr)
                descr = broken(descr)
                yield "descr", descr, judged("descr", descr)
    for levels in range(1, 12):
        for text in (nested(levels), nested(levels, ", (2,)"), nested(levels).replace("'u1'", "'u1,u1'")):
            yield "text", text, judged("text", text)
    yield from short_forms()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    random.seed(4)
    compared = [case for case in cases() if not EXTENSION.search(case[1])]
    json.dump([np.__version__, compared], sys.stdout)
