"""Reads a JSON list of cases, and writes NumPy's version and what NumPy selects in each: null, or the
shape, the strides and the offset, and the axis and place if the index is nothing else. What is no
expression of the grammar is told from Python's own syntax tree."""

import ast
import functools
import json
import re
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")


def is_integer(node, text):
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        # A blank behind the sign makes it an operator, which the grammar does not have.
        node, sign = node.operand, node
        if node.col_offset != sign.col_offset + 1:
            return False
    return isinstance(node, ast.Constant) and ast.get_source_segment(text, node).isdecimal()


def is_part(node, text):
    if isinstance(node, ast.Slice):
        bounds = [b for b in (node.lower, node.upper, node.step) if b]
        return all(is_integer(bound, text) for bound in bounds)
    if isinstance(node, ast.Constant) and node.value in (None, ...):
        return True
    return is_integer(node, text) or isinstance(node, ast.Name) and node.id == "newaxis"


class Parts:
    def __getitem__(self, parts):
        return parts


def parse(text):
    """The index that the text is; raises ValueError or SyntaxError if it is none."""
    text = text.strip(" \t")
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    # Python takes no zeros before a number.
    text = "a[" + re.sub(r"(?<![0-9A-Za-z_])0+(?=[0-9])", "", text) + "]"
    tree = ast.parse(text, mode="eval")
    subscript = tree.body
    if not isinstance(subscript, ast.Subscript) or not isinstance(subscript.value, ast.Name):
        raise ValueError
    node = subscript.slice
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    if not all(is_part(part, text) for part in parts):
        raise ValueError
    return eval(compile(tree, "", "eval"), {"a": Parts(), "newaxis": np.newaxis})


def element_of(parts, shape):
    """The axis and the place, when the index is one integer and leaves all else whole."""
    if None in parts:
        return None
    at = parts.index(...) if ... in parts else len(parts)
    behind = parts[at + 1 :]
    hidden = len(shape) - at - len(behind)
    parts = parts[:at] + (slice(None),) * hidden + behind
    places = [axis for axis, part in enumerate(parts) if isinstance(part, int)]
    whole = all(
        range(*part.indices(n)) == range(n) for part, n in zip(parts, shape, strict=True) if isinstance(part, slice)
    )
    return [places[0], parts[places[0]] % shape[places[0]]] if whole and len(places) == 1 else None


@functools.cache
def array(shape, order, transposed):
    a = np.empty(shape, "i2", order)
    return a.T if transposed else a


def address(a):
    return a.__array_interface__["data"][0]


def select(shape, order, transposed, text):
    a = array(tuple(shape), order, transposed)
    try:
        parts = parse(text)
        selected = a[parts]
    except (ValueError, SyntaxError, IndexError, OverflowError):
        return None
    parts = parts if isinstance(parts, tuple) else (parts,)
    if not isinstance(selected, np.ndarray):
        selected = a[(*parts, ...)]
    offset = address(selected) - address(a)
    return [selected.shape, selected.strides, offset, element_of(parts, a.shape)]


cases = json.load(sys.stdin.buffer)
json.dump([np.__version__, [select(*case) for case in cases]], sys.stdout)
