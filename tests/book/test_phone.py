"""On a phone every letter of a picture can be read, and nothing that counts is out of sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shown
from playwright.sync_api import Browser, Page, ViewportSize

ROOT = Path(__file__).resolve().parents[2]
PAGES = [page.relative_to(ROOT).with_suffix("").as_posix() for page in shown.pages()]
PHONE: ViewportSize = {"width": 390, "height": 844}
LETTER_PX_MIN = 11

pytestmark = [pytest.mark.browser, pytest.mark.slow]
each_page = pytest.mark.parametrize("name", PAGES)
OpenPhone = Callable[[str], Page]

ALL_FRAMES = """async () => {
  for (const panel of document.querySelectorAll("figure.panel[data-rest]")) {
    const script = document.createElement("script");
    const came = new Promise((resolve, reject) => Object.assign(script, {
      src: panel.dataset.rest, onload: resolve, onerror: reject,
    }));
    panel.append(script);
    await came;
    panel.querySelectorAll("template").forEach((place, i) => {
      const frame = document.createElement("div");
      frame.className = "panel-frame";
      frame.innerHTML = script.frames[i];
      place.replaceWith(frame);
    });
  }
  document.querySelectorAll("details").forEach(e => { e.open = true; });
  document.querySelectorAll("section").forEach(e => { e.style.contentVisibility = "visible"; });
}"""
SMALL_LETTERS = """least_px => {
  const small = [];
  for (const svg of document.querySelectorAll("article svg[role=img]")) {
    if (!svg.checkVisibility()) continue;
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    for (const text of svg.querySelectorAll("text")) {
      const px = scale * parseFloat(getComputedStyle(text).fontSize);
      if (px < least_px) { small.push([px, text.textContent]); break; }
    }
  }
  return small;
}"""
OUT_OF_SIGHT = """() => [...document.querySelectorAll(
    "article :is(table tr > *, .panel-numbers dd, .panel-choice, .verdict)")]
  .filter(e => e.checkVisibility() && !e.closest("thead"))
  .filter(e => {
    const {left, right} = e.getBoundingClientRect();
    for (let box = e.parentElement; box.localName !== "body"; box = box.parentElement) {
      const edge = box.getBoundingClientRect();
      if (right > edge.right + 1 || left < edge.left - 1) return true;
    }
    return false;
  }).map(e => e.textContent)"""


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[OpenPhone]:
    """Opens a page on a phone, with all frames of its panels and all that is folded."""
    context = browser.new_context(viewport=PHONE)

    def phone(name: str) -> Page:
        page = context.new_page()
        page.goto(f"{address}{name}.html")
        page.evaluate(ALL_FRAMES)
        return page

    yield phone
    context.close()


@each_page
def test_no_letter_of_a_picture_is_small(phone: OpenPhone, name: str) -> None:
    assert phone(name).evaluate(SMALL_LETTERS, LETTER_PX_MIN) == []


@each_page
def test_no_verdict_and_no_money_is_out_of_sight(phone: OpenPhone, name: str) -> None:
    assert phone(name).evaluate(OUT_OF_SIGHT) == []
