"""The document's table of semantics, measured: by chance, in processes, and over every run.

Book: 09-comparison-table
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ...core.check import one_of
from ...databases import empty_place
from ...live.processes import Processes
from ...show.picture import Picture, draw, number, path, rect, text
from ...show.plots import money
from ...show.view import View
from ..semantics.pairs import PAIRS, Chances, Counts, count, trace_by_chance

ROWS: Mapping[str, tuple[str, bool, bool]] = {
    "at-most-once": ("Metrics", False, True),
    "at-least-once": ("Most apps", True, False),
    "exactly-once processing": ("Payments", False, False),
}
"""The document's rows: for what they are used, and whether duplicates and loss are possible."""

PROFILES: Mapping[str, Chances] = {
    "nothing": Chances(),
    "packets lost": Chances(loss=0.1),
    "receiver crashes": Chances(crash=0.05),
    "packets copied": Chances(copies=0.05),
    "all three": Chances(loss=0.1, crash=0.05, copies=0.05),
}
"""What goes wrong: a packet is lost both ways in 1 of 10, a message copied in 1 of 20, and the
receiver crashes before 1 of 20 effects."""

PAYMENTS = 1_000
AMOUNT = 10


@cache
def simulated(pair: str, profile: str, *, messages: int = PAYMENTS, seed: int = 1) -> Counts:
    """Count over payments by chance, in memory; ``pair`` is one of ``PAIRS``.

    Raises ValueError for an unknown profile.
    """
    one_of("profile", profile, PROFILES)
    participants = PAIRS[pair].participants(messages)
    return count(trace_by_chance(participants, PROFILES[profile], seed=seed))


@dataclass(frozen=True)
class KilledRow:
    """A row with a receiver of flesh and blood: a process, SQLite, and SIGKILL.

    ``money_there`` is what its database holds in the end.
    """

    counts: Counts
    kills: int
    money_there: int


@cache
def killed(pair: str, profile: str, *, messages: int = 200, seed: int = 1) -> KilledRow:
    """Do the same with the receiver in a process that is killed wherever it would crash.

    The dice are those of ``simulated``. Raises Divergence if the process, or its database, does
    anything else than the simulation, and ValueError for an unknown profile.
    """
    one_of("profile", profile, PROFILES)
    pairs = PAIRS[pair].participants(messages)
    with empty_place() as store, Processes(pairs, {"receiver": store}) as processes:
        trace = trace_by_chance(pairs, PROFILES[profile], seed=seed, carry=processes)
        processes.check(trace)
        return KilledRow(count(trace), processes.kills, processes.money())


def killed_view(*, row: str, profile: str, seed: int) -> View:
    """Show the money of 200 payments in a process that is killed, and in the simulation."""
    real = killed(row, profile, seed=seed)
    memory = simulated(row, profile, messages=200, seed=seed)
    expected, groups = real.counts.money_expected, real.counts.groups()
    rows = {
        "in the database": (float(expected), float(real.money_there)),
        "simulated": (float(expected), float(memory.money_there)),
    }
    return View(
        money(rows, title=f"{row}; {profile}", x="money", x_max=1.3 * expected),
        {
            "kills": real.kills,
            "never": groups["never"],
            "twice or more": groups["twice or more"],
            "money expected": expected,
            "money there": real.money_there,
        },
        f"{row}, {profile}: killed {real.kills} times. {groups['never']} of 200 payments were "
        f"never made, {groups['twice or more']} twice or more. The simulation says the same.",
    )


# The document's table, with what was measured in each cell --------------------------------

_WIDTH, _NAME, _HEAD, _ROW = 410, 104, 30, 62


def cells(*, profile: str, seed: int) -> View:
    """Fill the document's table under one of ``PROFILES``."""
    found = {pair: simulated(pair, profile, seed=seed) for pair in ROWS}
    wrong = [
        f"{cell}, but {times} times"
        for pair, counts in found.items()
        for cell, times in wrong_cells(pair, counts).items()
    ]
    sums = {f"there, {pair}": counts.money_there for pair, counts in found.items()}
    return View(
        picture=_picture(found, title=f"The document's table; what goes wrong: {profile}"),
        numbers={"money expected": AMOUNT * PAYMENTS, **sums},
        sentence=f"{PAYMENTS:,} payments a row. "
        + (f"Otherwise than the document says: {'; '.join(wrong)}." if wrong
           else "Every cell is as the document says."),
    )  # fmt: skip


def wrong_cells(pair: str, counts: Counts) -> dict[str, int]:
    """Return the document's cells of a row that the run contradicts, and how often."""
    _, duplicates, loss = ROWS[pair]
    groups = counts.groups()
    wrong = {
        f"{pair}: no duplicates": 0 if duplicates else groups["twice or more"],
        f"{pair}: no loss": 0 if loss else groups["never"],
    }
    return {cell: times for cell, times in wrong.items() if times}


def _picture(found: Mapping[str, Counts], *, title: str) -> Picture:
    wide = (_WIDTH - _NAME) / 3
    heads = ("twice or more", "never", "money there")
    parts = [
        text(head, _NAME + wide * (i + 0.5), 18, anchor="middle", bold=True)
        for i, head in enumerate(heads)
    ]
    said = []
    for index, (pair, counts) in enumerate(found.items()):
        top = _HEAD + _ROW * index
        use, duplicates, loss = ROWS[pair]
        groups = counts.groups()
        twice, never = groups["twice or more"], groups["never"]
        parts += [
            text(pair.removesuffix(" processing"), 0, top + 26, bold=True),
            text(use.lower(), 0, top + 45),
            *_cell(twice, duplicates, _NAME, top, wide),
            *_cell(never, loss, _NAME + wide, top, wide),
            *_money(counts, _NAME + 2 * wide, top, wide),
        ]
        said.append(
            f"{pair}, for {use.lower()}: {twice} twice or more, the document says "
            f"{_says(duplicates)}; {never} never, the document says {_says(loss)}; "
            f"money expected {counts.money_expected}, there {counts.money_there}."
        )
    height = _HEAD + _ROW * len(found)
    return draw(*parts, width=_WIDTH, height=height, title=title, description=" ".join(said))


def _says(possible: bool) -> str:
    return "possible" if possible else "no"


def _cell(times: int, possible: bool, left: float, top: float, wide: float) -> list[str]:
    wrong = times > 0 and not possible
    sign = "✗" if wrong else "✓"
    return [
        *_frame("fault" if wrong else "good", left, top, wide),
        text(f"{times:,} {sign}", left + wide / 2 + 3, top + 26, anchor="middle", bold=True),
        text(f"said: {_says(possible)}", left + wide / 2 + 3, top + 45, anchor="middle"),
    ]


def _money(counts: Counts, left: float, top: float, wide: float) -> list[str]:
    there, expected = counts.money_there, counts.money_expected
    return [
        *_frame("good" if there == expected else "fault", left, top, wide),
        text(f"{there:,}", left + wide / 2 + 3, top + 26, anchor="middle", bold=True),
        text(f"of {expected:,}", left + wide / 2 + 3, top + 45, anchor="middle"),
    ]


def _frame(hue: str, left: float, top: float, wide: float) -> list[str]:
    return [
        rect(left + 3, top + 3, wide - 6, _ROW - 6, stroke=hue),
        path(f"M{number(left + 6)} {number(top + 3)}v{_ROW - 6}", stroke=hue, width=6),
    ]
