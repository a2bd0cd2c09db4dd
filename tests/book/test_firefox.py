"""The landing page in Firefox, at both widths: by pointer, by keyboard, by link."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.book.bidi import Firefox
from tests.book.bidi import firefox as launched

pytestmark = [pytest.mark.browser, pytest.mark.slow]
TWICE = ["deliver-1", "lose-2", "timeout-shop", "deliver-3"]
LINK = "#one-payment/paid-twice/ProcessThenAck"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
TEXT = "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)"


@pytest.fixture(scope="module")
def opened(firefox: str) -> Iterator[Firefox]:
    """One Firefox for all tests."""
    with launched(firefox) as browser:
        yield browser


@pytest.fixture(params=SIZES)
def page(opened: Firefox, request: pytest.FixtureRequest) -> Firefox:
    opened.resize(*SIZES[request.param])
    return opened


def shows(page: Firefox, selector: str, text: str) -> None:
    """Wait until this text stands there."""
    page.until(TEXT, [selector, text])


def test_a_stranger_makes_the_customer_pay_twice(page: Firefox, address: str) -> None:
    page.goto(f"{address}index.html")
    for number, step in enumerate(TWICE, start=1):
        page.click(f'.play-board [data-step="{step}"]')
        shows(page, ".play-caption", f"Step {number} of {number}")
    shows(page, ".play-money", "paid twice")
    shows(page, ".play-verdict", "The customer paid twice. You: 4 steps.")
    assert page.evaluate("() => location.hash") == "/".join([LINK, *TWICE])
    assert [url for url in page.requested if url.endswith(".bin")] == []
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_keyboard_alone_is_enough(page: Firefox, address: str) -> None:
    page.goto(f"{address}index.html")
    page.until("() => document.querySelector('.play-list button')?.checkVisibility()")
    for _ in range(page.evaluate("() => document.querySelectorAll('a, button, input').length")):
        if page.evaluate("() => document.activeElement.matches('.play-list button')"):
            break
        page.press("Tab")
    page.press("1")
    shows(page, ".play-caption", "Step 1 of 1: Deliver message 1")
    page.press("2")
    shows(page, ".play-caption", "Step 2 of 2: Lose ack 1")
    assert page.evaluate("() => document.activeElement.className") == "play-heading"
    page.press("ArrowLeft")
    shows(page, ".play-caption", "Step 1 of 2: Deliver message 1")
    page.press("ArrowRight")
    shows(page, ".play-caption", "Step 2 of 2: Lose ack 1")


def test_links_open_and_a_broken_one_is_answered_by_python(page: Firefox, address: str) -> None:
    page.goto(f"{address}index.html{'/'.join([LINK, *TWICE])}")
    shows(page, ".play-money", "paid twice")
    page.goto("about:blank")
    page.goto(f"{address}index.html{LINK}/deliver-1/lose-1")
    shows(page, ".play-trouble", "Step 2 of this link, “lose-1”")
    shows(page, ".play-caption", "Step 1 of 1: Deliver message 1")
