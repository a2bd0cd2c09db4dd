"""What the playground costs a reader: from the first click to a picture, at two speeds.

The line is slowed down at the server, since a browser's own brake does not reach its workers.
"""

from __future__ import annotations

import io
import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright
from serve import CompressingHandler, serving

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
ROUND_TRIP = 0.04  # seconds, of the slow line
CHUNK = 16_384  # bytes
LINES = {"loopback": 0.0, "10 Mbit/s, 40 ms": 10e6}
TWICE = ["deliver-1", "lose-2", "timeout-shop", "deliver-3"]
FURTHER = ["lose-4", "timeout-shop", "deliver-5", "lose-6", "timeout-shop", "deliver-7"]
"""Steps after those, whose views Python makes when they are asked for."""
ROUNDS = 3
HEAD = (
    "line", "page to first button s", "first click to picture ms (aim 100)",
    "Python ready s", "click to picture by Python ms", "search from here ms",
    "Python ready, next page s", "page KB", "Python MB",
)  # fmt: skip
TITLE = "The playground on the landing page, Chromium (wall time; medians of 3 visits)"
CLICKS = """async ([steps, at]) => {
  const play = document.querySelector(".play");
  const seen = (words) => play.querySelector(".play-caption").textContent.startsWith(words);
  const took = [];
  for (const [number, step] of steps.entries()) {
    const began = performance.now();
    play.querySelector(`.play-board [data-step="${step}"]`).click();
    while (!seen(`Step ${at + number + 1} `)) await new Promise(requestAnimationFrame);
    took.push(performance.now() - began);
  }
  return took;
}"""
CALLS = """async ([calls, times]) => {
  const { call } = await import(new URL("/_static/python.js", location.href).href);
  const seconds = [];
  for (const [name, args] of calls) {
    for (let round = 0; round < times; round += 1) {
      const began = performance.now();
      await call(`delivery_semantics.play.${name}`, args);
      seconds.push((performance.now() - began) / 1000);
    }
  }
  return seconds;
}"""


class Line(CompressingHandler):
    """Sends to all who ask over one line of so many bits a second; 0 is no limit."""

    speed = 0.0
    turn = threading.Lock()
    sent = 0

    def do_GET(self) -> None:
        """Answer as the book's server does, at the line's pace."""
        if self.speed:
            time.sleep(ROUND_TRIP)
        outside, self.wfile = self.wfile, io.BytesIO()
        super().do_GET()
        said, self.wfile = self.wfile.getvalue(), outside
        type(self).sent += len(said)
        for begin in range(0, len(said), CHUNK):
            self._send(said[begin : begin + CHUNK])

    def _send(self, chunk: bytes) -> None:
        with self.turn:
            if self.speed:
                time.sleep(8 * len(chunk) / self.speed)
            self.wfile.write(chunk)


def line(bits: float) -> type[Line]:
    """Return a line of its own, of so many bits a second."""

    class Own(Line):
        speed = bits
        turn = threading.Lock()

    return Own


def table() -> tuple[str, tuple[str, ...], list[tuple[object, ...]]]:
    """Return a title, a head, and a row for each line."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        rows = [row(browser, name, speed) for name, speed in LINES.items()]
        browser.close()
    return TITLE, HEAD, rows


def row(browser: Browser, name: str, speed: float) -> tuple[object, ...]:
    """Return what visits to a site over one line took."""
    visits = [list(visit(browser, speed)) for _ in range(ROUNDS)]
    shown, clicked, ready, further, searched, again, page, python = map(
        statistics.median, zip(*visits, strict=True)
    )
    return (
        name, f"{shown:.2f}", clicked, ready, further, 1e3 * searched, again,
        int(page / 1e3), f"{python / 1e6:.2f}",
    )  # fmt: skip


def visit(browser: Browser, speed: float) -> Iterator[float]:
    """Yield what `HEAD` names: seconds or milliseconds, and bytes."""
    game = {"game": "one-payment", "settings": {"bank": "ProcessThenAck"}}
    asked: dict[str, Any] = game | {"goal": "", "steps": TWICE}
    search: dict[str, Any] = game | {"goal": "paid-twice", "steps": TWICE[:2]}
    handler = line(speed)
    with serving(SITE, handler=handler) as address, browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(300_000)
        page.goto(address)
        page.locator(".play-chip").first.wait_for()
        yield page.evaluate("performance.now()") / 1e3
        yield page.evaluate(CLICKS, [TWICE, 0])[0]
        before = handler.sent
        yield page.evaluate(CALLS, [[["views:view", asked]], 1])[0]
        fetched = handler.sent - before
        yield statistics.median(page.evaluate(CLICKS, [FURTHER, len(TWICE)]))
        yield statistics.median(page.evaluate(CALLS, [[["views:finish", search]], 5]))
        page.goto(f"{address}chapters/01-the-problem.html")
        yield page.evaluate(CALLS, [[["views:view", asked]], 1])[0]
        yield before
        yield fetched
