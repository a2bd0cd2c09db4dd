"""One run in a panel, and one search: what is drawn, what is counted, where the money is.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Mapping

from .. import Exploration, Trace, audit
from ..show.diagram import sequence
from ..show.view import Scalar, View


def of_run(
    trace: Trace,
    *,
    title: str,
    says: str,
    numbers: Mapping[str, Scalar] | None = None,
    saves: bool = False,
) -> View:
    """Show a run: ``numbers``, then its money; ``saves`` draws what participants note."""
    found = audit(trace)
    money = {"money expected": found.money_expected, "money there": found.money_there}
    return View(
        picture=sequence(trace, title=title, saves=saves),
        numbers={**(numbers or {}), **money},
        sentence=f"{says} {found.money_expected} expected, {found.money_there} there.",
    )


def of_search(
    found: Exploration,
    *,
    title: str,
    claim: str = "",
    survived: Trace | None = None,
    saves: bool = False,
) -> View:
    """Show a shortest run that breaks a promise; where none does, one that is survived.

    It is the promise named ``claim``, or the first that is broken. ``survived`` is a run in
    which a fault strikes and breaks nothing; without it, any run of the search is drawn.
    """
    asked = [verdict for verdict in found.verdicts if claim in ("", verdict.claim)]
    broken = next((verdict for verdict in asked if not verdict.holds), None)
    run = broken.counterexample if broken else None
    promise = f"“{claim}”" if claim else "either promise"
    says = f"No run breaks {promise}; one of them is drawn."
    if broken:
        says = f"“{broken.claim}” is broken in {len(broken.steps)} steps."
    numbers: dict[str, Scalar] = {
        verdict.claim: "holds" if verdict.holds else "broken" for verdict in found.verdicts
    }
    return of_run(
        run or survived or found.run(found.outcomes[-1]),
        title=title,
        says=f"{found.worlds:,} worlds were searched. {says} Bounds: {found.scope()}.",
        numbers=numbers | {"worlds": found.worlds},
        saves=saves,
    )
