"""Cells of tables and numbers of panels: what is wrong has a tint and a sign, everywhere alike.

A verdict speaks for itself; money is held against what was expected, if the row says it or
the table does. A wide table gives each cell its column's name, so that a narrow page can show
a row as lines.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

STACKED = 7
"""A table with this many columns shows its rows as lines where the page is narrow."""

SIGNS = {"right": "✓\N{NO-BREAK SPACE}", "wrong": "✗\N{NO-BREAK SPACE}", "": ""}
"""What stands before a value, by the class of its cell."""

_VERDICTS = {"holds": "right", "ok": "right", "broken": "wrong"}
_EXPECTED = ("money expected", "expected")
_THERE = (
    "money there", "there", "booked", "charged", "paid", "in the ledger", "from cards",
)  # fmt: skip


def judged(row: Mapping[str, str], expected: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return "right", "wrong" or "" for each text of a row, by its column.

    ``expected`` says what a column ought to hold, where the row does not.
    """
    wanted = {**_wanted(row), **(expected or {})}
    return {
        name: _VERDICTS.get(text.partition(" ")[0].rstrip(":,"), "")
        if name not in wanted
        else "right"
        if text == wanted[name]
        else "wrong"
        for name, text in row.items()
    }


def _wanted(row: Mapping[str, str]) -> dict[str, str]:
    """Return the money that columns of a row ought to hold, where the row says it."""
    found = {}
    for name in row:
        there = next((start for start in _THERE if name.startswith(start)), None)
        rest = name.removeprefix(there or "")
        if there and rest[:1] in ("", ",", " "):
            wanted = [text + rest for text in _EXPECTED] + list(_EXPECTED)
            known = next((text for text in wanted if text in row), None)
            found.update({name: row[known]} if known else {})
    return found


def cell(text: str, mark: str = "", *, head: str = "", side: str = "") -> str:
    """Return a ``<td>``; ``head`` names its column where the page is narrow."""
    kind = f' class="{mark}"' if mark else ""
    named = f' data-head="{escape(head)}"' if head else ""
    style = f' style="text-align: {side}"' if side else ""
    return f"<td{kind}{named}{style}>{SIGNS[mark]}{escape(text)}</td>"
