"""A prediction is answered by the run, needs no script, and refuses what makes no sense."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from delivery_semantics.show.picture import draw
from delivery_semantics.show.predict import Predict, PredictNumber, Quiz, nearest

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
        assert f'<output for="{id}">' in html
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
    assert Quiz(asked(), COUNTED).questions[1] == COUNTED
    assert html.count("<form") == 2
    assert html.count("<style>") == 1
    assert re.findall(r'" value="(\w+)"', html) == ["wrong", "right", "right", "wrong"]
    assert "of 2: " in html
    assert repr(Quiz(asked(), other)) == f"Quiz:\n{asked()!r}\n{other!r}"
    with pytest.raises(ValueError, match="questions are 1; allowed: two or more"):
        Quiz(asked())
    with pytest.raises(ValueError, match=r"questions hold .* twice; allowed: each once"):
        Quiz(asked(), asked(1))


COUNTED = PredictNumber(
    "How many payments are made?",
    answer=1200,
    right="Each retry made one more.",
    overlooks={10: "The retries.", 20: "The third attempt."},
    unit="payments",
)


def typed(question: PredictNumber, text: str) -> bool:
    pattern = re.search(r'pattern="([^"]+)"', question._repr_html_())
    assert pattern
    return re.fullmatch(pattern[1], text) is not None


def test_a_number_is_typed_with_or_without_its_comma() -> None:
    for text in ("1200", "1,200", " 1200 ", "01200"):
        assert typed(COUNTED, text)
    for text in ("120", "12000", "1199", "1201", "-1200", "1200.5", "", "1 200 more"):
        assert not typed(COUNTED, text)
    about_one = replace(COUNTED, answer=1, within=1)
    assert [typed(about_one, str(number)) for number in range(4)] == [True, True, True, False]


def test_a_wrong_number_is_told_what_the_numbers_that_come_to_mind_overlook() -> None:
    html = COUNTED._repr_html_()
    right, wrong = html[html.index("<output") :].split("✗ No.")
    assert "The run: 1,200 payments. Each retry made one more." in right
    assert "The run: 1 payment. Each" in replace(COUNTED, answer=1)._repr_html_()
    assert re.findall(r'"predict-line">([^<]+)<', wrong) == [
        "10: The retries.",
        "20: The third attempt.",
    ]
    assert "1,200" not in wrong
    assert repr(COUNTED) == (
        "Predict: How many payments are made? (how many payments?) The run: 1,200"
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"question": ""}, "question is ''"),
        ({"right": " "}, "right is ' '"),
        ({"unit": ""}, "unit is ''"),
        ({"answer": -1}, "answer is -1; allowed: a whole number, 0 or more"),
        ({"answer": 1.5}, "answer is 1.5"),
        ({"within": -1}, "within is -1"),
        ({"overlooks": {}}, "overlooks is empty"),
        ({"overlooks": {10: ""}}, r"overlooks\[10\] is ''"),
        ({"overlooks": {-1: "So."}}, "a number of overlooks is -1"),
        ({"overlooks": {1200: "So."}}, "overlooks has 1200, which is right"),
        ({"answer": 8, "within": 2}, "overlooks has 10, which is right"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(COUNTED, **wrong)


def test_no_form_leaves_the_page_when_enter_is_pressed() -> None:
    for question in (asked(), COUNTED):
        assert '<form class="predict" method="dialog" novalidate>' in question.form()


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
