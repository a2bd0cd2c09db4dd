"""The exercises of the built site, answered in a browser as a reader does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from wrong_answers import WRONG
from wrong_answers.answer import source

from delivery_semantics.play.check import check, replied
from delivery_semantics.play.exercises import CHAPTERS, EXERCISES

JUDGED = """async (answers) => {
  const { call } = await import("/_static/python.js");
  const judge = (answer) => call("delivery_semantics.play.check:replied", answer);
  return Promise.all(answers.map(judge));
}"""
RECEIVER = """class Mine(Passive):
    def receive(self, source, payload):
        {}
        yield Process(payload)
"""
MISTAKES = {
    "syntax": (
        "class Mine(Passive):\n    def receive(self, source payload):\n",
        "Line 2: Python cannot read this: ",
    ),
    "missing": ("Yours = 1", "Mine is missing: your code defines Yours; allowed: Mine"),
    "misspelt": (
        RECEIVER.format("yield Proces(payload)"),
        "Line 3: name 'Proces' is not defined; did you mean Process?",
    ),
    "state in self": (
        RECEIVER.format("self.seen = payload.id"),
        "receiver keeps state in self.seen; ",
    ),
    "never waits": (
        RECEIVER.format('while True:\n            yield Save("n", 1)'),
        "receiver has asked for 2,000 effects without a wait; ",
    ),
}
"""Code that no judge can judge, and the beginning of what is said of it."""


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that keeps Python from one chapter's exercise to the next."""
    context = browser.new_context()
    opened = context.new_page()
    yield opened
    context.close()


def opened(page: Page, name: str) -> Locator:
    exercise = page.locator(f"#exercise-{name}")
    begin = re.compile("Answer it here|Go on with your answer")
    exercise.get_by_role("button", name=begin).click()
    expect(exercise.locator(".cm-content")).to_be_focused()
    return exercise


def type_all(page: Page, code: str) -> None:
    """Put this in the place of what the editor holds, as if it was pasted."""
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def checked(exercise: Locator, kind: str) -> Locator:
    exercise.get_by_role("button", name="Check").click()
    said = exercise.locator(f".exercise-reply .{kind}")
    said.wait_for()
    return said


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_exercise_of_a_chapter_answers(page: Page, address: str, chapter: str) -> None:
    page.goto(f"{address}/chapters/{chapter}.html")
    for asked in CHAPTERS[chapter]:
        exercise = opened(page, asked.name)
        reply = check(asked.name, asked.start)
        said = checked(exercise, "exercise-wrong")
        expect(said).to_contain_text(" ".join(reply.words.split()))
        hints = [hint.replace("`", "") for hint in (reply.hint, reply.next) if hint]
        expect(exercise.locator(".exercise-hint")).to_have_text(hints)
        expect(exercise.locator("svg:visible")).to_have_count(int(bool(reply.picture)))
        exercise.locator(".cm-content").focus()
        type_all(page, asked.solution)
        checked(exercise, "exercise-right")


def test_every_answer_is_judged_in_the_page_as_it_is_here(page: Page, address: str) -> None:
    answers = [
        {"name": name, "source": code}
        for name, asked in EXERCISES.items()
        for code in (asked.solution, *(source(asked, wrong) for wrong in WRONG[name]))
    ]
    page.goto(f"{address}/chapters/01-the-problem.html")
    said = page.evaluate(JUDGED, answers)
    for answer, reply in zip(answers, said, strict=True):
        assert reply == replied(answer["name"], answer["source"]), answer["name"]


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
    page.reload()
    expect(exercise.get_by_role("button", name="Answer it here")).to_be_visible()


def test_what_is_no_answer_is_told_in_the_words_of_the_package(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/chapters/01-the-problem.html")
    exercise = opened(page, "first-receiver")
    for code, told in MISTAKES.values():
        type_all(page, code)
        exercise.get_by_role("button", name="Check").click()
        said = exercise.locator(".exercise-wrong")
        expect(said).to_contain_text(f"✗ It cannot be judged. {told}")
        exercise.locator(".cm-content").focus()


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
    type_all(page, EXERCISES["cut-wire"].solution)
    checked(exercise, "exercise-right")


def test_a_loop_that_nobody_stops_is_stopped_by_the_clock(
    browser: Browser, address: str
) -> None:
    page = browser.new_page()
    page.clock.install()
    page.goto(f"{address}/chapters/01-the-problem.html")
    exercise = opened(page, "cut-wire")
    type_all(page, EXERCISES["cut-wire"].start)
    checked(exercise, "exercise-wrong")  # Python is there, so what follows is the loop's time
    exercise.locator(".cm-content").focus()
    type_all(page, "while True: pass")
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 60"))  # no second of ours counts
    exercise.get_by_role("button", name="Check").click()
    expect(exercise.locator(".exercise-reply")).to_have_text("Running …")
    page.clock.fast_forward(19_000)
    expect(exercise.locator(".exercise-reply")).to_have_text("Running …")
    page.clock.fast_forward(2_000)
    said = exercise.locator(".exercise-wrong")
    expect(said).to_contain_text(
        "It was stopped after 20 seconds: a loop in it may have no end."
    )
    page.close()


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
    exercise.locator(".exercise-right").wait_for()


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


def test_on_a_phone_no_line_of_code_is_broken(browser: Browser, address: str) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        read = context.new_page()
        read.goto(f"{address}/chapters/01-the-problem.html")
        exercise = opened(read, "cut-wire")
        heights = "lines => lines.map((line) => line.clientHeight)"
        assert len(set(exercise.locator(".cm-line").evaluate_all(heights))) == 1
        scrolls = "each => each.scrollWidth > each.clientWidth"
        assert exercise.locator(".cm-scroller").evaluate(scrolls)
        assert not read.locator("html").evaluate(scrolls)
