"""Python in the page, in Chromium and in Firefox: it answers, can be stopped, says why not."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from gzip import compress, decompress
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as PlaywrightPage
from serve import serving

import delivery_semantics
from tests.book.bidi import Json
from tests.book.bidi import firefox as launched

MADE = "delivery_semantics.play.made"
FUNCTIONS = """
import os

from .calls import READERS

def echo(value):
    return value

def forever():
    while True:
        pass

def run(code):
    exec(compile(code, READERS, "exec"), {})

def breaks():
    os.abort()
"""
"""A module that only these tests have, in the package that a page of theirs installs."""

CALLS = """
const { call, available } = await import("/_static/python.js");
const said = [];
const asked = (name, args, options = {}) =>
  call(`delivery_semantics.play.made:${name}`, args, options)
    .catch(({ kind, message, line }) => ({ kind, message, line }));
"""
KEPT = """async () => {
  const cache = await caches.open("python-in-the-page");
  while ((await cache.keys()).length < 5) await new Promise(requestAnimationFrame);
}"""
"""Ends when all files are kept: Python need not wait for that."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]


class Page(Protocol):
    """What the two browsers have in common here."""

    requested: list[str]

    def goto(self, address: str) -> None: ...
    def evaluate(self, function: str, argument: object = None) -> Json: ...


class Chromium:
    """A page of Playwright's that remembers what it asked for."""

    def __init__(self, page: PlaywrightPage) -> None:
        self.page = page
        self.requested: list[str] = []
        page.on("request", lambda request: self.requested.append(request.url))

    def goto(self, address: str) -> None:
        self.requested.clear()
        self.page.goto(address)

    def evaluate(self, function: str, argument: object = None) -> Json:
        return self.page.evaluate(function, argument)


@pytest.fixture(scope="module")
def page(request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the browser that the test is run with."""
    if request.param == "firefox":
        with launched(request.getfixturevalue("firefox")) as page:
            yield page
        return
    browser: Browser = request.getfixturevalue("browser")
    with browser.new_context() as context:
        yield Chromium(context.new_page())


@pytest.fixture(scope="module")
def opened(page: Page, served: str) -> Page:
    """A page that stays open from test to test, so that Python starts once for all of them."""
    page.goto(served)
    return page


BROWSERS = pytest.mark.parametrize("page", ["chromium", "firefox"], indirect=True)


@pytest.fixture(scope="session")
def files(site: Path) -> Path:
    """The folder of Python's files in the built book."""
    folder = site / "_static" / "python"
    assert list(folder.glob("*.bin")), "the book was built without Python: make book says why"
    return folder


def listed(folder: Path) -> dict[str, Any]:
    """Return the list of the files, as the page reads it."""
    first = (folder / "files.js").read_text(encoding="utf-8").splitlines()[0]
    found: dict[str, Any] = json.loads(first.removeprefix("export const FILES = ").rstrip(";"))
    return found


def packaged(folder: Path) -> zipfile.ZipFile:
    """Return the package that the page installs."""
    packed = (folder / listed(folder)["package.zip"]["path"]).read_bytes()
    return zipfile.ZipFile(io.BytesIO(decompress(packed)))


@pytest.fixture(scope="module")
def folder(site: Path, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of two empty pages, with Python and one module more than the book's."""
    made = tmp_path_factory.mktemp("site")
    for name in ("index.html", "other.html"):
        (made / name).write_text(
            "<!doctype html><title>A page</title><link rel=icon href=data:,>"
        )
    shutil.copytree(files, made / "_static" / "python")
    for script in site.glob("_static/python*.js"):
        shutil.copy(script, made / "_static")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        for name in (held := packaged(files)).namelist():
            package.writestr(name, held.read(name))
        package.writestr(f"{MADE.replace('.', '/')}.py", FUNCTIONS)
    path = listed(files)["package.zip"]["path"]
    (made / "_static" / "python" / path).write_bytes(compress(archive.getvalue()))
    return made


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """The address of that site."""
    with serving(folder) as url:
        yield url


def ran(page: Page, code: str) -> Json:
    """Return what some code of the page's says that calls Python."""
    return page.evaluate(f"async () => {{ {CALLS} {code} }}")


# What the package is ------------------------------------------------------------------------


def test_the_package_in_the_page_is_the_one_that_is_tested_here(files: Path) -> None:
    tested = Path(delivery_semantics.__file__).parents[1]
    package = packaged(files)
    assert "delivery_semantics/play/calls.py" in package.namelist()
    changed = [n for n in package.namelist() if package.read(n) != (tested / n).read_bytes()]
    assert changed == [], f"{changed[0]} has changed: run make book"


def test_what_a_page_calls_needs_the_standard_library_and_no_more(
    files: Path, tmp_path: Path
) -> None:
    package = packaged(files)
    package.extractall(tmp_path)
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in package.namelist()
        if name.endswith(".py") and name.startswith("delivery_semantics/play/")
        if b"import anywidget" not in package.read(name)  # the same objects' face in a kernel
    ]
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {', '.join(modules)}"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_only_the_files_that_are_needed_are_in_the_site(files: Path) -> None:
    assert {path.name for path in files.iterdir()} == {
        "files.js", "NOTICE", *(file["path"] for file in listed(files).values()),
    }  # fmt: skip
    for file in listed(files).values():
        assert (files / file["path"]).stat().st_size == file["bytes"]


# What it answers ----------------------------------------------------------------------------


@BROWSERS
def test_python_is_fetched_at_the_first_call_and_once_for_the_site(
    page: Page, served: str
) -> None:
    page.goto(served)
    assert ran(page, "return available()") == {"ok": True, "why": ""}
    assert not [url for url in page.requested if url.endswith(".bin")]
    said = """
        const lines = [];
        const value = await asked("echo", { value: { "é": [1, null] } },
                                  { onProgress: ({ text }) => lines.push(text) });
        return { value, lines };
    """
    first = ran(page, said)
    assert first["value"] == {"é": [1, None]}
    assert first["lines"][-1] == ""
    assert any(re.fullmatch(r"Python: \d\.\d of \d\.\d MB", line) for line in first["lines"])
    assert len([url for url in page.requested if url.endswith(".bin")]) == 5
    page.evaluate(KEPT)
    page.goto(f"{served}other.html")
    assert ran(page, said)["value"] == {"é": [1, None]}
    assert not [url for url in page.requested if url.endswith(".bin")]
    own = (served, "blob:", "data:")
    assert [url for url in page.requested if not url.startswith(own)] == []


@BROWSERS
def test_an_error_says_its_kind_its_text_and_the_readers_line(opened: Page) -> None:
    assert ran(opened, 'return asked("run", { code: "x = 1\\nx / 0" })') == {
        "kind": "ZeroDivisionError", "message": "division by zero", "line": 2,
    }  # fmt: skip
    assert ran(opened, 'return asked("none", {})')["kind"] == "AttributeError"
    assert ran(opened, 'return asked("run", { code: "raise SystemExit(3)" })') == {
        "kind": "SystemExit", "message": "3", "line": 1,
    }  # fmt: skip


@BROWSERS
def test_callers_wait_for_each_other(opened: Page) -> None:
    assert ran(
        opened,
        """
        const order = [];
        const ask = (value) => asked("echo", { value }).then((got) => order.push(got));
        await Promise.all([1, 2, 3, 4].map(ask));
        return order;
        """,
    ) == [1, 2, 3, 4]


# How it ends --------------------------------------------------------------------------------


@BROWSERS
def test_an_endless_run_is_stopped_and_leaves_the_page_and_the_others_alone(
    opened: Page,
) -> None:
    assert ran(
        opened,
        """
        await asked("echo", { value: "ready" });
        const [endless, late] = [new AbortController(), new AbortController()];
        const calls = [asked("forever", {}, endless), asked("echo", { value: 1 }, late),
                       asked("echo", { value: 2 })];
        for (let ticks = 0; ticks < 10; ticks += 1) {  // which a frozen page would not count
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        late.abort();
        endless.abort();
        const answers = await Promise.all(calls);
        return [...answers.map((said) => said.kind ?? said), await asked("echo", { value: 3 })];
        """,
    ) == ["Stopped", "Stopped", 2, 3]
    assert (
        ran(
            opened,
            """
        const never = asked("echo", { value: 1 }, { signal: AbortSignal.abort() });
        return (await never).message;
        """,
        )
        == "You stopped the run."
    )


@BROWSERS
def test_an_interpreter_that_breaks_off_is_replaced(opened: Page) -> None:
    broke = ran(opened, 'return asked("breaks", {})')
    assert broke["kind"] == "Unavailable"
    assert broke["message"].startswith("Python broke off: ")
    assert ran(opened, 'return asked("echo", { value: 1 })') == 1


@BROWSERS
@pytest.mark.parametrize("lost", ["pyodide.asm.wasm", "python-worker.js"])
def test_files_that_cannot_be_fetched_are_named_and_asked_for_again(
    page: Page, folder: Path, lost: str
) -> None:
    names = {
        name: f"python/{file['path']}"
        for name, file in listed(folder / "_static/python").items()
    }
    path = folder / "_static" / names.get(lost, lost)
    kept = path.rename(path.with_suffix(".kept"))
    with serving(folder) as address:  # an address of its own, of which nothing is kept
        page.goto(address)
        missing = ran(page, 'return asked("echo", { value: 1 })')
        kept.rename(path)
        again = ran(page, 'return asked("echo", { value: 1 })')
    assert missing["kind"] == "Unavailable"
    assert missing["message"].startswith("Python could not be started: ")
    assert path.name in missing["message"]
    assert again == 1


# Where it cannot be had ---------------------------------------------------------------------


@pytest.mark.parametrize("page", ["chromium"], indirect=True)
def test_a_page_that_cannot_have_python_says_why(page: Chromium, folder: Path) -> None:
    path = folder / "_static" / "python" / "files.js"
    kept = path.read_text(encoding="utf-8")
    without = 'export const FILES = {};\nexport const MISSING = "Python was left out.";\n'
    with serving(folder) as address:
        path.write_text(without, encoding="utf-8")
        page.goto(address)
        assert ran(page, "return available()") == {"ok": False, "why": "Python was left out."}
        assert ran(page, 'return asked("echo", {})')["message"] == "Python was left out."
        path.write_text(kept, encoding="utf-8")
        page.goto(address)
        assert ran(page, "delete globalThis.WebAssembly; return available().why") == (
            "Python cannot run in this browser: it lacks WebAssembly."
        )
    assert not [url for url in page.requested if "worker" in url or url.endswith(".bin")]
