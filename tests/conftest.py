"""What all tests share: steady examples, the repository's folder, a Chromium to read pages.

A machine that lacks Chromium, PostgreSQL or a broker leaves out what needs it, and says so in
one line each; where nothing may be left out, the run does not start.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from left_out import left_out

from delivery_semantics.systems.postgresql import find_programs
from delivery_semantics.systems.server import ServerMissing

# The same examples in every run: a test that fails here fails everywhere, and again.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_CHROMIUM = (
    "browser tests left out: no Chromium found "
    "(Debian, Ubuntu: apt-get install chromium; elsewhere: CHROMIUM=/path/to/chrome make test)"
)
FIREFOXES = ("firefox", "firefox-esr")
NO_FIREFOX = (
    "Firefox's tests left out: no Firefox found "
    "(Debian: apt-get install firefox-esr; elsewhere: FIREFOX=/path/to/firefox make test)"
)
STARTS_POSTGRESQL = "postgresql()"  # in a notebook's cell
CLIENTS = {"kafka": "confluent_kafka", "rabbitmq": "rstream", "mqtt": "paho"}
"""The systems whose servers no wheel brings, and the module of each one's client."""
NEEDED_BY = {
    "09-comparison-table.ipynb": ("mqtt",),
    "10-real-world-systems.ipynb": ("kafka", "rabbitmq"),
    "11-kafka.ipynb": ("kafka",),
    "12-rabbitmq.ipynb": ("rabbitmq",),
    "15-from-the-button-to-the-ledger.ipynb": ("kafka",),
}
"""The notebooks that are made on them."""


def find_chromium() -> str | None:
    """Return the Chromium to drive: $CHROMIUM, or the first one that the PATH has."""
    return find("CHROMIUM", NAMES)


def find_firefox() -> str | None:
    """Return the Firefox to drive: $FIREFOX, or the first one that the PATH has."""
    return find("FIREFOX", FIREFOXES)


def find(variable: str, names: tuple[str, ...]) -> str | None:
    """Return the program that a variable names, or the first one that the PATH has."""
    named = os.environ.get(variable)
    found = (shutil.which(name) for name in ([named] if named else names))
    return next(filter(None, found), None)


def no_postgresql() -> str | None:
    """Return what is said where there is no PostgreSQL, or None where there is one."""
    if not os.environ.get("DATABASE_URL"):
        try:
            find_programs()
        except ServerMissing as missing:
            return str(missing)
    return None


@cache
def no_system(name: str) -> str | None:
    """Return what is said where a system of ``CLIENTS`` cannot be had, or None."""
    if find_spec(CLIENTS[name]) is None:
        return f"{name} left out: its client has no wheel for this Python yet"
    server = import_module(f"delivery_semantics.systems.{name}.server")
    if not os.environ.get(server.VARIABLE):
        try:
            with TemporaryDirectory() as folder:
                server.prepare(Path(folder))
        except ServerMissing as missing:
            return str(missing)
    return None


def no_system_for(item: pytest.Item) -> str | None:
    """Return what is said where a system that this test needs cannot be had, or None."""
    marks = [str(mark.args[0]) for mark in item.iter_markers("needs")]
    said = (no_system(name) for name in (*marks, *NEEDED_BY.get(item.path.name, ())))
    return next(filter(None, said), None)


def all_required() -> bool:
    """Whether nothing may be left out: in CI, or where REQUIRE_ALL is set."""
    return any(
        os.environ.get(name, "") not in ("", "0", "false") for name in ("CI", "REQUIRE_ALL")
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to start where a test would be left out that is required."""
    # As a plugin it sees the notebooks too; a conftest sees its own folder.
    config.pluginmanager.register(LeftOutWithoutServer())
    if not all_required():
        return
    if find_chromium() is None:
        raise pytest.UsageError(NO_CHROMIUM.replace("left out", "required"))
    if find_firefox() is None:
        raise pytest.UsageError(NO_FIREFOX.replace("left out", "required"))
    if (missing := no_postgresql()) and not left_out():
        raise pytest.UsageError(missing)
    for name in CLIENTS:
        if find_spec(CLIENTS[name]) and (missing := no_system(name)):
            raise pytest.UsageError(missing)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser tests out where there is no browser."""
    browser = [item for item in items if _drives_a_browser(item)]
    if browser and find_chromium() is None:
        config.hook.pytest_deselected(items=browser)
        items[:] = [item for item in items if item not in browser]


def _drives_a_browser(item: pytest.Item) -> bool:
    asks = "chromium" in getattr(item, "fixturenames", ())
    return asks or item.get_closest_marker("browser") is not None


class LeftOutWithoutClient(pytest.Module):
    """A file of tests; left out whole where it imports a client that this Python has not."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        try:
            return super().collect()
        except self.CollectError as error:
            lacks = getattr(error.__cause__, "name", None)
            for name, client in CLIENTS.items():
                if client == lacks:
                    pytest.skip(str(no_system(name)), allow_module_level=True)
            raise


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    """Let each file of tests be left out by the client that it lacks."""
    return LeftOutWithoutClient.from_parent(parent, path=module_path)


class LeftOutWithoutServer:
    """Skips what finds no server, for one reason at one place: pytest says it in one line."""

    def __init__(self) -> None:
        self.begun: set[Path] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        # A cell's error stays in its kernel, and the cells after it need what it was to make.
        if STARTS_POSTGRESQL in getattr(getattr(item, "cell", None), "source", ""):
            self.begun.add(item.path)
        with self.skipped():
            if item.path in self.begun and (missing := no_postgresql()):
                raise ServerMissing(missing)
            if missing := no_system_for(item):
                raise ServerMissing(missing)
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        with self.skipped():
            return (yield)

    @contextmanager
    def skipped(self) -> Iterator[None]:
        try:
            yield
        except ServerMissing as missing:
            pytest.skip(str(missing))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that the browser tests were left out."""
    if find_chromium() is None:
        terminalreporter.write_line(NO_CHROMIUM, yellow=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium to drive."""
    path = find_chromium()
    assert path is not None, NO_CHROMIUM
    return path


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def alone() -> Iterator[Executor]:
    """A process of its own, to measure memory in: no thread of other tests allocates there."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        yield process


@pytest.fixture(scope="session")
def firefox() -> str:
    """Path of the Firefox to drive; what needs it is left out where there is none."""
    path = find_firefox()
    return path or pytest.skip(NO_FIREFOX)
