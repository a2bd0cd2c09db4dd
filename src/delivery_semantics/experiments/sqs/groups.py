"""Message groups: in each of them, what is in flight blocks what stands behind it.

Source: Amazon SQS Developer Guide, "FIFO delivery logic in Amazon SQS".

Book: 13-aws-sqs
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ... import Message, Trace, audit
from ...show.diagram import sequence
from ...show.view import View
from ...systems.sqs.client import VISIBILITY_S
from ...systems.sqs.server import running
from .lab import CONSUMER, QUEUE, SECOND, at_the_consumers, lab

ACCOUNTS = (("a1", "Ada"), ("a2", "Ada"), ("b1", "Bob"), ("b2", "Bob"))
"""Four payments, and whose account each is for."""
STANDARD, BY_ACCOUNT, BY_SHOP = "standard", "FIFO, by account", "FIFO, one group"
QUEUES = (STANDARD, BY_ACCOUNT, BY_SHOP)


@dataclass(frozen=True)
class Blocked:
    """What a second consumer could get while the first one held a1, then, and in what order."""

    trace: Trace
    meanwhile: tuple[str, ...]
    afterwards: tuple[str, ...]


def blocked(url: str, *, fifo: bool, one_group: bool = False) -> Blocked:
    """Let a consumer take a1 and stop; see what another one gets, before and after its time.

    In a FIFO queue each account is a message group, or with ``one_group`` the whole shop is.
    """
    with lab(url, fifo=fifo) as run:
        for id, account in ACCOUNTS:
            run.send(Message(id), key="" if one_group else account)
        run.receive()
        run.note("paused", CONSUMER)
        parts = []
        for wait_s in (0, VISIBILITY_S):
            run.wait(wait_s, QUEUE)
            got = []
            while handed := run.receive(SECOND):
                for one in handed:
                    run.process(one, SECOND)
                    run.delete(one, SECOND)
                    got.append(one.payment.id)
            parts.append(tuple(got))
        return Blocked(run.trace(), *parts)


@cache
def blocked_runs() -> dict[str, Blocked]:
    """Make the run on each of ``QUEUES``."""
    with running() as url:
        return {
            name: blocked(url, fifo=name != STANDARD, one_group=name == BY_SHOP)
            for name in QUEUES
        }


def groups_view(*, queue: str, seed: int = 1) -> View:
    """Show what a second consumer gets, and when."""
    run = blocked_runs()[queue]
    at_once, later = (", ".join(part) or "nothing" for part in (run.meanwhile, run.afterwards))
    overtaken = ", ".join(audit(run.trace).out_of_order)
    return View(
        sequence(
            at_the_consumers(run.trace), title=f"a1 is taken and not deleted; {queue}",
            totals=False,
        ),
        {
            "got at once": len(run.meanwhile),
            "got after 30 s": len(run.afterwards),
            "out of order": overtaken or "none",
        },
        f"{queue}: while a1 is hidden the second consumer gets {at_once}, "
        f"{VISIBILITY_S} s later {later}.",
    )  # fmt: skip
