"""What all tests share: steady examples, the repository's folder, a Chromium to read pages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a test that fails here fails everywhere, and again.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LEFT_OUT = (
    "browser tests left out: no Chromium found "
    "(Debian, Ubuntu: apt-get install chromium; elsewhere: CHROMIUM=/path/to/chrome make test)"
)


def find_chromium() -> str | None:
    """Return the Chromium to drive: $CHROMIUM, or the first one that the PATH has."""
    named = os.environ.get("CHROMIUM")
    found = (shutil.which(name) for name in ([named] if named else NAMES))
    return next(filter(None, found), None)


def all_required() -> bool:
    """Whether nothing may be left out: in CI, or where REQUIRE_ALL is set."""
    return any(
        os.environ.get(name, "") not in ("", "0", "false") for name in ("CI", "REQUIRE_ALL")
    )


def pytest_configure() -> None:
    """Refuse to start where a test would be left out that is required."""
    if all_required() and find_chromium() is None:
        raise pytest.UsageError(LEFT_OUT.replace("left out", "required"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the browser tests out where there is no browser."""
    browser = [item for item in items if item.get_closest_marker("browser")]
    if browser and find_chromium() is None:
        config.hook.pytest_deselected(items=browser)
        items[:] = [item for item in items if item not in browser]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was left out."""
    if find_chromium() is None:
        terminalreporter.write_line(LEFT_OUT, yellow=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium to drive."""
    path = find_chromium()
    assert path is not None, LEFT_OUT
    return path


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's folder."""
    return Path(__file__).resolve().parent.parent
