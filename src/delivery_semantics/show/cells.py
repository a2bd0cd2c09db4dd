"""Cells of tables and numbers of panels: what is wrong has a tint and a sign, everywhere alike.

A verdict speaks for itself; money is held against what was expected, if the row says it or
the table does.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Mapping

from .picture import words

SIGNS = {"right": "✓\N{NO-BREAK SPACE}", "wrong": "✗\N{NO-BREAK SPACE}", "": ""}
"""What stands before a value, by the class of its cell."""

_VERDICTS = {"holds": "right", "ok": "right", "broken": "wrong"}
_EXPECTED = ("money expected", "expected")
_THERE = (
    "money there", "there", "booked", "charged", "paid", "in the ledger", "from cards",
)  # fmt: skip


def marks_of(
    row: Mapping[str, str], expected: Mapping[str, str] | None = None
) -> dict[str, str]:
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


def marked_cell(name: str, text: str, mark: str, *, side: str = "") -> str:
    """Return an element of this name with a text, its mark, and the side on which it stands."""
    kind = f' class="{mark}"' if mark else ""
    style = f' style="text-align: {side}"' if side else ""
    return f"<{name}{kind}{style}>{SIGNS[mark]}{words(text)}</{name}>"
