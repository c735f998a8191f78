"""The page of a mount in a headless Chromium, served as a user would serve it.

A test fails if the page logs anything, throws, asks another host, or asks for part of a file.
"""

import contextlib
import functools
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, sync_playwright

from checks import expect, same

CHROMIUM = "chromium-headless-shell"
WAIT = 20_000.0
"""Milliseconds that anything on the page may take."""


@contextlib.contextmanager
def http_server(directory: Path) -> Iterator[str]:
    """`python3 -m http.server` for a directory; yields the address."""
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "-d", str(directory), "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        announced = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline())
        assert announced is not None
        yield announced[0]
    finally:
        server.kill()
        server.communicate()


@contextlib.contextmanager
def nginx(directory: Path, configuration: Path) -> Iterator[str]:
    """nginx, which serves a directory below a path of its own; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    user = "user root;" if os.geteuid() == 0 else ""
    log = configuration.with_suffix(".log")
    configuration.write_text(
        f"{user} daemon off; pid {configuration}.pid; error_log {log}; events {{}} http {{ access_log off; "
        f'server {{ listen 127.0.0.1:{port}; location /arrays/one/ {{ alias "{directory}/"; }} }} }}'
    )
    server = subprocess.Popen(["nginx", "-c", str(configuration), "-e", str(log)])
    try:
        while server.poll() is None:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
        yield f"http://127.0.0.1:{port}/arrays/one/"
    finally:
        server.terminate()
        server.wait()


class Shown:
    """A page of the browser, and what it has asked for."""

    def __init__(self, page: Page, address: str):
        self.page = page
        self.address = address
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        page.set_default_timeout(WAIT)
        self.pending = 0
        page.on("request", self.begin)
        page.on("requestfinished", self.end)
        page.on("requestfailed", self.end)
        page.on("console", self.log)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str = "") -> None:
        self.page.goto(self.address + path)
        self.settle()

    def log(self, message: ConsoleMessage) -> None:
        # That one is for these tests, which read the pixels.
        if "Multiple readback operations" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def begin(self, request: Request) -> None:
        self.requests.append(request)
        self.pending += 1

    def end(self, _: Request) -> None:
        self.pending -= 1

    def settle(self) -> None:
        """Waits until the page has what it has asked for, and has shown it."""
        quiet = 0
        while quiet < 3:
            self.page.wait_for_timeout(30)
            # It is answered when the page is done with what came before.
            self.page.evaluate("0")
            quiet = 0 if self.pending else quiet + 1

    @property
    def files(self) -> list[str]:
        """The files that the page has asked for, without the page itself."""
        paths = [unquote(urlsplit(request.url).path).lstrip("/") for request in self.requests]
        return [path for path in paths if path not in ("", "index.html")]

    def slices(self) -> list[str]:
        """The slices asked for since the last call."""
        found = [path.split("slices/")[1] for path in self.files if "slices/" in path]
        self.requests.clear()
        return found

    def check(self) -> None:
        same("what the page logged", [], self.complaints)
        for request in self.requests:
            expect(request.url.startswith((self.address, "data:")), f"a request to another place: {request.url}")
            expect("range" not in request.headers, f"a Range request: {request.url}")

    def view(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()
        self.settle()

    def choose(self, label: str, value: int | str) -> None:
        self.page.locator("label", has_text=re.compile(f"^{label}")).locator("select").select_option(str(value))
        self.settle()

    @property
    def picture(self) -> Locator:
        return self.page.locator(".frame canvas")

    def pixels(self) -> np.ndarray:
        """Red, green, blue and opacity of the picture."""
        width, height, values = self.page.evaluate(
            """() => {
                const canvas = document.querySelector('.frame canvas');
                const { width, height } = canvas;
                const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
                return [width, height, Array.from(data, value => String.fromCharCode(value)).join('')];
            }"""
        )
        return np.frombuffer(values.encode("latin-1"), np.uint8).reshape(height, width, 4)

    def click_pixel(self, row: int, col: int, double: bool = False) -> None:
        self.settle()
        width, height = self.page.evaluate(
            "(() => { const c = document.querySelector('.frame canvas'); return [c.width, c.height]; })()"
        )
        box = self.picture.bounding_box()
        assert box is not None
        position = {"x": (col + 0.5) * box["width"] / width, "y": (row + 0.5) * box["height"] / height}
        if double:
            self.picture.dblclick(position=position)
        else:
            self.picture.click(position=position)
        self.settle()

    @property
    def value(self) -> str:
        """What the page says of the element under the pointer."""
        return self.page.locator(".picture figcaption").inner_text()

    def cells(self) -> list[list[str]]:
        """The texts of the table, its head and the indices included."""
        return self.page.evaluate(
            "[...document.querySelectorAll('table tr')].map(row => [...row.children].map(cell => cell.textContent))"
        )

    def readings(self, chart: Locator, count: int) -> list[str]:
        """What a chart says of each of its positions, which the arrow keys visit."""
        output = chart.locator("xpath=..").locator("output")
        chart.press("Home")
        texts = [output.inner_text()]
        for _ in range(count - 1):
            chart.press("ArrowRight")
            texts.append(output.inner_text())
        return texts

    @property
    def line(self) -> Locator:
        return self.page.locator("canvas.chart").nth(0)

    @property
    def histogram(self) -> Locator:
        return self.page.locator("canvas.chart").nth(1)


@functools.cache
def chromium() -> Browser:
    """The browser, which ends with this process."""
    # Chromium's sandbox refuses to run as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    path = shutil.which(CHROMIUM) or shutil.which("chromium")
    return sync_playwright().start().chromium.launch(executable_path=path, args=arguments)


@contextlib.contextmanager
def browser(address: str, width: int = 1200, dark: bool = False, touch: bool = False) -> Iterator[Shown]:
    """A page of a browser that remembers nothing."""
    scheme = "dark" if dark else "light"
    context = chromium().new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=touch)
    shown = Shown(context.new_page(), address)
    yield shown
    shown.check()
    context.close()
