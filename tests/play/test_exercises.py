"""Each exercise: its solution passes, and each typical wrong answer is given its own hint."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from wrong_answers import WRONG
from wrong_answers.answer import Wrong, source

from delivery_semantics.experiments.which_guarantee import path
from delivery_semantics.play.check import check, replied
from delivery_semantics.play.exercise import Exercise
from delivery_semantics.play.exercises import CHAPTERS, EXERCISES, which_guarantee

ALL = list(EXERCISES.values())
PAGES = Path(__file__).resolve().parent.parent.parent / "chapters"
MINUTES_EACH = 5


@pytest.mark.parametrize("asked", ALL, ids=list(EXERCISES))
def test_the_solution_passes(asked: Exercise) -> None:
    reply = check(asked.name, asked.solution)
    assert reply.passed, reply.words
    assert (reply.hint, reply.next) == ("", "")


@pytest.mark.parametrize(
    ("name", "wrong"), [(name, one) for name, answers in WRONG.items() for one in answers]
)
def test_a_wrong_answer_is_given_its_own_hint(name: str, wrong: Wrong) -> None:
    asked, kind = EXERCISES[name], wrong[0]
    reply = check(name, source(asked, wrong))
    assert (reply.passed, reply.kind) == (False, kind), reply.words
    assert reply.hint == asked.hints[kind]


@pytest.mark.parametrize("name", EXERCISES)
def test_two_wrong_answers_are_known_and_the_code_to_begin_with_is_not_right(name: str) -> None:
    assert len(WRONG[name]) >= 2
    assert not check(name, EXERCISES[name].start).passed


@pytest.mark.parametrize("asked", ALL, ids=list(EXERCISES))
def test_the_next_hint_comes_with_the_next_try(asked: Exercise) -> None:
    replies = [check(asked.name, asked.start, tries) for tries in range(len(asked.steps) + 2)]
    assert {reply.next for reply in replies} - {""} == set(asked.steps)


def test_the_names_are_different() -> None:
    names = [each.name for exercises in CHAPTERS.values() for each in exercises]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_chapter_has_five_and_one_that_the_search_judges(chapter: str) -> None:
    exercises = CHAPTERS[chapter]
    assert len(exercises) >= 5
    judged = [each for each in exercises if "searched." in each.judge.__qualname__]
    assert judged, "no exercise of the chapter is judged by the search"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_its_page_shows_all_of_them_and_says_how_long_they_take(chapter: str) -> None:
    cells = json.loads((PAGES / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    shown = re.findall(r'^exercise\("(.+)"\)$', "\n".join(map(text, cells)), re.MULTILINE)
    assert shown == [each.name for each in CHAPTERS[chapter]]
    assert f"the exercises another {MINUTES_EACH * len(shown)}." in text(cells[0])


@pytest.mark.parametrize(
    ("where", "answer"),
    [("mine", path.MINE), ("takes a key", path.TAKES), ("takes none", path.TAKES_NONE)],
)
def test_the_three_questions_end_where_those_of_the_page_do(where: str, answer: str) -> None:
    for costs in ((0, 0), (0, 1), (1, 0), (1, 1)):
        answers = [path.SOMETHING if cost else path.NOTHING for cost in costs]
        ours = which_guarantee.recommended(*costs, where)
        assert ours == path.recommended(*answers, answer).name


def text(cell: dict[str, list[str]]) -> str:
    return "".join(cell["source"])


def test_a_reply_is_json() -> None:
    said = json.loads(json.dumps(replied("first-receiver", EXERCISES["first-receiver"].start)))
    assert said["kind"] == "twice"
    assert "<svg " in said["picture"]
    assert "Money expected 10, there 20." in said["picture"]
