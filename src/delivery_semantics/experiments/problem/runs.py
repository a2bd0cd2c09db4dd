"""One run in a panel, and one search: what is drawn, what is counted, where the money is.

Book: 01-the-problem
"""

from __future__ import annotations

from collections.abc import Mapping

from ... import Exploration, Trace, audit
from ...show.diagram import sequence
from ...show.view import Scalar, View


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
    found: Exploration, *, title: str, survived: Trace | None = None, saves: bool = False
) -> View:
    """Show a shortest run that breaks a promise; where none does, one that keeps both.

    Of two broken promises the run of "never more than once" is drawn. ``survived`` is a run
    in which a fault strikes and is survived, for a search that finds nothing.
    """
    broken = next((verdict for verdict in found.verdicts if not verdict.holds), None)
    calm = survived or found.run(found.outcomes[-1])
    if broken is None:
        says = "No run breaks either promise; this is one of those that keep both."
    else:
        says = f"“{broken.claim}” is broken in {len(broken.steps)} steps."
    numbers: dict[str, Scalar] = {
        verdict.claim: "holds" if verdict.holds else "broken" for verdict in found.verdicts
    }
    return of_run(
        calm if broken is None or broken.counterexample is None else broken.counterexample,
        title=title,
        says=f"{found.worlds:,} worlds were searched. {says} Bounds: {found.scope()}.",
        numbers=numbers | {"worlds": found.worlds},
        saves=saves,
    )
