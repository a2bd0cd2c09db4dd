"""Tables on a phone: what is too wide for it stands there row by row, a line for each value.

The names of the columns go with such a table as properties of its style, ``--c1``, ``--c2`` and
on; where the page is narrow, ``book.css`` writes them before the values.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from delivery_semantics.show.diagram.paper import text_width

PHONE = 350
"""What a phone of 390 px has for a table, in letters that are estimated on the wide side."""
GAP = 12
"""Between two columns."""

_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL)
_HEAD = re.compile(r"<thead>.*?</thead>", re.DOTALL)
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def stacked(page: str) -> str:
    """Return the HTML of a page whose tables are marked if they are too wide for a phone."""
    return _TABLE.sub(lambda found: _marked(found.group()), page)


def _marked(table: str) -> str:
    head = _HEAD.search(table)
    if head is None or _least_width([_texts(row) for row in _ROW.findall(table)]) <= PHONE:
        return table
    names = "".join(
        f"--c{number}: '{_in_css(name)}'; "
        for number, name in enumerate(_texts(head.group()), 1)
    )
    opening = table[: table.index(">") + 1]
    marked = (
        opening.replace('class="', 'class="stacked ')
        if 'class="' in opening
        else opening.replace("<table", '<table class="stacked"')
    )
    return table.replace(opening, f'{marked[:-1]} style="{escape(names.strip())}">', 1)


def _texts(row: str) -> list[str]:
    return [unescape(_TAG.sub("", cell)).strip() for cell in _CELL.findall(row)]


def _least_width(rows: list[list[str]]) -> float:
    """Return how wide columns are at least: as wide as their longest words."""
    words = [[max(map(text_width, cell.split(" "))) for cell in row] for row in rows]
    columns = max(map(len, words), default=0)
    widest = [
        max((row[at] for row in words if at < len(row)), default=0.0) for at in range(columns)
    ]
    return sum(widest) + GAP * (columns - 1)


def _in_css(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'").replace("\n", " ")


def stack_tables(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Mark the tables in the text of one page."""
    context["body"] = stacked(context.get("body", ""))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done to each page."""
    app.connect("html-page-context", stack_tables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
