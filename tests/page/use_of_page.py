"""`index.html` of mounts in a real browser: real files, large arrays, groups, keyboard, phone, and what it fetches."""

import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import nibabel
import numpy as np
from astropy.io import fits
from playwright.sync_api import Route
from safetensors import numpy as safetensors

from browser import Shown, browser, nginx
from cases import Case, Session, main
from checks import expect, same
from page_judge import array_shown, check_histogram, check_line, grey, same_pixels, shown

DATA = Path(__file__).parents[1] / "data"
MOST_PIXELS = 1_000_000


def faces(session: Session) -> None:
    """A click on a pixel says its value, and plots the values through it."""
    spec = find_spec("skimage")
    assert spec is not None and spec.submodule_search_locations
    file = Path(spec.submodule_search_locations[0]) / "data/lfw_subset.npy"
    array = np.load(file)
    with shown(session, file, "--mode", "r") as page:
        same("the files", ["meta.json", "slices/99,:,:"], page.files)
        same_pixels("a face", grey(array[99]), page.pixels())
        page.slices()
        page.click_pixel(7, 20, double=True)
        zoomed = page.slices()
        same("the vector, once, and a part of the picture", [":,7,20", "99,1:14,12:25"], zoomed)
        page.view("Whole")
        page.slices()
        same("the value", f"[99, 7, 20] = {array[99, 7, 20]!r}".replace("np.float64(", "").rstrip(")"), page.value)
        check_line(page, array[:, 7, 20])
        check_histogram(page, array[:, 7, 20])
        # A click in the plot goes to that face.
        page.line.press("Home")
        page.line.press("ArrowRight")
        page.line.press("Enter")
        page.settle()
        same("the slice", ["1,:,:"], page.slices())
        same_pixels("the second face", grey(array[1]), page.pixels())
        page.choose("Plot along", 2)
        same("the vector", ["1,7,:"], page.slices())
        check_line(page, array[1, 7])


def iris(session: Session) -> None:
    """A table of numbers, and one column as a line."""
    file = DATA / "iris.f64"
    array = np.fromfile(file).reshape(150, 4)
    with shown(session, file, "--mode", "r", "--dtype", "f8", "--shape", "150,4") as page:
        same_pixels("iris", grey(array), page.pixels())
        page.view("Plot")
        page.page.get_by_label("axis 1, index").fill("3")
        page.settle()
        same("the last slice", ":,3", page.slices()[-1])
        check_line(page, array[:, 3])
        page.view("Table")
        first, *rows = page.cells()
        same("the head", ["index", "0", "1", "2", "3"], first)
        same("the rows", [[str(i), *(f"{x:g}" for x in array[i])] for i in range(50)], rows)
        page.page.get_by_role("button", name="Next page").click()
        page.settle()
        same("the slices", [":,:", "0:50,:", "50:100,:"][1:], page.slices())
        same("the next page", [str(i) for i in range(50, 100)], [row[0] for row in page.cells()[1:]])
        facts = page.page.locator(".facts").inner_text()
        for fact in ("float64 (<f8)", "(150, 4)", "iris.f64", "4.688 KiB"):
            expect(fact in facts, f"{fact!r} is not among the facts: {facts}")


def functional(session: Session) -> None:
    """An fMRI in Fortran's order: the first two axes are the picture, time is the plot."""
    file = DATA / "functional.nii"
    array = np.asarray(nibabel.load(file).dataobj)
    with shown(session, file, "--mode", "r") as page:
        same("the slice", [":,:,1,9"], page.slices())
        same_pixels("a slice", grey(array[:, :, 1, 9].T), page.pixels())
        page.click_pixel(4, 12)
        same("the vector", ["12,4,1,:"], page.slices())
        same("the value", f"[12, 4, 1, 9] = {array[12, 4, 1, 9]:.15g}", page.value)
        check_line(page, array[12, 4, 1], 1e-14)


def cube(session: Session) -> None:
    """A spectral cube of unsigned integers in FITS, and a table: the values that Astropy gives, not those stored."""
    file = session.directory / "cube.fits"
    spectra = session.rng.integers(0, 1 << 16, (12, 9, 14), "u2", endpoint=False)
    columns = [
        fits.Column("flux", "D", array=np.arange(70) / 7),
        fits.Column("line", "J", bzero=1 << 31, array=(1 << 32) - 1 - np.arange(70, dtype="u4")),
        fits.Column("id", "K", bzero=1 << 63, array=(1 << 63) + np.arange(70, dtype="u8")),
        fits.Column("pair", "2I", array=np.arange(140).reshape(70, 2)),
    ]
    lines = fits.BinTableHDU.from_columns(columns, name="LINES")
    image = fits.ImageHDU(spectra, name="SPECTRA")
    image.header["BIG"] = (1 << 53) + 1
    fits.HDUList([fits.PrimaryHDU(), image, lines]).writeto(file)
    for keyword, value in (("TSCAL4", 0.5), ("TZERO4", 3)):
        fits.setval(file, keyword, value=value, ext=("LINES", 1))
    rows = fits.getdata(file, "LINES")
    with shown(session, file, "--mode", "r") as page:
        expected = [["SPECTRA", "(12, 9, 14)", "2.953 KiB"], ["LINES", "(70,)", "1.641 KiB"]]
        same("the arrays", expected, [[row[0], *row[2:]] for row in page.cells()[1:]])
        page.page.get_by_role("link", name="SPECTRA").click()
        page.settle()
        same_pixels("a picture", grey(spectra[5].astype("f8")), page.pixels())
        page.click_pixel(5, 7)
        same("the value", f"[5, 5, 7] = {spectra[5, 5, 7]}", page.value)
        check_line(page, spectra[:, 5, 7].astype("f8"))
        same("an attribute", 1, page.page.locator("details dd").get_by_text(str((1 << 53) + 1), exact=True).count())
        page.open("#/SPECTRA/native")
        page.click_pixel(5, 7)
        same("the value in native/", f"[5, 5, 7] = {spectra[5, 5, 7]}", page.value)
        page.open("#/LINES")
        first, *shown_rows = page.cells()
        same("the head", ["index", "flux", "line", "id", "pair"], first)
        for i, (index, flux, line, number, pair) in enumerate(shown_rows):
            got = [int(index), float(flux), int(line), int(number), json.loads(pair)]
            same(f"row {i}", [i, rows["flux"][i], rows["line"][i], rows["id"][i], rows["pair"][i].tolist()], got)
        page.open("#/LINES/fields/id")
        said = page.page.locator("figcaption").first.inner_text()
        same("the field", f"70 values, from {1 << 63} to {(1 << 63) + 69}, mean {(1 << 63) + 34}", said)


def many(session: Session) -> None:
    """A file of very many arrays: a part of the list, and the others by their names."""
    file = session.directory / "many.safetensors"
    safetensors.save_file({f"layer{i:04}": np.full((2, 3), i, "i4") for i in range(3000)}, file)
    with shown(session, file, "--mode", "r") as page:
        same("the list", [f"layer{i:04}" for i in range(500)], [row[0] for row in page.cells()[1:]])
        page.page.get_by_role("button", name="Next page").click()
        same("the next page", [f"layer{i:04}" for i in range(500, 1000)], [row[0] for row in page.cells()[1:]])
        page.page.get_by_label("Find").fill("layer2997")
        same("found", [["layer2997", "int32 (<i4)", "(2, 3)", "24 bytes"]], page.cells()[1:])
        page.page.get_by_role("link", name="layer2997").click()
        page.settle()
        same("the value", True, page.files[-1] in ("layer2997/slices/:,:", "layer2997/data"))


def stack(session: Session) -> None:
    """A picture of a stack of 4 GiB takes no longer than one of a small stack."""
    file = session.directory / "stack.f4"
    with open(file, "wb") as sparse:
        sparse.truncate(4 << 30)
    array = np.memmap(file, "<f4", "r+", shape=(1024, 1024, 1024))
    for index in range(0, 1024, 93):
        array[index] = index + session.rng.integers(0, 10, (1024, 1024))
    with shown(session, file, "--mode", "r", "--dtype", "f4", "--shape", "1024,1024,1024") as page:
        page.slices()
        for index in range(0, 1024, 93):
            page.page.get_by_label("axis 0, index").fill(str(index))
            page.settle()
            same_pixels(f"frame {index}", grey(array[index, ::2, ::2].astype("f8")), page.pixels())
        took = page.page.evaluate("performance.getEntriesByType('resource').slice(-8).map(entry => entry.duration)")
        expect(np.median(took) < 1000, f"frames take {took} ms")


def group(session: Session) -> None:
    """The arrays of a file, also those whose names are no ordinary ones, and the way there and back."""
    file = session.directory / "model.safetensors"
    tensors = {
        "layer/0/w": session.rng.normal(size=(6, 8)).astype("f4"),
        "layer/0/b": np.arange(8, dtype="f2"),
        "50% <b>#1?": np.arange(6).reshape(2, 3),
        "größe": np.array(2**62 + 1, "i8"),
        "nothing": np.zeros((0, 3)),
    }
    safetensors.save_file(tensors, file)
    with shown(session, file, "--mode", "r") as page:
        rows = {row[0]: row[1:] for row in page.cells()[1:]}
        paths = {name.replace("%", "%25"): array for name, array in tensors.items()}
        same("the arrays", set(paths), set(rows))
        same("layer/0/w", ["float32 (<f4)", "(6, 8)", "192 bytes"], rows["layer/0/w"])
        page.page.get_by_label("Find").fill("LAYER")
        same("found", {"layer/0/w", "layer/0/b"}, {row[0] for row in page.cells()[1:]})
        page.page.get_by_label("Find").fill("")
        page.page.get_by_role("link", name="50%25 <b>#1?").click()
        page.settle()
        same_pixels("an odd name", grey(tensors["50% <b>#1?"].astype("f8")), page.pixels())
        page.page.get_by_role("link", name="model.safetensors").click()
        page.settle()
        page.page.get_by_role("link", name="layer/0/w").click()
        page.settle()
        same_pixels("layer/0/w", grey(tensors["layer/0/w"].astype("f8")), page.pixels())
        same("the path", "model.safetensors\nlayer\n0\nw", page.page.locator("#path").inner_text())
        page.page.locator("#path").get_by_role("link", name="layer").click()
        page.settle()
        same("layer", {"0/w", "0/b"}, {row[0] for row in page.cells()[1:]})
        page.page.get_by_role("link", name="0/b").click()
        page.settle()
        same("layer/0/b", ["layer/0/b/meta.json", "layer/0/b/slices/:"], page.files[-2:])
        page.open("#/gr%C3%B6%C3%9Fe")
        page.page.get_by_role("cell", name=str(2**62 + 1)).wait_for()
        page.open("#/nothing")
        page.page.get_by_text("The array is empty: its shape is (0, 3).").wait_for()


def large(session: Session) -> None:
    """Of arrays of 4 GiB only a picture's worth is fetched."""
    side = 32768
    file = session.directory / "large.f4"
    with open(file, "wb") as sparse:
        sparse.truncate(4 * side * side)
    array = np.memmap(file, "<f4", "r+", shape=(side, side))
    array[::2048, ::2048] = np.arange(256).reshape(16, 16)
    array[33 * 500, 33 * 400] = 1000
    flat = array.reshape(-1)
    with shown(session, file, "--mode", "r", "--dtype", "f4", "--shape", f"{side},{side}") as page:
        same("the slice", ["::33,::33"], page.slices())
        same_pixels("every 33rd", grey(np.asarray(array[::33, ::33], "f8")), page.pixels())
        # A pixel of the screen holds several of the picture.
        page.click_pixel(500, 400)
        row, col = (int(index) // 33 for index in re.findall(r"\d+", page.value)[:2])
        expect(abs(row - 500) <= 2 and abs(col - 400) <= 2, f"a click at [500, 400] is one at [{row}, {col}]")
        for key, count in (("ArrowDown", 500 - row), ("ArrowRight", 400 - col)):
            for _ in range(abs(count)):
                page.picture.press(key if count > 0 else {"ArrowDown": "ArrowUp", "ArrowRight": "ArrowLeft"}[key])
        page.settle()
        same("the value", f"[{33 * 500}, {33 * 400}] = 1000", page.value)
        same("the vector", f":,{33 * 400}", page.slices()[-1])
        page.view("Zoom in")
        (zoomed,) = page.slices()
        rows, cols = (slice(*map(int, part.split(":"))) for part in zoomed.split(","))
        expect(rows.step == cols.step == 17, f"half of the picture is by steps of {rows.step}")
        same_pixels("zoomed", grey(np.asarray(array[rows, cols], "f8")), page.pixels())
    with shown(session, file, "--mode", "r", "--dtype", "f4", "--shape", f"{side * side}") as page:
        same("the vector", [f"::{side * side // 65536}"], page.slices())
        expect(str(flat.size // 65536) in page.page.locator("figcaption").first.inner_text(), "the step is not said")
    shapes = [(side * side // 4, 4), (2, side * side // 2), (64, 4096, 4096), (1024, 1024, 1024), (side // 2, 2 * side)]
    for shape in shapes:
        with shown(session, file, "--mode", "r", "--dtype", "f4", "--shape", ",".join(map(str, shape))) as page:
            height, width, _ = page.pixels().shape
            expect(height * width <= MOST_PIXELS, f"{shape}: {height} by {width} pixels")
            expect(height * width > MOST_PIXELS / 150, f"{shape}: only {height} by {width} pixels")
            fetched = [request.response().header_value("content-length") for request in page.requests]
            expect(sum(map(int, fetched)) < 4 * MOST_PIXELS + 100_000, f"{shape}: fetches {fetched} bytes")
            same("the requests", 1, len(page.slices()))


def sliders(session: Session) -> None:
    """A slider that is dragged asks for less than every slice, and ends at the right one."""
    array = session.rng.normal(size=(400, 20, 30))
    with array_shown(session, array) as page:
        page.slices()
        page.page.locator("input[type=range]").evaluate(
            """slider => {
                for (let k = 0; k < 400; k++) {
                    slider.value = k;
                    slider.dispatchEvent(new Event('input'));
                }
            }"""
        )
        page.settle()
        same("the slices", ["0,:,:", "399,:,:"], page.slices())
        same_pixels("the last", grey(array[399]), page.pixels())
        number = page.page.get_by_label("axis 0, index")
        border = "input => getComputedStyle(input).borderColor"
        usual = number.evaluate(border)
        number.fill("400")
        page.settle()
        same("an index beyond the axis", [], page.slices())
        expect(number.evaluate(border) != usual, "an index beyond the axis looks like any other")


def keyboard(session: Session) -> None:
    """Everything can be reached and used without a pointer, and has a name."""
    array = session.rng.normal(size=(5, 12, 14))
    with array_shown(session, array) as page:
        keys = page.page.keyboard
        reached = []
        for _ in range(25):
            keys.press("Tab")
            reached.append(page.page.evaluate("document.activeElement.tagName + (document.activeElement.type ?? '')"))
        for kind in ("CANVAS", "INPUTrange", "INPUTnumber", "INPUTcheckbox", "SELECTselect-one", "BUTTONbutton"):
            expect(kind in reached, f"{kind} is not reached by Tab: {reached}")
        slider = page.page.get_by_label("axis 0", exact=True)
        slider.focus()
        keys.press("ArrowRight")
        page.settle()
        same_pixels("the next", grey(array[3]), page.pixels())
        page.picture.focus()
        keys.press("ArrowDown")
        keys.press("ArrowRight")
        page.settle()
        same("the value", f"[3, 6, 7] = {float(array[3, 6, 7])!r}", page.value)
        same("the vector", ":,6,7", page.slices()[-1])
        page.view("Zoom in")
        same("zoomed", ["3,2:10,3:11"], page.slices())
        # Beyond the edge of the part that is shown, the part moves.
        for _ in range(4):
            page.picture.press("ArrowUp")
        page.settle()
        same("the value", f"[3, 2, 7] = {float(array[3, 2, 7])!r}", page.value)
        page.picture.press("ArrowUp")
        page.settle()
        same("the value", f"[3, 1, 7] = {float(array[3, 1, 7])!r}", page.value)
        expect("3,0:8,3:11" in page.slices(), "the picture stays where it was")
        same_pixels("the next part", grey(array[3, :8, 3:11]), page.pixels())
        page.view("Whole")
        same_pixels("the whole", grey(array[3]), page.pixels())
        nameless = page.page.evaluate(
            """[...document.querySelectorAll('a, button, input, select, canvas')]
                .filter(e => !e.ariaLabel && !e.labels?.length && !e.textContent.trim()).map(e => e.outerHTML)"""
        )
        same("controls without a name", [], nameless)


def backgrounds(session: Session) -> None:
    """Light and dark follow the system, in charts too."""
    array = session.rng.normal(size=(4, 50))
    found = []
    for dark in (False, True):
        with array_shown(session, array, dark=dark) as page:
            page.click_pixel(1, 1)
            background, text = page.page.evaluate(
                "(style => [style.backgroundColor, style.color])(getComputedStyle(document.body))"
            )
            brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in (background, text)]
            expect((brightness[0] < brightness[1]) == dark, f"dark is {dark}: {text} on {background}")
            found.append(page.line.screenshot())
            page.page.emulate_media(color_scheme="light" if dark else "dark")
            page.page.wait_for_timeout(100)
            expect(page.line.screenshot() != found[-1], "the chart keeps its colours when the system changes")
    expect(found[0] != found[1], "the chart is the same in light and dark")


def phone(session: Session) -> None:
    """Nothing is wider than the screen of a phone, and a tap is a click."""
    record = np.zeros(9, [(f"a_field_with_a_long_name_{k}", "<f8") for k in range(12)])
    tensors = {f"a.very.long.name.of.an.array.that.{k}" * 3: np.zeros((3, 4)) for k in range(3)}
    file = session.directory / "long.safetensors"
    safetensors.save_file(tensors, file)
    for array in (session.rng.normal(size=(5, 20, 30)), record):
        with array_shown(session, array, width=360, touch=True) as page:
            if array.dtype.names is None:
                page.picture.tap(position={"x": 30, "y": 30})
                page.settle()
                expect(page.line.is_visible(), "a tap does not plot")
                check_width(page)
                page.view("Plot")
                check_width(page)
                page.view("Table")
            check_width(page)
    with shown(session, file, "--mode", "r", width=360) as page:
        check_width(page)


def check_width(page: Shown) -> None:
    same("the width of the page", 360, page.page.evaluate("document.documentElement.scrollWidth"))


def below_nginx(session: Session) -> None:
    """The page works below any path, and with another server."""
    file = session.directory / "a.b.safetensors"
    array = session.rng.normal(size=(4, 6))
    safetensors.save_file({"g/a:b,c": array}, file)
    with session.mount(file, ["--mode", "r"]) as mount:
        with nginx(mount.point, session.directory / "nginx.conf") as address, browser(address) as page:
            page.open()
            page.page.get_by_role("link", name="a:b,c").click()
            page.settle()
            same("the slice", [":,:"], page.slices())
            same_pixels("below nginx", grey(array), page.pixels())


def from_disk(session: Session) -> None:
    """A page that is opened from disk says what to type, and that works."""
    file = session.directory / "a.bin"
    file.write_bytes(bytes(12))
    mount = session.mount(file, ["--mode", "r"])
    mount.point = session.directory / "it's"
    mount.command[-3] = str(mount.point)
    with mount, browser(mount.point.as_uri() + "/") as page:
        page.open("index.html")
        words = shlex.split(page.page.locator("pre").inner_text())
        same("the command", ["python3", "-m", "http.server", "--bind", "127.0.0.1", "-d", str(mount.point)], words)


def faults(session: Session) -> None:
    """Where the server cannot read the file, the page says so, and works again when it can."""
    array = session.rng.normal(size=(3, 200, 200))
    file = session.directory / "array.bin"
    with array_shown(session, array) as page:
        page.picture.hover(position={"x": 100, "y": 50})
        row, col = map(int, re.findall(r"\d+", page.value)[1:3])
        said = [f"[{i}, {row}, {col}] = {float(array[i, row, col])!r}" for i in range(3)]
        same("the value", said[1], page.value)
        with open(file, "r+b") as opened:
            opened.truncate(array[0].nbytes)
        index = page.page.get_by_label("axis 0, index")
        index.fill("2")
        page.page.get_by_role("alert").get_by_text("slices/2,:,:").wait_for()
        same("the value of what is shown", said[1], page.value)
        page.picture.hover(position={"x": 101, "y": 50})
        same("the index of what is shown", "[1", page.value.split(",")[0])
        page.picture.hover(position={"x": 100, "y": 50})
        held: list[Route] = []
        page.page.route("**/slices/0,*", lambda route: held.append(route))
        index.fill("0")
        page.page.wait_for_timeout(100)
        same("the value while a slice is fetched", said[1], page.value)
        held[0].continue_()
        page.settle()
        same("the value of the slice that has come", said[0], page.value)
        same_pixels("the part that is left", grey(array[0]), page.pixels())
        expect(page.page.get_by_role("alert").is_hidden(), "the complaint stays")
        page.page.unroute_all()
        page.view("Table")
        index.fill("2")
        page.page.get_by_role("alert").get_by_text("slices/2,0:50,0:20").wait_for()
        same("the rows are said to be", "Values of slices/0,0:50,0:20", page.page.locator(".source").inner_text())
        page.open("#/%")
        page.page.get_by_role("alert").get_by_text("./%25/meta.json: 404").wait_for()
        # The browser and the daemon have both logged the fault.
        page.complaints.clear()
        session.mounts[-1].log_file.write_text("")


CASES: dict[str, Case] = {
    "faces": faces,
    "iris": iris,
    "functional": functional,
    "cube": cube,
    "group": group,
    "many": many,
    "stack": stack,
    "large": large,
    "sliders": sliders,
    "keyboard": keyboard,
    "backgrounds": backgrounds,
    "phone": phone,
    "below nginx": below_nginx,
    "from disk": from_disk,
    "faults": faults,
}

if __name__ == "__main__":
    main(__doc__, CASES)
