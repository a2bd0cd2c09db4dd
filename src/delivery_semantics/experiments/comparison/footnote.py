"""The table's footnote: what is left of the third row without one of its halves.

Book: 09-comparison-table
"""

from __future__ import annotations

from functools import cache

from ... import ProcessOnce, ProcessThenAck, payments
from ...core.check import one_of
from ...show.plots import bars
from ...show.view import View
from ..semantics.pairs import Counts, count, retry, send_once, trace_by_chance
from .measured import PAYMENTS, PROFILES

SENDERS = {"no": send_once, "yes": retry}
RECEIVERS = {"no": ProcessThenAck, "yes": ProcessOnce}


@cache
def halves(retries: str, deduplication: str, profile: str, *, seed: int = 1) -> Counts:
    """Count 1,000 payments by chance, with and without each half; both are "yes" or "no".

    Raises ValueError for another word, and for an unknown profile.
    """
    one_of("retries", retries, SENDERS)
    one_of("deduplication", deduplication, RECEIVERS)
    one_of("profile", profile, PROFILES)
    both = {
        "sender": SENDERS[retries]("receiver", payments(PAYMENTS)),
        "receiver": RECEIVERS[deduplication](),
    }
    return count(trace_by_chance(both, PROFILES[profile], seed=seed))


def footnote_view(*, retries: str, deduplication: str, profile: str, seed: int) -> View:
    """Show how often payments are made with these halves, and the money."""
    found = halves(retries, deduplication, profile, seed=seed)
    groups = found.groups()
    kept = f"retries: {retries}, deduplication: {deduplication}"
    return View(
        bars(
            {"payments": groups}, title=f"Goes wrong: {profile}; {kept}",
            x="payments, by how often they were processed", stacked=True, x_max=PAYMENTS,
            hues={"never": "fault", "once": "good", "twice or more": "accent"},
        ),
        {"money expected": found.money_expected, "money there": found.money_there},
        f"{kept.capitalize()}. {groups['never']} of {PAYMENTS:,} payments were never made, "
        f"{groups['twice or more']} twice or more.",
    )  # fmt: skip
