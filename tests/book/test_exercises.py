"""The exercises of the built site, answered in a browser as a reader does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from wrong_answers import WRONG

from delivery_semantics.play.check import check
from delivery_semantics.play.exercises import CHAPTERS, EXERCISES

PATIENCE_MS = 90_000  # Python has to start, on a machine that is busy


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that keeps Python from one chapter's exercise to the next."""
    context = browser.new_context()
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    context.close()


def opened(page: Page, name: str) -> Locator:
    exercise = page.locator(f"#exercise-{name}")
    exercise.get_by_role("button", name="Answer it here").click()
    expect(exercise.locator(".cm-content")).to_be_focused()
    return exercise


def type_all(page: Page, code: str) -> None:
    """Put this in the place of what the editor holds, as if it was pasted."""
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def checked(exercise: Locator, kind: str) -> Locator:
    exercise.get_by_role("button", name="Check").click()
    said = exercise.locator(f".exercise-reply .{kind}")
    said.wait_for(timeout=PATIENCE_MS)
    return said


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_an_exercise_of_each_chapter_answers(page: Page, address: str, chapter: str) -> None:
    page.goto(f"{address}/chapters/{chapter}.html")
    asked = CHAPTERS[chapter][-1]
    exercise = opened(page, asked.name)
    checked(exercise, "exercise-wrong")
    kind, code = WRONG[asked.name][0]
    assert code == "start"
    hint = asked.hints[kind].replace("`", "")
    expect(exercise.locator(".exercise-hint").first).to_have_text(hint)
    drawn = bool(check(asked.name, asked.start).svg)
    expect(exercise.locator("svg")).to_have_count(int(drawn))
    exercise.locator(".cm-content").focus()
    type_all(page, asked.solution)
    checked(exercise, "exercise-right")


def test_what_is_typed_is_kept_until_the_start_is_wanted_again(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/chapters/01-the-problem.html")
    opened(page, "patience")
    type_all(page, "answer = 7")
    page.reload()
    exercise = page.locator("#exercise-patience")
    exercise.get_by_role("button", name="Go on with your answer").click()
    expect(exercise.locator(".cm-content")).to_contain_text("answer = 7")
    exercise.get_by_role("button", name="Start again").click()
    expect(exercise.locator(".cm-content")).to_contain_text("answer = 2")


def test_a_loop_without_an_end_is_stopped_and_the_next_try_is_answered(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/chapters/01-the-problem.html")
    exercise = opened(page, "cut-wire")
    type_all(page, "while True: pass")
    exercise.get_by_role("button", name="Check").click()
    exercise.get_by_role("button", name="Stop").click()
    said = exercise.locator(".exercise-wrong")
    expect(said).to_contain_text("You stopped the run.")
    exercise.locator(".cm-content").focus()
    type_all(page, "network = (")
    expect(checked(exercise, "exercise-wrong")).to_contain_text("Line 1: Python cannot read")


def test_the_keyboard_is_enough(page: Page, address: str) -> None:
    page.goto(f"{address}/chapters/01-the-problem.html")
    exercise = page.locator("#exercise-patience")
    exercise.get_by_role("button", name="Answer it here").focus()
    page.keyboard.press("Enter")
    expect(exercise.locator(".cm-content")).to_be_focused()
    type_all(page, EXERCISES["patience"].solution)
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(exercise.get_by_role("button", name="Check")).to_be_focused()
    page.keyboard.press("Enter")
    exercise.locator(".exercise-right").wait_for(timeout=PATIENCE_MS)


def test_nothing_is_loaded_before_the_reader_acts(page: Page, address: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(f"{address}/chapters/02-delivery-semantics.html", wait_until="networkidle")
    assert "exercise.js" in asked
    assert not {"editor.js", "python-worker.js"} & set(asked)
    assert not [name for name in asked if name.endswith(".bin")], "nothing of Python"


def test_without_a_script_there_are_question_code_and_a_folded_solution(
    browser: Browser, address: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    read = context.new_page()
    read.goto(f"{address}/chapters/01-the-problem.html")
    exercise = read.locator("#exercise-cut-wire")
    expect(exercise.locator(".exercise-start")).to_contain_text("network = Network(")
    expect(exercise.locator(".exercise-solution pre")).not_to_be_visible()
    assert exercise.get_by_role("button").count() == 0
    context.close()
