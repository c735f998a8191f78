"""For each language the lines that print all that the lines of README.txt have read."""

from dataclasses import dataclass

from elements import Array

# What C calls a number, by NumPy's kind and its size.
C_TYPES = {
    "b1": "_Bool", "i1": "int8_t", "i2": "int16_t", "i4": "int32_t", "i8": "int64_t", "u1": "uint8_t",
    "u2": "uint16_t", "u4": "uint32_t", "u8": "uint64_t", "f2": "_Float16", "f4": "float", "f8": "double",
    "f16": "long double", "c4": "float", "c8": "double", "c16": "long double", "S1": "char", "U4": "uint32_t",
    "V1": "uint8_t",
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """A program, the line of lengths that it has to print, and the order in which it prints elements."""

    text: str
    lengths: str
    order: str = "F"


def spaced(lengths: object) -> str:
    return " ".join(map(str, lengths))


def r(section: str, array: Array) -> Program:
    shape = array.array.shape
    each = {
        "b": "writeLines(paste(as.integer(a)))",
        "c": 'writeLines(sprintf("%.17g %.17g", Re(a), Im(a)))',
        "S": 'for (s in a) cat(as.integer(charToRaw(s)), "\\n")',
        "U": 'for (s in a) cat(utf8ToInt(s), "\\n")',
        "V": f'write(as.integer(a), "", ncolumns = {array.count})',
    }.get(array.kind, 'writeLines(sprintf("%.17g", a))')
    lengths = spaced(shape if array.kind != "V" else (array.count, *shape))
    if len(lengths.split()) < 2:
        lengths = str(array.array.size * (array.count if array.kind == "V" else 1))
    dims = "cat(if (is.null(dim(a))) length(a) else dim(a))"
    return Program(f'{section}cat("----\\n"); {dims}; cat("\\n")\n{each}\n', lengths)


def octave(section: str, array: Array) -> Program:
    columns = f"printf([repmat('%d ', 1, {array.count}) '\\n'], a);"
    each = {
        "b": "printf('%d\\n', a);",
        "f": "printf('%.17g\\n', a);",
        "c": "printf('%.17g %.17g\\n', [real(a(:)).'; imag(a(:)).']);",
        "S": "for k = 1:numel(a), printf('%d ', double(a{k})); printf('\\n'); end",
        "U": columns,
        "V": columns,
    }.get(array.kind, "for k = 1:numel(a), disp(a(k)); end")
    shape = (array.count, *array.array.shape) if array.kind in "UV" else array.array.shape
    # There are at least two axes, and none of length 1 at the end.
    if len(shape) < 2:
        return Program(
            f"{section}printf('----\\n%d\\n', numel(a));\n{each}\n", str(array.array.size * shape_count(array))
        )
    return Program(
        f"{section}printf('----\\n'); printf('%d ', size(a)); printf('\\n');\n{each}\n", spaced(trimmed(shape))
    )


def shape_count(array: Array) -> int:
    return array.count if array.kind in "UV" else 1


def trimmed(shape: tuple[int, ...]) -> tuple[int, ...]:
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def c(section: str, array: Array) -> Program:
    number = "uint16_t" if array.array.dtype.name == "bfloat16" else C_TYPES[f"{array.kind}{array.size}"]
    value = "value(p[k])" if "value(" in section else "p[k]"
    if array.kind in "fc":
        show = f'printf("%.20Lg", (long double){value})'
    elif array.kind == "u":
        show = f'printf("%llu", (unsigned long long){value})'
    else:
        show = f'printf("%lld", (long long){value})'
    whole, end, _ = section.rpartition("}")
    assert end
    text = f"""{whole}
    printf("----\\n%zu\\n", sizeof *a);
    const {number} *p = (const {number} *)a;
    for (long k = 0; k < {array.array.size * array.count}; k++) {{
        {show};
        putchar((k + 1) % {array.count} ? ' ' : '\\n');
    }}
}}
"""
    row = array.array.nbytes // (array.array.shape[0] if array.array.ndim else 1)
    return Program(text, str(row), "C")


def fortran(section: str, array: Array) -> Program:
    numbers = f"'({array.count}(i0,1x))'"
    a = "value(a)" if "function value(" in section else "a"
    each = {
        "b": f"'(i0)', merge(1, 0, {a})",
        "f": f"'(es50.30e4)', {a}",
        "c": "'(2(es50.30e4,1x))', a",
        "S": f"{numbers}, transfer(a, [0_int8])",
        "U": f"{numbers}, a",
        "V": f"{numbers}, a",
    }.get(array.kind, f"'(i0)', {a}")
    shape = array.array.shape or (1,)
    axes = (array.count,) if array.kind in "UV" else ()
    shape = (*axes, *shape) if len(shape) + len(axes) <= 15 else (*axes, array.array.size)
    dump = f"  print '(a)', '----'\n  print '(*(i0,1x))', shape(a)\n  print {each}\n"
    end = section.index("contains\n" if "contains\n" in section else "end program")
    return Program(section[:end] + dump + section[end:], spaced(shape))


def node(section: str, array: Array) -> Program:
    text = f"""{section}
console.log("----");
console.log(data.length);
const show = (x) => typeof x === "boolean" ? +x : typeof x === "object" ? [...x].join(" ")
    : typeof x === "string" ? [...x].map((c) => c.codePointAt(0)).join(" ") : `${{x}}`;
const walk = (...index) => {{
    if (index.length === shape.length) console.log(show(at(...index)));
    else for (let i = 0; i < shape[index.length]; i++) walk(...index, i);
}};
walk();
"""
    return Program(text, str(array.array.size * array.count), "C")


def awk(section: str, array: Array) -> Program:
    """The table is printed field by field, but for the blanks at its end; then row 0."""
    section, _, row = section.partition("\n")
    before, _, rest = section.partition("-F, '")
    _, _, after = rest.partition("'")
    everything = "{ for (k = 1; k < NF; k++) print $k }"
    text = f"{section}\necho ----\nawk -F, 'END {{ print NR }}'{after}\n{before}-F, '{everything}'{after}\n{row}"
    table = array.array[(-1,) * max(array.array.ndim - 2, 0)]
    return Program(text, str(len(table) if array.array.ndim else 1), "C")


def python(section: str, array: Array) -> Program:
    text = f"{section}print('----')\nprint(*a.shape)\nprint(repr(a.dtype))\nprint(a.tobytes().hex())\n"
    return Program(text, spaced(array.array.shape), "C")


def shell(section: str, array: Array) -> Program:
    return Program(f"{section}echo ----\necho\nod -A n -v -t x1 part.bin | tr -d ' \\n'\n", "", "C")
