"""Formulas become MathML, or stop the build."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from book_math import to_mathml

SPACE = "{http://www.w3.org/1998/Math/MathML}"


def test_a_formula_becomes_mathml() -> None:
    fraction = ElementTree.fromstring(
        to_mathml(r"\frac{1 - p^k}{1 - \lambda}", display="block")
    )
    assert fraction.get("display") == "block"
    assert "".join(fraction.find(f".//{SPACE}mfrac").itertext()) == "1−pk1−λ"  # type: ignore[union-attr]


@pytest.mark.parametrize("formula", [r"\unheard x", r"\begin{aligned} a &= b \end{aligned}"])
def test_a_formula_that_would_be_shown_half_read_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match="it must be LaTeX that latex2mathml knows"):
        to_mathml(formula, display="inline")
