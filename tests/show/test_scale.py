"""A scale of powers of ten: amounts move on it, landmarks stand, and bad bounds are refused."""

from __future__ import annotations

import re

import pytest

from delivery_semantics.show.plots import scale


def drawn(amount: float) -> str:
    return scale(
        {"ids": amount},
        {"a laptop": 1e9},
        least=1,
        most=1e12,
        say=lambda v: f"{v:g}",
        title="T",
    ).svg


def test_a_hundred_times_as_much_is_as_far_anywhere_on_the_scale() -> None:
    widths = [
        float(re.findall(r'<rect [^>]*width="([\d.]+)"', drawn(amount))[0])
        for amount in (1e2, 1e4, 1e6)
    ]
    assert widths[1] - widths[0] == pytest.approx(widths[2] - widths[1], abs=0.2)
    assert widths[0] > 0


def test_what_is_drawn_is_said() -> None:
    svg = drawn(500)
    assert "ids: 500." in svg
    assert "a laptop 1e+09" in svg


@pytest.mark.parametrize(
    ("least", "most", "amount", "says"),
    [(0, 10, 1, "least is 0"), (5, 5, 1, "allowed: 0 < least < most"), (1, 10, 11, "is 11")],
)
def test_bounds_that_do_not_fit_are_refused(
    least: float, most: float, amount: float, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        scale({"x": amount}, {}, least=least, most=most, say=str, title="T")


def test_no_amounts_are_refused() -> None:
    with pytest.raises(ValueError, match="amounts is empty"):
        scale({}, {}, least=1, most=10, say=str, title="T")
