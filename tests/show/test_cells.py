"""What is wrong in a table or beside a picture has a tint and a sign, everywhere alike."""

from __future__ import annotations

import pytest

from delivery_semantics.show.cells import SIGNS, marked_cell, marks_of
from delivery_semantics.show.panel_html import frame, page
from delivery_semantics.show.picture import draw
from delivery_semantics.show.tables import table
from delivery_semantics.show.view import Slider, View

PICTURE = draw(width=10, height=10, title="t", description="d")


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("holds", "right"),
        ("ok", "right"),
        ("broken in 8 steps", "wrong"),
        ("broken: goes round for ever, in 8 steps", "wrong"),
        ("unbroken", ""),
        ("", ""),
        ("8", ""),
    ],
)
def test_a_verdict_speaks_for_itself(text: str, mark: str) -> None:
    assert marks_of({"never more than once": text}) == {"never more than once": mark}


@pytest.mark.parametrize(
    ("row", "wrong", "right"),
    [
        ({"money expected": "10", "money there": "20"}, {"money there"}, set()),
        ({"money expected": "10", "money there": "10"}, set(), {"money there"}),
        ({"expected": "10", "booked": "10", "charged": "0"}, {"charged"}, {"booked"}),
        ({"money expected, a": "1", "money there, a": "2"}, {"money there, a"}, set()),
        ({"money expected": "10", "in the ledger": "10"}, set(), {"in the ledger"}),
        ({"money there": "20"}, set(), set()),
        ({"money expected": "10", "therefore": "20"}, set(), set()),
    ],
)
def test_money_is_held_against_what_its_row_expects(
    row: dict[str, str], wrong: set[str], right: set[str]
) -> None:
    marks = marks_of(row)
    assert {name for name, mark in marks.items() if mark == "wrong"} == wrong
    assert {name for name, mark in marks.items() if mark == "right"} == right


def test_a_table_may_say_what_each_column_ought_to_hold() -> None:
    made = table({"a": [10, 20], "b": ["yes", "no"]}, caption="c", expected={"a": 10})
    html = made._repr_html_()
    assert f'<td class="right" style="text-align: right">{SIGNS["right"]}10</td>' in html
    assert f'<td class="wrong" style="text-align: right">{SIGNS["wrong"]}20</td>' in html
    assert '<td style="text-align: left">yes</td>' in html
    assert made.head(1).attrs == made.attrs


def test_an_expectation_of_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"expected names 'c'; allowed: \['a'\]"):
        table({"a": [1]}, caption="c", expected={"c": 1})


def test_the_first_name_of_a_row_is_no_verdict() -> None:
    html = table({"a": [1]}, caption="c", rows=["holds"], rows_name="what")._repr_html_()
    assert '<th scope="row" style="text-align: left">holds</th>' in html


def test_a_panel_says_it_in_its_numbers_and_in_the_table_of_its_positions() -> None:
    view = View(PICTURE, {"money expected": 10, "money there": 20}, "Paid twice.")
    wrong = f'class="wrong">{SIGNS["wrong"]}20<'
    assert wrong in frame(view, "eo-1")
    made = page("p", [Slider("n", "n", [1, 2])], [view, view], seed=1)
    assert made.count(f"<td {wrong}/td>") == 2
    assert made.count(f"<dd {wrong}/dd>") == 1


def test_words_in_a_cell_are_only_words() -> None:
    assert (
        marked_cell("td", "<b>", "wrong") == f'<td class="wrong">{SIGNS["wrong"]}&lt;b&gt;</td>'
    )
