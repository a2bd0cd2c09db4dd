"""The same system as a model, searched: every run of one payment, with its protections.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from functools import cache

from ... import Bounds, Broker, Exploration, RetryUntilAcked, Verdict, explore, payments
from ...protocols.capstone import BankModel, CardProcessor, ShopModel, times_booked
from ...show.diagram import sequence
from ...show.view import View

BOOKED_TWICE = "booked twice"
ON, OFF = SWITCH = ("on", "off")

BOUNDS = Bounds(losses=1, duplicates=0, crashes=1, crashable=("shop", "bank"), reordering=False)
"""One lost packet and one crash; connections keep the order of what is sent on them."""


@cache
def searched(
    *, key: bool = True, outbox: bool = True, confirm: bool = True, inbox: bool = True,
    derived_key: bool = True, bank: type[BankModel] = BankModel,
) -> Exploration:  # fmt: skip
    """Search every run of one payment, with these protections."""
    parts = {
        "customer": RetryUntilAcked("shop", payments(1)),
        "shop": ShopModel(key=key, outbox=outbox, confirm=confirm),
        "broker": Broker("bank", visibility_s=1.0),
        "bank": bank(inbox=inbox, derived_key=derived_key),
        "card": CardProcessor(),
    }
    twice = {BOOKED_TWICE: lambda world: times_booked(world) > 1}
    return explore(parts, BOUNDS, never=twice)


def breaks(found: Exploration) -> list[Verdict]:
    """Return what is broken, the shortest run first."""
    return sorted(
        (each for each in found.verdicts if not each.holds), key=lambda each: len(each.steps)
    )


def model_view(
    *, key: str, outbox: str, confirm: str, inbox: str, derived_key: str, seed: int = 1
) -> View:
    """Show the shortest run that breaks the system with these protections "on" or "off"."""
    found = searched(
        key=key == ON, outbox=outbox == ON, confirm=confirm == ON, inbox=inbox == ON,
        derived_key=derived_key == ON,
    )  # fmt: skip
    broken = breaks(found)
    if broken:
        picture = sequence(broken[0], title=f"A shortest run that breaks it: {broken[0].claim}")
        names = "; ".join(each.claim for each in broken)
        said = f"Broken, the shortest run in {len(broken[0].steps)} steps: {names}."
    else:
        picture = sequence(found.run(found.outcomes[-1]), title="One of the runs it survives")
        said = f"{found.worlds:,} worlds were searched, and nothing breaks it."
    numbers = {
        "worlds": found.worlds,
        "steps to break it": len(broken[0].steps) if broken else "none found",
    }
    return View(picture, numbers, f"{said} Bounds: {found.scope()}.")
