"""Tables: traces, audits and searches as pandas DataFrames that are also pleasant to read.

A `Table` is a DataFrame, so it can be filtered, grouped and summed; what a page shows of it is
small HTML with a caption, headers that say what they head, and numbers written as people write
them. The same content always gives the same bytes.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from pandas.api.extensions import ExtensionArray

from ..core.audit import FINDINGS, Audit, Semantic
from ..core.effects import label
from ..core.trace import Event, Trace
from ..search.exploration import Exploration, Verdict
from .cells import marked_cell, marks_of
from .picture import readable

ROWS_MAX = 100
"""A page shows this many rows; the caption says so when there are more."""


class Table(pd.DataFrame):
    """A DataFrame with a caption; an index without a name counts rows and is not shown."""

    @property
    def _constructor(self) -> Callable[..., Table]:
        return Table  # a filtered table is still a table

    @property
    def caption(self) -> str:
        """What the table shows, in one line."""
        return str(self.attrs.get("caption", ""))

    def _repr_html_(self) -> str:
        shown = self.head(ROWS_MAX)
        caption = self.caption
        if len(self) > ROWS_MAX:
            caption += f" (the first {ROWS_MAX} of {len(self):,} rows)"
        named = self.index.name is not None
        heads = [str(self.index.name)] if named else []
        heads += [str(column) for column in self.columns]
        sides = ["left"] * named + [_side(shown[column]) for column in shown.columns]
        expected = {name: _text(each) for name, each in self.attrs.get("expected", {}).items()}
        rows = [
            _row(dict(zip(heads, cells, strict=True)), sides, expected, named=named)
            for cells in shown.itertuples(index=named, name=None)
        ]
        header = "".join(map(_header, heads, sides))
        return (
            f'<div class="scroll" role="group" aria-label="{escape(caption)}" tabindex="0" '
            'style="overflow-x: auto">\n<table>\n'
            f"<caption>{escape(caption)}</caption>\n"
            f"<thead><tr>{header}</tr></thead>\n"
            f"<tbody>\n{chr(10).join(rows)}\n</tbody>\n</table>\n</div>"
        )


def table(
    columns: Mapping[str, Sequence[Any] | ExtensionArray],
    *,
    caption: str,
    rows: Iterable[str] = (),
    rows_name: str = "",
    expected: Mapping[str, Any] | None = None,
) -> Table:
    """Return a table of ``columns``; ``rows`` names its rows, ``rows_name`` what they are.

    ``expected`` says what a column ought to hold in every row: what differs is wrong, and has
    a tint and a sign. Raises ValueError without a caption, for columns of different lengths
    and for an expectation of a column that is not there.
    """
    if not caption.strip():
        raise ValueError(f"caption is {caption!r}; allowed: a line that says what is shown")
    index = pd.Index(list(rows), name=rows_name) if rows_name else None
    made = Table(dict(columns), index=index)
    if missing := [name for name in expected or {} if name not in columns]:
        raise ValueError(f"expected names {missing[0]!r}; allowed: {list(columns)!r}")
    made.attrs["caption"] = caption
    made.attrs["expected"] = dict(expected or {})
    return made


def events(trace: Trace, *, caption: str = "What happened, in order") -> Table:
    """Return one row per event: time_s, what, who, content, peer, packet, note.

    ``packet`` is missing where no packet took part; ``content`` names what a packet carries.
    """
    packets = pd.array([event.packet or None for event in trace.events], dtype="Int64")
    return table(
        {
            "time_s": [event.time_s for event in trace.events],
            "what": [event.what for event in trace.events],
            "who": [event.who for event in trace.events],
            "content": [
                label(event.payload) if event.payload else "" for event in trace.events
            ],
            "peer": [event.peer for event in trace.events],
            "packet": packets,
            "note": [_note(event) for event in trace.events],
        },
        caption=caption,
    )


def metrics(
    trace: Trace | Mapping[str, Trace], *, caption: str = "What the run amounted to"
) -> Table:
    """Return one row per number of ``Trace.metrics``, one column per trace.

    A single trace has the column "value"; ``{"no loss": …, "10 % loss": …}`` names its own.
    """
    traces = {"value": trace} if isinstance(trace, Trace) else trace
    measured = {name: one.metrics() for name, one in traces.items()}
    names = list(next(iter(measured.values()))) if measured else []
    # As objects, so that a count stays whole in the column that also holds seconds.
    columns = {
        name: pd.array(list(values.values()), dtype=object) for name, values in measured.items()
    }
    return table(columns, rows=names, rows_name="number", caption=caption)


def findings(audit: Audit, *, semantic: Semantic | None = None, caption: str = "") -> Table:
    """Return what became of the messages and of the money: one row each, "count" and "ids".

    Rows are those of `Audit.report`.
    With ``semantic`` a column says which findings it allows, and the caption its verdict.
    """
    ids = audit.report()
    money = {"money expected": audit.money_expected, "money there": audit.money_there}
    columns: dict[str, list[Any]] = {
        "count": [*map(len, ids.values()), *money.values()],
        "ids": [*map(_listed, ids.values()), *("" for _ in money)],
    }
    if semantic is not None:
        allowed = {name: "yes" if semantic.may(name) else "no" for name in FINDINGS}
        columns[f"allowed by {semantic.name}"] = [allowed.get(n, "") for n in [*ids, *money]]
    judged = f": {semantic.name} is {audit.verdict(semantic)}" if semantic else ""
    caption = caption or f"Audit{judged}"
    return table(columns, rows=[*ids, *money], rows_name="finding", caption=caption)


def verdicts(explorations: Mapping[str, Exploration], *, caption: str = "") -> Table:
    """Return one row per search: "holds" or "broken" for both properties, and its worlds.

    A broken one says how many steps the shortest counterexample has, and whether the last of
    them repeat for ever; they count once. The bounds stand in the
    caption, or in a column where they differ: no verdict means anything without them.
    """
    found = list(explorations.values())
    bounds = [one.scope() for one in found]
    columns: dict[str, list[Any]] = {
        "never more than once": [_verdict(one.never_more_than_once) for one in found],
        "at least once, eventually": [_verdict(one.at_least_once_eventually) for one in found],
        "worlds": [one.worlds for one in found],
    }
    if len(set(bounds)) > 1:
        columns["bounds"] = bounds
    within = bounds[0] if len(set(bounds)) == 1 else "within the bounds stated"
    caption = f"{caption or 'Every run'}: {within}"
    return table(columns, rows=explorations, rows_name="search", caption=caption)


def _note(event: Event) -> str:
    copy = f"copy of packet {event.copy_of}" if event.copy_of else ""
    return "; ".join(filter(None, (copy, event.note)))


def _listed(ids: tuple[str, ...], shown: int = 10) -> str:
    more = f" and {len(ids) - shown:,} more" if len(ids) > shown else ""
    return ", ".join(ids[:shown]) + more


def _verdict(verdict: Verdict) -> str:
    if verdict.holds:
        return "holds"
    round_and_round = ": goes round for ever," if verdict.loop else ""
    return f"broken{round_and_round} in {len(verdict.steps)} steps"


# HTML -------------------------------------------------------------------------------------


def _side(column: pd.Series[Any]) -> str:
    numbers = all(isinstance(v, int | float) or pd.isna(v) for v in column.tolist())
    return "right" if numbers else "left"


def _header(name: str, side: str) -> str:
    return f'<th scope="col" style="text-align: {side}">{escape(name)}</th>'


def _row(
    row: dict[str, Any], sides: list[str], expected: Mapping[str, str], *, named: bool
) -> str:
    """Return a row by its columns' names; the first is its own name where it is ``named``."""
    texts = {name: _text(value) for name, value in row.items()}
    first = next(iter(texts)) if named else ""
    marks = marks_of({name: text for name, text in texts.items() if name != first}, expected)
    made = [
        marked_cell("td", text, marks[name], side=side)
        if name != first
        else f'<th scope="row" style="text-align: left">{escape(text)}</th>'
        for (name, text), side in zip(texts.items(), sides, strict=True)
    ]
    return f"<tr>{''.join(made)}</tr>"


def _text(cell: object) -> str:
    """Write 1,234 for a whole number; else three decimals, or three digits: 9.4×10⁻²⁰."""
    if isinstance(cell, float) and not cell.is_integer():
        return "" if pd.isna(cell) else _decimal(cell)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return f"{int(cell):,}"
    return "" if cell is None or cell is pd.NA else str(cell)


def _decimal(value: float) -> str:
    if 0.01 <= abs(value) < 1e15:
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return readable(float(f"{value:.3g}"))
