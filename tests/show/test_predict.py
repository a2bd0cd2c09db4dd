"""A prediction is answered by the run, needs no script, and refuses what makes no sense."""

from __future__ import annotations

import re

import pytest

from delivery_semantics.show.picture import draw
from delivery_semantics.show.predict import Predict, Quiz, nearest

CHOICES: dict[str | int | float, str] = {
    1: "The ack was lost, so the sender asks again.",
    2: "The retry is processed too.",
}


def asked(answer: int = 2) -> Predict:
    return Predict("How often is it processed?", CHOICES, answer=answer)


def test_each_choice_has_a_control_a_name_and_what_it_shows() -> None:
    html = asked()._repr_html_()
    assert "<legend>How often is it processed?</legend>" in html
    controls = re.findall(r'<input type="radio" name="([^"]+)" id="([^"]+)"', html)
    assert len({name for name, _ in controls}) == 1
    for (_, id), says in zip(controls, CHOICES.values(), strict=True):
        assert f'<label for="{id}">' in html
        assert f'id="{id}-says"' in html
        assert says in html
    assert html.count("✓ Yes.") == html.count("✗ No.") == 1
    assert "script" not in html


def test_the_answer_decides_which_choice_is_right() -> None:
    for answer in CHOICES:
        html = asked(int(answer))._repr_html_()
        right = html[html.index("✓ Yes.") :]
        assert right.partition("</strong> ")[2].startswith(CHOICES[answer])
    assert repr(asked()) == "Predict: How often is it processed? (1, 2) The run: 2"
    assert asked(1)._repr_html_() != asked(2)._repr_html_()


def test_a_question_may_be_about_a_picture() -> None:
    picture = draw("<g/>", width=10, height=10, title="Two arrows", description="Both arrive.")
    seen = Predict("What was lost?", CHOICES, answer=1, picture=picture)._repr_html_()
    assert seen.index("</legend>") < seen.index("<desc") < seen.index('type="radio"')
    assert "Two arrows" in seen
    assert "<svg" not in asked()._repr_html_()


def test_a_quiz_asks_each_question_once_and_knows_the_right_answers() -> None:
    other = Predict("How often is it confirmed?", CHOICES, answer=1)
    html = Quiz(asked(), other)._repr_html_()
    assert html.count("<form") == 2
    assert html.count("<style>") == 1
    assert re.findall(r'" value="(\w+)"', html) == ["wrong", "right", "right", "wrong"]
    assert "of 2: " in html
    assert repr(Quiz(asked(), other)) == f"Quiz:\n{asked()!r}\n{other!r}"
    with pytest.raises(ValueError, match="questions are 1; allowed: two or more"):
        Quiz(asked())
    with pytest.raises(ValueError, match=r"questions hold .* twice; allowed: each once"):
        Quiz(asked(), asked(1))


def test_what_is_written_is_written_out() -> None:
    html = Predict("<b>?", {"a<b": "Less.", "c": "More."}, answer="c")._repr_html_()
    assert "<b>?" not in html
    assert "a&lt;b" in html


@pytest.mark.parametrize(
    ("question", "choices", "answer", "says"),
    [
        (" ", CHOICES, 1, "question is ' '"),
        ("How often?", {1: "Once."}, 1, "choices are 1; allowed: 2 to 5"),
        ("How often?", dict.fromkeys(range(6), "So."), 1, "choices are 6"),
        ("How often?", CHOICES, 3, r"answer is 3; allowed: one of \[1, 2\]"),
        ("How often?", {1: "Once.", 2: ""}, 1, r"choices\[2\] is ''"),
    ],
)
def test_what_makes_no_sense_is_refused(
    question: str, choices: dict[str | int | float, str], answer: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Predict(question, choices, answer=answer)


def test_the_nearest_choice_is_found() -> None:
    assert nearest(0.58, {0: "None.", 0.6: "Most.", 2: "All."}) == 0.6
    assert nearest(1, (0, 2)) == 0
    with pytest.raises(ValueError, match="choices are empty"):
        nearest(1, ())
