"""The questions of the built site, answered in a browser that runs no script."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from delivery_semantics.play.exercises import CHAPTERS

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page that runs no script: what a question says needs none."""
    with browser.new_context(java_script_enabled=False) as context:
        yield context.new_page()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_choice_says_what_it_overlooks_and_a_quiz_of_five_counts_the_right_ones(
    page: Page, address: str, chapter: str
) -> None:
    page.goto(f"{address}/chapters/{chapter}.html")
    questions = page.locator("form.predict")
    quiz = page.locator(".quiz")
    expect(quiz.locator("form.predict")).to_have_count(5)
    expect(quiz.locator(".predict-picture").first).to_be_attached()
    assert questions.count() > 5, "nothing is asked before the chapter's runs"
    for question in questions.all():
        said = question.locator(".predict-says")
        assert said.locator("visible=true").count() == 0
        if question.locator("[pattern]").count():
            _type_a_number(question)
            continue
        for number, choice in enumerate(question.get_by_role("radio").all()):
            choice.check()
            expect(said.locator("visible=true")).to_have_count(1)
            sign = "✓ Yes." if choice.get_attribute("value") == "right" else "✗ No."
            expect(said.nth(number)).to_contain_text(sign)
        question.locator('[value="right"]').check()
    assert quiz.locator(".predict-right").locator("visible=true").count() == 5


def _type_a_number(question: Locator) -> None:
    """A wrong number and the right one, each ended by Enter, by the button, and by leaving."""
    said = question.locator(".predict-says")
    typed = question.get_by_label("Your number")
    right = re.search(r"The run: ([\d,]+)", said.first.text_content() or "")
    assert right
    for number, sign in (("987654321", "✗ No."), (right[1], "✓ Yes.")):
        for end in ("Enter", "Look", "Tab"):
            typed.fill("")
            typed.fill(number)
            if end == "Look":
                question.get_by_role("button", name=end).click()
            else:
                typed.press(end)
            expect(said.locator("visible=true")).to_have_count(1)
            expect(said.locator("visible=true")).to_contain_text(sign)
