"""On a phone every letter of a picture can be read, and nothing that counts is out of sight."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import shown
from playwright.sync_api import Browser, Page, ViewportSize, expect
from wrong_answers import WRONG
from wrong_answers.answer import source

from delivery_semantics.play.check import replied
from delivery_semantics.play.exercises import CHAPTERS

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
LINES_MAX = 12
WORD = re.compile(r"\w+")
UNSWITCHED = """lines => [...document.querySelectorAll("article .highlight pre")]
  .filter(e => !e.closest("details, .cell_output, .unfold"))
  .filter(e => e.textContent.trimEnd().split("\\n").length > lines)
  .filter(e => !e.closest(".highlight").parentElement.matches(":has(+ .unfold)"))
  .map(e => e.textContent)"""
CUT_OFF = """() => [...document.querySelectorAll("article :has(+ .unfold) > .highlight pre")]
  .map(e => e.scrollHeight > e.clientHeight + 1)"""
ANSWERED = """async ([name, replies]) => {
  const { mount } = await import("/_static/exercise.js");
  const exercise = document.querySelector(`[data-exercise="${name}"]`);
  const again = exercise.cloneNode(true);
  again.querySelector(".exercise-bar").remove();
  exercise.replaceWith(again);
  const start = again.querySelector(".exercise-start").textContent;
  mount(again, { name, start }, { call: async () => replies.shift() });
}"""
"""Mount an exercise anew, with answers that Python has given before."""


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


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_no_letter_of_an_answer_to_an_exercise_is_small(
    browser: Browser, address: str, chapter: str
) -> None:
    page = browser.new_page(viewport=PHONE)
    page.goto(f"{address}chapters/{chapter}.html")
    for asked in CHAPTERS[chapter]:
        wrong = (source(asked, one) for one in WRONG[asked.name])
        replies = [replied(asked.name, code) for code in (asked.solution, asked.start, *wrong)]
        replies = [reply for reply in replies if reply["picture"]]
        page.evaluate(ANSWERED, [asked.name, replies])
        exercise = page.locator(f"#exercise-{asked.name}")
        exercise.get_by_role("button", name="Answer it here").click()
        for reply in replies:
            exercise.get_by_role("button", name="Check").click()
            expect(exercise.locator(".exercise-reply")).to_contain_text(
                " ".join(reply["words"].split())
            )
            expect(exercise.locator(".exercise-picture svg:visible")).to_have_count(1)
            assert page.evaluate(SMALL_LETTERS, LETTER_PX_MIN) == [], asked.name
    page.close()


@each_page
def test_long_code_is_folded_on_a_phone_and_nowhere_else(
    browser: Browser, address: str, name: str
) -> None:
    page = browser.new_page(viewport=PHONE, java_script_enabled=False)
    page.goto(f"{address}{name}.html")
    assert page.evaluate(UNSWITCHED, LINES_MAX) == []
    assert all(page.evaluate(CUT_OFF))
    for code, switch in zip(
        page.locator("article :has(+ .unfold) > .highlight pre").all(),
        page.locator(".unfold input").all(),
        strict=True,
    ):
        code.scroll_into_view_if_needed()
        whole, heard = code.text_content() or "", code.aria_snapshot()
        assert WORD.findall(heard)[-1] == WORD.findall(whole)[-1], "cut off by ear as well"
        switch.focus()
        switch.press("Space")
    assert not any(page.evaluate(CUT_OFF))
    page.reload()
    page.emulate_media(media="print")
    assert not any(page.evaluate(CUT_OFF))
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1280, "height": 900})
    assert not any(page.evaluate(CUT_OFF))
    expect(page.locator(".unfold:visible")).to_have_count(0)
    page.close()
