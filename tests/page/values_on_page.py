"""`index.html` of mounts in a real browser: pictures, tables and texts of arrays of all types, as NumPy has them."""

import re
from fractions import Fraction

import ml_dtypes
import numpy as np
from playwright.sync_api import Locator
from safetensors import numpy as safetensors

from cases import Case, Session, main
from checks import expect, same
from page_judge import array_shown, grey, same_pixels, shown

NUMBERS = ["?", "i1", "u1", ">i2", "<u2", "<i4", ">u4", ">i8", "<u8", "<f2", ">f2", ">f4", "<f4", ">f8", "<c8", ">c16"]
FLOAT8 = [
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
]
TIMES = ["<M8[D]", ">M8[ms]", "<M8[25ns]", "<M8[h]", "<M8[M]", "<M8[Y]", "<m8[s]"]


def random_array(session: Session, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Values of the whole range of a dtype; of floats, with some that are not finite."""
    kind = np.dtype(dtype).kind
    if kind in "fc":
        array = session.rng.normal(size=shape)
        array = array + 1j * session.rng.normal(size=shape) if kind == "c" else array
        array[0, 1, 2], array[0, 2, 1], array[0, 3, 3] = np.nan, np.inf, -np.inf
        return array.astype(dtype)
    if kind in "Mm":
        return session.rng.integers(-(10**4), 10**6, shape).astype(dtype)
    data = session.rng.bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize)
    array = np.frombuffer(data, dtype).reshape(shape)
    return (array.view("u1") % 2).astype("?") if kind == "b" else array


def as_numbers(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "c":
        return np.hypot(array.real.astype("f8"), array.imag.astype("f8"))
    return array.astype("i8").astype("f8") if array.dtype.kind in "Mm" else array.astype("f8")


def pictures(session: Session) -> None:
    """Every pixel is that of NumPy's value, for all types in both orders."""
    for number, dtype in enumerate([*NUMBERS, "<M8[s]"]):
        array = random_array(session, dtype, (3, 11, 13))
        for order in "CF" if number % 4 == 0 else "C":
            with array_shown(session, array, order) as page:
                numbers = as_numbers(array[1] if order == "C" else array[:, :, 6].T)
                same("the slice", ["1,:,:" if order == "C" else ":,:,6"], page.slices())
                same_pixels(f"{dtype}, order {order}", grey(numbers), page.pixels())
                page.page.get_by_label("axis 0, index" if order == "C" else "axis 2, index").fill("0")
                page.settle()
                numbers = as_numbers(array[0] if order == "C" else array[:, :, 0].T)
                same_pixels(f"{dtype}, order {order}, the first", grey(numbers), page.pixels())


def choices(session: Session) -> None:
    """Axes, percentiles, colour maps and inversion."""
    array = session.rng.normal(size=(7, 9, 11))
    with array_shown(session, array) as page:
        page.choose("Down", 2)
        page.choose("Across", 0)
        same_pixels("axes 2 and 0", grey(array[:, 4, :].T), page.pixels())
        page.choose("Across", 2)
        same_pixels("swapped", grey(array[:, 4, :]), page.pixels())
        page.page.get_by_label("Low percentile").fill("0")
        page.page.get_by_label("High percentile").fill("100")
        page.choose("Colours", "grey, inverted")
        numbers = array[:, 4, :]
        shades = 255 - np.floor((numbers - numbers.min()) * (255 / np.ptp(numbers)) + 0.5)
        same_pixels("inverted", shades.astype("u1"), page.pixels()[..., 0])
        page.choose("Colours", "viridis")
        pixels = page.pixels()
        for at, colour in ((numbers.argmin(), "440154"), (numbers.argmax(), "fde725")):
            same("viridis", colour, bytes(pixels.reshape(-1, 4)[at, :3]).hex())
        page.page.get_by_label("keep contrast").check()
        page.page.get_by_label("axis 1, index").fill("0")
        page.settle()
        kept = page.page.locator(".limits").inner_text()
        same("kept limits", [numbers.min(), numbers.max()], limits_of(kept, numbers))


def limits_of(text: str, numbers: np.ndarray) -> list[float]:
    """The limits that the page says, as the values that they are rounded from."""
    said = [float(number) for number in re.findall(r"[-\d.e]+\d", text)]
    ends = [numbers.min(), numbers.max()]
    return [end if abs(end - value) < 1e-5 else value for end, value in zip(ends, said, strict=True)]


def colours(session: Session) -> None:
    """A last axis of three or four bytes is that of colours, until it is told otherwise."""
    for channels in (3, 4):
        array = session.rng.integers(0, 256, (8, 12, channels), "u1")
        array[..., 3:] = 255
        with array_shown(session, array) as page:
            same("the slice", [":,:,:"], page.slices())
            pixels = np.full((8, 12, 4), 255, "u1")
            pixels[..., :channels] = array
            same("colours", True, np.array_equal(pixels, page.pixels()))
            page.click_pixel(2, 3)
            same("the value", f"[2, 3, :] = {', '.join(map(str, array[2, 3]))}", page.value)
            page.page.get_by_label("last axis as colours").uncheck()
            page.settle()
            same_pixels("one channel", grey(array[2].astype("f8")), page.pixels())


def texts(session: Session) -> None:
    """The text of values in tables is what NumPy reads back, or says."""
    for dtype in [*NUMBERS, *TIMES, "S5", "<U3", ">U3", "V3"]:
        kind = np.dtype(dtype).kind
        if kind in "SU":
            array = np.array(["", "a", "größe"[:3] if kind == "U" else "b<i>", "x y"]).astype(dtype).reshape(2, 2)
        else:
            array = random_array(session, dtype, (1, 4, 5))[0]
        if kind == "M":
            array[0, 0] = "NaT"
        with array_shown(session, array) as page:
            if kind not in "SUV":
                page.view("Table")
            for row, values in zip(page.cells()[1:], array, strict=True):
                for text, value in zip(row[1:], values, strict=True):
                    same(f"{dtype}: {value!r}", True, is_text_of(text, value))


def is_text_of(text: str, value: np.generic) -> bool:
    match value.dtype.kind:
        case "f" | "c":
            read = complex(text.replace("Infinity", "inf")) if value.dtype.kind == "c" else float(text)
            return bool(np.array_equal(value.dtype.type(read), value, equal_nan=True))
        case "m":
            return text == f"{value.astype('i8')} s"
        case "V":
            return text == value.tobytes().hex(" ")
        case "S":
            return text == value.decode()
    return text == str(value)


RECORD = [
    ("id", "<i8"),
    ("x", ">f4"),
    ("name", "S6"),
    ("title", "<U4"),
    ("when", ">M8[s]"),
    ("pair", "<i2", (2,)),
    ("many", "u1", (3, 4)),
    ("in", [("a", "u1"), ("b", "<f8")]),
    ("a/b", "?"),
]


def records(session: Session) -> None:
    """A table that pages, and each field as an array of its own."""
    array = np.zeros(120, RECORD)
    array["id"] = np.arange(120) + 2**60
    array["x"] = session.rng.normal(size=120)
    array["name"] = [f"n{i}" for i in range(120)]
    array["title"] = "é€"
    array["when"] = np.arange(120)
    array["pair"] = session.rng.integers(-9, 9, (120, 2))
    array["many"] = np.arange(12).reshape(3, 4)
    array["a/b"] = np.arange(120) % 2
    with array_shown(session, array) as page:
        same("the slice", ["0:50"], page.slices())
        head, *rows = page.cells()
        same("the head", ["index", *array.dtype.names], head)
        check_records(array[:50], rows)
        page.page.get_by_role("button", name="Next page").click()
        page.settle()
        page.page.get_by_role("button", name="Next page").click()
        page.settle()
        same("the slices", ["50:100", "100:120"], page.slices())
        check_records(array[100:], page.cells()[1:])
        expect(page.page.get_by_role("button", name="Next page").is_disabled(), "there is a page after the last")
        page.page.get_by_label("axis 0, index").fill("70")
        page.settle()
        check_records(array[70:], page.cells()[1:])
        page.page.locator("thead").get_by_role("link", name="a/b").click()
        page.settle()
        expect("fields/a%2Fb/meta.json" in page.files, f"files: {page.files}")
        page.view("Table")
        same("the field", ["False", "True"], [row[1] for row in page.cells()[1:3]])
        page.page.go_back()
        page.settle()
        same("the head", ["index", *array.dtype.names], page.cells()[0])


def check_records(array: np.ndarray, rows: list[list[str]]) -> None:
    same("the number of rows", min(50, len(array)), len(rows))
    for row, record in zip(rows, array, strict=False):
        number, x, name, title, when, pair, many, within, truth = row[1:]
        same("id", str(record["id"]), number)
        same("x", record["x"], np.float32(x))
        same("name", record["name"].decode(), name)
        same("title", record["title"], title)
        same("when", str(record["when"]), when)
        same("pair", f"[{record['pair'][0]}, {record['pair'][1]}]", pair)
        same("many", "[0, 1, 2, 3, 4, 5, 6, 7, …]", many)
        same("in", "(record)", within)
        same("a/b", str(record["a/b"]), truth)


def small(session: Session) -> None:
    """Arrays without axes, without elements, and of one element."""
    for array, expected in [
        (np.array(-2.5), "-2.5"),
        (np.array(2**63 + 1, ">u8"), str(2**63 + 1)),
        (np.array("1969-12-31T23:59:59.5", "<M8[ms]"), "1969-12-31T23:59:59.500"),
        (np.zeros((0, 3)), "The array is empty: its shape is (0, 3)."),
        (np.zeros(0, "S3"), "The array is empty: its shape is (0,)."),
    ]:
        with array_shown(session, array) as page:
            page.page.get_by_text(expected, exact=False).wait_for()
    with array_shown(session, np.array((1.5, "é"), [("x", ">f4"), ("name", "<U2")])) as page:
        same("the table", [["index", "x", "name"], ["0", "1.5", "é"]], page.cells())
    for array in (np.array([7.0]), np.array([[7]]), np.full((3, 4), np.nan), np.full(5, 1e300), np.full(4, 2**60)):
        with array_shown(session, array) as page:
            page.view("Plot")
            page.view("Table")
            same("the table", [str(i) for i in range(array.shape[0])], [row[0] for row in page.cells()[1:]])


def halves(session: Session) -> None:
    """All values of float16 and bfloat16, in both byte orders, and of the types of one byte."""
    kinds = [("float16", "f2", "<>"), ("bfloat16", "V2", "<>"), *((name, "V1", "<") for name in FLOAT8)]
    with array_shown(session, np.arange(3)) as page:
        for name, dtype, orders in kinds:
            itemsize = int(dtype[1])
            bits = np.arange(2 ** (8 * itemsize), dtype=f"u{itemsize}")
            with np.errstate(invalid="ignore"):
                values = bits.view(getattr(ml_dtypes, name, np.float16)).astype("f8")
            for order in orders:
                read = page.page.evaluate(
                    """([dtype, name, bytes]) => {
                        const layout = layoutOf(dtype, name);
                        const view = new DataView(new Uint8Array(bytes).buffer);
                        const read = (_, k) => String(layout.read(view, layout.itemsize * k));
                        return Array.from({ length: bytes.length / layout.itemsize }, read);
                    }""",
                    [order + dtype, name, list(bits.astype(bits.dtype.newbyteorder(order)).tobytes())],
                )
                same(f"{order}{name}", True, np.array_equal(values, np.array(read, "f8"), equal_nan=True))


def digits(session: Session) -> None:
    """Texts of numbers have the digits that tell them apart, and those of integers are exact."""
    minutes = 2460000.5 + np.arange(300) / 1440
    big = np.arange(300) * 2**40 + 2**62
    arrays = {
        "julian days": minutes,
        "seconds": 1600000000 + np.arange(300),
        "u4": np.array([2**32 - 1, 2**32 - 3, 2**32 - 4], "u4"),
        "f4": (100000 + np.arange(50) / 128).astype("f4"),
        "big": big,
        "extremes": np.array([1.7e308, -1.7e308]),
    }
    picture, far = minutes.reshape(15, 20), arrays["extremes"].reshape(1, 2)
    float8 = np.arange(-6, 6).reshape(3, 4).astype(ml_dtypes.float8_e4m3fn)
    file = session.directory / "numbers.safetensors"
    safetensors.save_file({**arrays, "picture": picture, "far": far, "float8": float8}, file)
    with shown(session, file, "--mode", "r") as page:
        for name, array in arrays.items():
            page.open(f"#/{name}")
            said = page.page.locator("figcaption").first.inner_text()
            low, high, mean = re.fullmatch(r"\d+ values, from (\S+) to (\S+), mean (\S+)", said).groups()
            if array.dtype.kind == "f":
                near = max(np.ptp(array / 2) * 1e-4, abs(array).max() * 1e-15)
                for text, number in (
                    (low, array.min()),
                    (high, array.max()),
                    (mean, (array.astype("f8") / len(array)).sum()),
                ):
                    expect(abs(float(text) - number) <= near, f"{name}: {text} is said of {number}")
            else:
                values = [int(value) for value in array]
                same(name, (min(values), max(values)), (int(low), int(high)))
                error = abs(Fraction(sum(values), len(values)) - Fraction(mean))
                expect(error < (1 if max(values) > 2**53 else 1e-6), f"{name}: mean {mean}")
            for chart in (page.line, page.histogram):
                check_ticks(f"{name}, {chart.get_attribute('aria-label')}", chart)
        page.open("#/extremes")
        counted = [int(re.search(r": (\d+) values", text)[1]) for text in page.readings(page.histogram, 48)]
        same("the counts of the largest floats", (1, 1, 2), (counted[0], counted[-1], sum(counted)))
        page.open("#/picture")
        low, high = page.page.locator(".limits").inner_text().removeprefix("from ").split(" to ")
        same(
            "the limits",
            np.percentile(minutes, [1, 99]).round(5).tolist(),
            [round(float(low), 5), round(float(high), 5)],
        )
        page.open("#/far")
        same("limits that are far apart", "from -1.7e+308 to 1.7e+308", page.page.locator(".limits").inner_text())
        page.open("#/float8")
        same_pixels("float8", grey(float8.astype("f8")), page.pixels())
        page.click_pixel(1, 3)
        same("a value of float8", "[1, 3] = 1", page.value)


def check_ticks(subject: str, chart: Locator) -> None:
    """Ticks are different numbers at equal distances, and none is cut off."""
    drawn = chart.evaluate(
        """canvas => {
            const drawn = [];
            const context = canvas.getContext('2d');
            context.fillText = (text, x) => {
                const { width } = context.measureText(text);
                const left = { center: x - width / 2, right: x - width }[context.textAlign];
                drawn.push([context.textAlign, text, left, left + width, canvas.clientWidth]);
            };
            canvas.chart.draw();
            delete context.fillText;
            return drawn;
        }"""
    )
    for align in ("center", "right"):
        numbers = [float(text) for where, text, *_ in drawn if where == align]
        expect(len(numbers) >= 2, f"{subject}: ticks at {numbers}")
        steps = np.diff(np.array(numbers) / 4)
        expect(np.allclose(steps, steps[0], 1e-6, 0) and steps[0] > 0, f"{subject}: ticks at {numbers}")
    for _, text, left, right, width in drawn:
        expect(left >= -0.5 and right <= width + 0.5, f"{subject}: {text!r} is cut off")


def large_elements(session: Session) -> None:
    """What is too large for a page is not fetched, and its fields are linked."""
    file = session.directory / "large.bin"
    record = "[('a','<f4',(50000000,)),('b','<i4'),('s','S1000'),('t','S12000000')]"
    with open(file, "wb") as sparse:
        sparse.truncate(3 * (4 * 50000000 + 4 + 1000 + 12000000))
        sparse.seek(4 * 50000000 + 4)
        sparse.write(b"x" * 1000)
    with shown(session, file, "--mode", "r", "--dtype", record) as page:
        page.page.get_by_text("An element has 202.2 MiB, too much to be shown.").wait_for()
        for name, files in {
            "t": ["fields/t/meta.json"],
            "s": ["fields/s/meta.json", "fields/s/slices/:"],
            "b": ["fields/b/meta.json", "fields/b/slices/:"],
        }.items():
            page.open()
            page.page.get_by_role("link", name=name, exact=True).click()
            page.settle()
            same(f"files of {name}", ["meta.json", *files], page.files[-1 - len(files) :])
            if name == "s":
                same("a long text", "x" * 200 + "…", page.cells()[1][1])
        page.open("#/fields/a")
        fetched = [int(request.response().header_value("content-length") or 0) for request in page.requests]
        expect(sum(fetched) < 5_000_000, f"fetches {fetched} bytes")


CASES: dict[str, Case] = {
    "pictures": pictures,
    "choices": choices,
    "colours": colours,
    "texts": texts,
    "records": records,
    "small": small,
    "halves": halves,
    "digits": digits,
    "large elements": large_elements,
}

if __name__ == "__main__":
    main(__doc__, CASES)
