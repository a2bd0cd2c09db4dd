"""What the reader types may be anything: it is answered in the words of the package."""

from __future__ import annotations

from dataclasses import replace

import pytest

from delivery_semantics.play.check import Feedback, check, exercise

RECEIVER = """
class Mine(Passive):
    def receive(self, source, payload):
        {}
        yield Process(payload)
"""
IN_SELF = """
class Mine(Passive):
    def __init__(self):
        self.seen = set()

    def receive(self, source, payload):
        if payload.id not in self.seen:
            self.seen.add(payload.id)
            yield Process(payload)
        yield Send(source, Ack(payload.id))
"""
COUNTS = """
class Mine(Passive):
    def receive(self, source, payload):
        while True:
            yield Save("n", 1 + (yield Load("n")))
"""


def said(source: str) -> tuple[int, str]:
    reply = check("first-receiver", source)
    assert (reply.passed, reply.kind, reply.hint) == (False, "mistake", "")
    return reply.line, reply.words


def test_a_syntax_error_is_told_with_its_line() -> None:
    line, words = said("class Mine(Passive):\n    def receive(self, source payload):\n")
    assert line == 2
    assert words.startswith("Python cannot read this: ")


def test_a_misspelt_name_is_told_with_the_one_that_was_meant() -> None:
    assert said(RECEIVER.format("yield Proces(payload)")) == (
        4, "name 'Proces' is not defined; did you mean Process?",
    )  # fmt: skip


def test_a_name_that_is_missing_is_told_with_those_that_are_there() -> None:
    assert said("class Yours(Passive):\n    pass\n") == (
        0, "Mine is missing: your code defines Yours; allowed: Mine",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (IN_SELF, "receiver keeps state in self.seen; "),
        (RECEIVER.format("import time; time.time()"), "receiver asks a clock, by time.time; "),
        (COUNTS, "receiver has asked for 2,000 effects without a wait; "),
        (RECEIVER.format("yield payload"), "receiver yielded Message(id='1', amount=10); "),
        (RECEIVER.format("pass").replace("yield ", ""), "its handler returned None; allowed: "),
        ("def f():\n    f()\nf()\n", "A function calls itself without an end"),
        ("raise KeyboardInterrupt", "It was stopped: a loop in it may have no end"),
        ("raise SystemExit", "SystemExit"),
        ("#" * 20_001, "the code has 20,001 characters; allowed: 20,000"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_package(source: str, told: str) -> None:
    assert told in said(source)[1]


def test_a_number_and_steps_of_the_wrong_kind_are_refused() -> None:
    assert check("patience", "answer = '4'").words == "answer is '4'; allowed: a number"
    assert check("twice-without-loss", "steps = [Lose(1)]").words == (
        "steps has Lose(1); allowed here: Deliver, Duplicate, Timeout"
    )


def test_an_exercise_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"name is 'nothing'; allowed: cut-wire, "):
        check("nothing", "")


def test_in_a_notebook_an_exercise_and_a_reply_are_read() -> None:
    asked = exercise("first-receiver")
    html = asked._repr_html_()
    assert asked.question.split("`")[0] in html
    assert "<summary>Solution</summary>" in html
    assert "<p>✗ Line 3: 1 &lt; 2 <" not in Feedback(False, "1 < 2", line=3)._repr_html_()
    assert "✗ Line 3: 1 &lt; 2" in Feedback(False, "1 < 2", line=3)._repr_html_()


def test_an_exercise_without_a_text_or_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name is 'A b'; allowed: "):
        replace(exercise("patience"), name="A b")
    with pytest.raises(ValueError, match="why is ' '; allowed: "):
        replace(exercise("patience"), why=" ")


def test_lines_are_joined_and_paragraphs_are_kept() -> None:
    asked = replace(exercise("patience"), why="One\n    line.\n\nTwo.\n")
    assert asked.why == "One line.\n\nTwo."
