"""Random texts of Python literals, whole and broken, and what Python makes of each.

Prints JSON: a list of [text, repr of the value, or null where it is refused].
"""

import ast
import io
import json
import random
import re
import sys
import tokenize
import unicodedata
import warnings

MAX_DEPTH = 64
PLAIN = "abfxyzNLu019 _.,:;'\"\\[](){}+-<>|é\u0301\u200b\u4e00\U0001f600\ud7ff\x00\x07\x7f\x85\xa0\n\r\t"
SINGLE = {"\n": "n", "\r": "r", "\t": "t", "\\": "\\", "'": "'", '"': '"', "\x07": "a"}
PIECES = ["'", '"', "[", "]", "(", ")", "{", "}", ",", ":", "0", "1", "_", "x", "L", "-", "+", " "]
PIECES += ["\n", "\\", "u", "b", "r", ".", "e", "None", "True", "False", "'a'", "0x", "07", "1_0"]


class Refused(Exception):
    """The text is no literal, or not of the part that is read."""


def read(text):
    """The value of `text`. Blanks may stand around it as they may inside brackets."""
    wrapped = f"[0, {text}\n, 0]"
    try:
        body = ast.parse(wrapped, mode="eval").body
        if not isinstance(body, ast.List) or len(body.elts) != 3:
            raise Refused("not one value")
        values = ast.literal_eval(body)
        lines = io.StringIO(wrapped.replace("\r\n", "\n").replace("\r", "\n"))
        tokens = list(tokenize.generate_tokens(lines.readline))
    except (SyntaxError, ValueError, TypeError, tokenize.TokenError, MemoryError) as error:
        raise Refused from error
    check_tokens(tokens)
    check_value(values[1])
    return values[1]


def check_tokens(tokens):
    depth = 0
    # The token before, and the one before that is not the end of a line.
    before = last = tokens[0]
    for token in tokens[1:]:
        if last.type == token.type == tokenize.STRING:
            raise Refused("texts side by side")
        if last.string in "+-" and token.string == "(":
            raise Refused("a sign before brackets")
        is_line_end = before.type in (tokenize.NL, tokenize.NEWLINE)
        if token.start[0] != before.end[0] + is_line_end and token.type != tokenize.ENDMARKER:
            raise Refused("a continued line")
        if token.type == tokenize.COMMENT:
            raise Refused("a comment")
        if token.type == tokenize.STRING:
            check_string(token.string)
        if token.type == tokenize.OP:
            depth += (token.string in "[({") - (token.string in "])}")
        if depth > MAX_DEPTH:
            raise Refused("too deep")
        before = token
        if token.type not in (tokenize.NL, tokenize.NEWLINE):
            last = token


def check_string(source):
    if source[0] in "uU":
        source = source[1:]
    if source[0] not in "'\"" or source.startswith(("'''", '"""')):
        raise Refused("prefix or triple quotes")
    if re.search(r"\\N", source.replace("\\\\", "")):
        raise Refused("named character")


def check_value(value):
    if isinstance(value, (list, tuple)):
        for item in value:
            check_value(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise Refused("key")
            check_value(key)
            check_value(item)
    elif isinstance(value, str):
        if re.search("[\ud800-\udfff]", value):
            raise Refused("surrogate")
    elif isinstance(value, int):
        if not -(2**127) <= value < 2**127:
            raise Refused("128 bits")
    elif value is not None:
        raise Refused("kind of value")


def blank():
    return random.choice(["", "", "", "", " ", "  ", "\n", "\t", "\f", "\r\n", "\r"])


def spell_string(value):
    quote = random.choice("'\"")
    spelled = []
    for c in value:
        code = ord(c)
        forms = [f"\\U{code:08x}"]
        if code < 0x10000:
            forms.append(f"\\u{code:04X}")
        if code < 0x100:
            forms += [f"\\x{code:02x}", f"\\{code:03o}"]
        if c in SINGLE:
            forms += ["\\" + SINGLE[c]] * 4
        if c not in (quote, "\\", "\n", "\r", "\0"):
            forms += [c] * 8
        spelled.append(random.choice(forms))
    return random.choice(["", "", "", "u", "U"]) + quote + "".join(spelled) + quote


def spell_number(value):
    sign = "-" if value < 0 else random.choice(["", "", "", "+"])
    spelled = random.choice([str, str, str, hex, oct, bin, "{:_}".format])(abs(value))
    return sign + blank() + spelled


def spell(value):
    """The value as some text, with blanks and superfluous commas and parentheses."""
    if random.random() < 0.05:
        return f"({blank()}{spell(value)}{blank()})"
    if isinstance(value, str):
        return spell_string(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return spell_number(value)
    if isinstance(value, (list, tuple, dict)):
        items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
        parts = []
        for key, item in items:
            key = "" if key is None else f"{spell_string(key)}{blank()}:"
            parts.append(f"{blank()}{key}{blank()}{spell(item)}{blank()}")
        comma = "," if isinstance(value, tuple) and len(value) == 1 else random.choice(["", ","])
        brackets = {list: "[]", tuple: "()", dict: "{}"}[type(value)]
        return brackets[0] + ",".join(parts) + (comma if parts else "") + blank() + brackets[1]
    return repr(value)


def random_string():
    return "".join(random.choice(PLAIN) for _ in range(random.choice([0, 1, 1, 2, 3, 8])))


def random_value(depth):
    kind = random.randrange(8 if depth else 4)
    if kind == 0:
        return random.choice([None, True, False])
    if kind == 1:
        bits = random.choice([1, 4, 8, 32, 64, 127, 127])
        return random.randrange(-(2**bits), 2**bits)
    if kind < 4:
        return random_string()
    items = [random_value(depth - 1) for _ in range(random.randrange(4))]
    if kind < 6:
        return tuple(items)
    return items if kind == 6 else {random_string(): item for item in items}


def broken(text):
    """The text with one to three small mistakes."""
    for _ in range(random.randint(1, 3)):
        at = random.randint(0, len(text))
        end = min(len(text), at + random.choice([0, 0, 1, 1, 2]))
        text = text[:at] + random.choice([random.choice(PIECES), ""]) + text[end:]
    return text


def texts():
    for number in range(6_000):
        text = spell(random_value(random.randrange(4)))
        yield text
        yield broken(text)
        yield "".join(random.choice(PIECES) for _ in range(number % 8))
    for depth in range(1, 60):
        yield "[" * depth + "]" * depth
        yield "[(" * (depth // 2) + "{'a':" * (depth % 2) + "0" + "}" * (depth % 2) + ",)]" * (depth // 2)
    for bits in (126, 127, 128, 129):
        for value in (2**bits - 1, 2**bits, 2**bits + 1):
            yield from (str(value), str(-value), hex(value), f"-{value:#b}")
    # Every character that this Python knows, a thousand at a time.
    known = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) not in ("Cn", "Cs")]
    for start in range(0, len(known), 1000):
        yield repr("".join(known[start : start + 1000]))


def answer(text):
    try:
        return repr(read(text))
    except Refused:
        return None


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    random.seed(4)
    json.dump([[text, answer(text)] for text in texts()], sys.stdout)
