"""A table that is too wide for a phone has the names of its columns at hand."""

from __future__ import annotations

import pytest
from book_tables import stacked

from delivery_semantics.show.tables import table

LONG = "anticonstitutionally"
WIDE = table({LONG * n: [n] for n in (1, 2, 3)}, caption="Too wide")._repr_html_()


def test_a_table_that_fits_stays_as_it_is() -> None:
    fits = table({"a": ["some words, and then some more of them"], "b": [2]}, caption="Fits")
    assert stacked(fits._repr_html_()) == fits._repr_html_()


def test_what_does_not_fit_is_marked_and_carries_the_names_of_its_columns() -> None:
    style = f"--c1: '{LONG}'; --c2: '{LONG * 2}'; --c3: '{LONG * 3}';"
    opening = f'<table class="stacked" style="{style}">'.replace("'", "&#x27;")
    assert stacked(WIDE) == WIDE.replace("<table>", opening)


def test_each_table_of_a_page_is_judged_alone() -> None:
    fits = table({"a": [1]}, caption="Fits")._repr_html_()
    page = f"<p>one</p>{fits}<p>two</p>{WIDE}{fits}"
    assert stacked(page) == f"<p>one</p>{fits}<p>two</p>{stacked(WIDE)}{fits}"


def test_a_table_keeps_its_classes_and_one_without_heads_is_left_alone() -> None:
    named = WIDE.replace("<table>", '<table class="docutils align-default">')
    assert '<table class="stacked docutils align-default" style=' in stacked(named)
    headless = WIDE.replace("thead", "tbody")
    assert stacked(headless) == headless


@pytest.mark.parametrize(
    ("name", "written"),
    [("a & b's", r"a & b\'s"), ("one\ntwo", "one two"), ("a\\b", r"a\\b"), ("<b>", "<b>")],
)
def test_a_name_is_only_words(name: str, written: str) -> None:
    made = stacked(table({name: [LONG * 3]}, caption="c")._repr_html_())
    quoted = written.replace("&", "&amp;").replace("'", "&#x27;")
    quoted = quoted.replace("<", "&lt;").replace(">", "&gt;")
    assert f'style="--c1: &#x27;{quoted}&#x27;;"' in made
