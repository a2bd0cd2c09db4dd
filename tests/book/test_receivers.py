"""Every receiver of the playground played to its end, by pointer and by keyboard alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import book_play
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from delivery_semantics.play.levels import LEVELS
from delivery_semantics.play.views import finish, view
from tests.book.playing import press, settled, violations

pytestmark = [pytest.mark.browser, pytest.mark.slow]
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
HELD = ["deliver-1", "crash-bank-before-Send", "restart-bank", "timeout-shop", "deliver-2"]
"""What ProcessOnce is played with, which no way breaks."""
ASKED = """async ([settings, goal, width, ways]) => {
  const { call } = await import(new URL("_static/python.js", document.baseURI).href);
  const args = { game: "one-payment", settings, goal, width };
  const name = "delivery_semantics.play.views:view";
  return Promise.all(ways.map((steps) => call(name, { ...args, steps })));
}"""
STOP_WHEN_BUSY = """() => {
  const play = document.querySelector(".play");
  const stop = () => play.querySelector(".play-side .play-primary").click();
  const seen = new MutationObserver(() => {
    if (play.getAttribute("aria-busy") === "true") { seen.disconnect(); stop(); }
  });
  seen.observe(play, { attributeFilter: ["aria-busy"] });
}"""


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[Page]:
    """One page for all receivers, so that Python starts once, in the colours of the night."""
    context = browser.new_context(
        viewport=DESKTOP, color_scheme="dark", reduced_motion="reduce"
    )
    yield context.new_page()
    context.close()


def goal_of(level: str) -> tuple[str, list[str]]:
    """The first promise that can be broken, and the steps; or none, and steps that hold."""
    for goal in ("paid-twice", "lost"):
        if steps := finish("one-payment", {"bank": level}, goal, [])["steps"]:
            return goal, steps
    return "paid-twice", HELD


@pytest.mark.parametrize("by", ["pointer", "keyboard"])
@pytest.mark.parametrize("level", LEVELS)
def test_every_receiver_is_played_to_its_end(
    opened: Page, address: str, level: str, by: str
) -> None:
    goal, steps = goal_of(level)
    opened.set_viewport_size(DESKTOP if by == "keyboard" else PHONE)
    opened.goto("about:blank")
    opened.goto(f"{address}index.html#one-payment/{goal}/{level}")
    opened.locator(".play-list button").first.focus()
    for step in steps:
        if by == "pointer":
            press(opened, step)
            continue
        offered = opened.locator(".play-list [data-step]").evaluate_all(
            "all => all.map(one => one.dataset.step)"
        )
        opened.keyboard.press(str(offered.index(step) + 1))
        settled(opened)
    at_the_end = view("one-payment", {"bank": level}, goal, steps)
    expect(opened.locator(".play-caption")).to_contain_text(f"of {len(steps)}: ")
    expect(opened.locator(".play-money p")).to_have_text(at_the_end["money"]["words"])
    expect(opened.locator(".play-verdict")).to_contain_text(at_the_end["goal"]["words"])
    assert violations(opened) == []


@pytest.mark.parametrize("width", ["narrow", "wide"])
def test_python_in_the_page_says_what_was_built(
    opened: Page, address: str, site: Path, width: str
) -> None:
    settings = {"bank": "ProcessThenMark"}
    name = f"one-payment.ProcessThenMark.{width}.json"
    views = json.loads((site / book_play.FOLDER / name).read_text("utf-8"))["views"]
    opened.goto(f"{address}index.html")
    ways = [way.split("/") if way else [] for way in views]
    assert opened.evaluate(ASKED, [settings, "paid-twice", width, ways]) == [*views.values()]


def test_stop_in_the_middle_of_a_step_leaves_all_of_that_step(
    opened: Page, address: str
) -> None:
    opened.goto("about:blank")
    opened.goto(f"{address}index.html#one-payment/lost/AckThenProcess")  # Python's own views
    search = opened.get_by_role("button", name="Let the search finish it")
    expect(search).to_be_visible()
    settled(opened)
    opened.evaluate(STOP_WHEN_BUSY)
    search.click()
    expect(opened.locator(".play-caption")).to_contain_text("Step 1 of 4")
    expect(search).to_be_visible()
    expect(opened.locator(".play-verdict")).to_have_text("Can you do it in 4 steps?")
    opened.get_by_role("button", name="Forward").click()
    expect(opened.locator(".play-caption")).to_contain_text("Step 2 of 4")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_packets_are_seen_to_move_unless_the_reader_wants_no_motion(
    browser: Browser, address: str, motion: str
) -> None:
    calm = motion == "reduce"
    with browser.new_context(
        viewport=DESKTOP, reduced_motion="reduce" if calm else "no-preference"
    ) as context:
        page = context.new_page()
        page.goto(f"{address}index.html")
        expect(page.locator(".play-chip").first).to_be_visible()
        page.evaluate(
            """() => {
              globalThis.dots = 0;
              const animate = Element.prototype.animate;
              Element.prototype.animate = function (...how) {
                globalThis.dots += this.matches(".play-dot");
                return animate.apply(this, how);
              };
            }"""
        )
        press(page, "deliver-1")
        expect(page.locator(".play-caption")).to_contain_text("Step 1 of 1")
        assert page.evaluate("globalThis.dots") == (0 if calm else 1)
        expect(page.locator(".play-dot")).to_have_count(0)  # it makes nobody wait
