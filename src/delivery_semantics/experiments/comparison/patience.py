"""How long a sender has to ask again until "message loss: no" is true.

Book: 09-comparison-table
"""

from __future__ import annotations

from functools import cache

from ... import ProcessOnce, ProcessThenAck, RetryUntilAcked, Trace, payments
from ...core.check import at_least
from ...show.picture import how_many
from ...show.plots import bars
from ...show.view import View
from ..semantics.pairs import Chances, count, trace_by_chance
from .measured import AMOUNT, PAYMENTS

RECEIVERS = {"at-least-once": ProcessThenAck, "exactly-once": ProcessOnce}


@cache
def limited(row: str, attempts: int, loss: int, *, seed: int = 1) -> Trace:
    """Run one of ``RECEIVERS`` with a sender that gives up; ``loss`` in percent, both ways."""
    at_least("attempts", attempts, 1)
    sender = RetryUntilAcked("receiver", payments(PAYMENTS), attempts_max=attempts)
    pair = {"sender": sender, "receiver": RECEIVERS[row]()}
    return trace_by_chance(pair, Chances(loss=loss / 100), seed=seed)


def patience(*, attempts: int, loss: int, seed: int) -> View:
    """Show what becomes of both rows that the document says lose nothing."""
    traces = {row: limited(row, attempts, loss, seed=seed) for row in RECEIVERS}
    counts = {row: count(trace) for row, trace in traces.items()}
    doubts = {row: len(trace.of("gave_up")) for row, trace in traces.items()}
    lost = {row: one.groups()["never"] for row, one in counts.items()}
    said = "; ".join(f"{row}: {lost[row]} lost, {doubts[row]} in doubt" for row in RECEIVERS)
    return View(
        picture=bars(
            {row: one.groups() for row, one in counts.items()},
            title=f"At most {how_many(attempts, 'attempt')}, {loss} % of packets lost",
            x="payments, by how often they were processed",
            stacked=True,
            x_max=PAYMENTS,
            hues={"never": "fault", "once": "good", "twice or more": "accent"},
        ),
        numbers={
            "money expected": AMOUNT * PAYMENTS,
            **{f"there, {row}": one.money_there for row, one in counts.items()},
            **{f"in doubt, {row}": doubt for row, doubt in doubts.items()},
        },
        sentence=f"{said}.",
    )
