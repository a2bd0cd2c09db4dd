"""Frames of panels on real systems: one way of many, a fault at each step, and the money.

Book: 11-kafka
"""

from __future__ import annotations

from collections.abc import Sequence

from ..show.diagram import sequence
from ..show.picture import Picture
from ..show.plots import money
from ..show.strips import RunEnd, kill_strip
from ..show.view import View
from ..systems.lab import Ending


def strip_view(
    name: str, ends: Sequence[RunEnd], *, title: str = "", beside: Sequence[Picture] = ()
) -> View:
    """Show what a fault at each step came to: a strip, what is ``beside`` it, and the money.

    The money that is told is that of the place which costs most; the first one of several.
    Raises ValueError for no ends.
    """
    if not ends:
        raise ValueError("ends is empty; allowed: at least one ending")
    wrong = [end for end in ends if end.money != end.expected]
    worst = worst_of(ends)
    where = ", ".join(f"{end.step} ({end.money:,})" for end in wrong)
    said = f"The money is wrong {where}." if wrong else "The money is right at each."
    return View(
        [
            kill_strip({name: ends}, title=title or f"{name}: {worst.fault} at each step"),
            *beside,
        ],
        {
            "places": len(ends),
            "of them wrong": len(wrong),
            "money expected": worst.expected,
            "there, at worst": worst.money,
        },
        f"{name}: {worst.fault} at each of {len(ends)} places. {said}",
    )


def worst_of(ends: Sequence[RunEnd]) -> RunEnd:
    """Return the run whose money is furthest from what it ought to be; the first of several."""
    return max(ends, key=lambda end: abs(end.money - end.expected))


def run_of(ends: Sequence[Ending]) -> Picture:
    """Draw a run of a strip, from its own log: the worst, or the last but one if all are right.

    The last but one is the fault before the ack, where the others go wrong.
    """
    wrong = [end for end in ends if end.money != end.expected]
    end = max(wrong, key=lambda end: abs(end.money - end.expected)) if wrong else ends[-2]
    return sequence(end.trace, title=f"The run that is {end.fault} {end.step}")


def money_view(
    name: str, *, expected: int, there: int, title: str, said: str, most: int = 2
) -> View:
    """Show the money of one run, on a scale of ``most`` times what was expected."""
    drawn = money(
        {name: (float(expected), float(there))}, title=title, x="money",
        x_max=float(most * expected),
    )  # fmt: skip
    return View(drawn, {"money expected": expected, "money there": there}, said)
