"""Money: what is too much is red beyond the mark, what is missing is a hatched gap."""

from __future__ import annotations

import pytest

from delivery_semantics.show.picture import Picture
from delivery_semantics.show.plots import money


def drawn(there: float) -> Picture:
    return money({"sent once": (100, there)}, title="T", x="money", x_max=200)


def test_too_much_and_missing_are_red_and_what_is_right_is_not() -> None:
    assert "✗ 150 there, 50 too much" in drawn(150).svg
    assert "✗ 70 there, 30 missing" in drawn(70).svg
    assert "fault" not in drawn(100).svg
    assert "sent once: expected 100, ✓ 100 there." in drawn(100).description


def test_the_red_begins_at_the_mark() -> None:
    assert '<rect x="220" y="46" width="110" height="18" fill="var(--eo-fault' in drawn(150).svg
    assert '<rect x="154" y="46" width="66" height="18" fill="none"' in drawn(70).svg


@pytest.mark.parametrize("there", [-1, 201, float("nan")])
def test_what_cannot_be_drawn_is_refused(there: float) -> None:
    with pytest.raises(ValueError, match="allowed: 0 to 200"):
        drawn(there)


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="rows is empty"):
        money({}, title="T", x="money", x_max=1)
