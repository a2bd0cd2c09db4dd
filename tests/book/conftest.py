"""The built book, served on the loopback, and a Chromium to read it with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from serve import serving

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
SOURCES = (
    "_*.yml",
    "index.ipynb",
    "claims.md",
    "appendix/*.md",
    "chapters/*.ipynb",
    "appendix/*.ipynb",
    "_ext/**/*.*",
    "_static/**/*.*",
    "src/delivery_semantics/play/**/*.*",
    "src/delivery_semantics/show/panel.*",
    "tools/house.py",
)
# What is waited for may take a cold start of all that it needs, on a machine that is busy.
PATIENCE_MS = 300_000
expect.set_options(timeout=PATIENCE_MS)
# Quiet and alone: no start page, no update, no report to its maker.
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
]


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built book, which must be no older than what it was built from."""
    assert (SITE / "index.html").exists(), "the book is not built: run make book"
    built = (SITE / "index.html").stat().st_mtime
    sources = [
        path
        for pattern in SOURCES
        for path in ROOT.glob(pattern)
        if "__pycache__" not in path.parts  # where another process may write just now
    ]
    newer = [str(path.relative_to(ROOT)) for path in sources if path.stat().st_mtime > built]
    assert newer == [], f"the built book is older than {newer[0]}: run make book"
    return SITE


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the book is served, compressed."""
    with serving(site) as url:
        yield url


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium of the module's own: its event loop would be in the way of other tests."""
    with sync_playwright() as play:
        launched = play.chromium.launch(
            executable_path=chromium, args=FLAGS, timeout=PATIENCE_MS
        )
        launched.on("context", lambda context: context.set_default_timeout(PATIENCE_MS))
        yield launched
        launched.close()
