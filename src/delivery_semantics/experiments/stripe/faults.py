"""Where a fault falls, and what the client does about silence: three policies, many faults.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ... import Trace
from ...show.diagram import sequence
from ...show.view import View
from ...systems.frames import FrameName
from ...systems.http.proxy import Proxy
from .journal import CLIENT, SERVICE, Journal
from .live import PAYMENT, Restartable, charge, charged, killable


@dataclass(frozen=True)
class Fault:
    """What fails in the first attempt: a packet is lost, or the service killed at a step."""

    lost: FrameName | None = None
    killed_at: str = ""


FAULTS = {
    "nothing": Fault(),
    "request lost": Fault(lost=("request", 1)),
    "killed before the claim": Fault(killed_at="received"),
    "killed after the claim": Fault(killed_at="claimed"),
    "killed within the transaction": Fault(killed_at="result written"),
    "killed after the commit": Fault(killed_at="result committed"),
    "reply lost": Fault(lost=("reply", 1)),
}
POLICIES = {
    "stops": ("key-1",),
    "retries, new key": ("key-1", "key-2"),
    "retries, same key": ("key-1", "key-1"),
}


@dataclass(frozen=True)
class Ended:
    """How it ended: the run, the money, and whether the client has an answer."""

    trace: Trace
    charges: int
    money: int
    answered: bool


@cache
def faced(fault: str, policy: str) -> Ended:
    """Run one fault of ``FAULTS`` against one of ``POLICIES``, with a real process."""
    journal, wrong = Journal(PAYMENT), FAULTS[fault]
    losing = {wrong.lost} if wrong.lost else set()
    with (
        killable() as (service, url),
        Proxy(service.url, lose=losing, tell=journal.passed) as proxy,
    ):
        knows = False
        for key in POLICIES[policy]:
            knows = _attempt(service, proxy, journal, key, wrong)
            if knows:
                break
            wrong = Fault()  # a second attempt meets no fault
        journal.note("confirmed" if knows else "gave_up", CLIENT, PAYMENT)
        amounts = charged(url)
    return Ended(journal.trace(), len(amounts), sum(amounts), knows)


def _attempt(
    service: Restartable, proxy: Proxy, journal: Journal, key: str, wrong: Fault
) -> bool:
    """Make one attempt, and restart the service if it was killed; whether an answer came."""

    def dies(step: str) -> bool:
        if step == wrong.killed_at:
            journal.note("crashed", SERVICE, note=f"at “{step}”")
        return step == wrong.killed_at

    reply = service.attempt(
        charge(key), through=proxy, tell=journal.step, kill_at=dies,
        arrives=wrong.lost != ("request", 1),
    )  # fmt: skip
    if wrong.killed_at:
        service.restart()
        proxy.target = service.url
        journal.note("restarted", SERVICE)
    return reply is not None


def fault_view(*, fault: str, policy: str, seed: int = 1) -> View:
    """Show one fault against one policy."""
    ended = faced(fault, policy)
    times = ("not charged", "charged once", "charged twice")[ended.charges]
    return View(
        sequence(ended.trace, title=f"{fault}; the client {policy}", saves=True),
        {
            "charges": ended.charges,
            "money expected": PAYMENT.amount,
            "money there": ended.money,
            "the client has an answer": "yes" if ended.answered else "no",
        },
        f"Fault: {fault}. The client {policy}. The card was {times}; "
        f"the client {'has an answer' if ended.answered else 'is in doubt'}.",
    )
