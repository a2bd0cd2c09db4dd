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
from .check_first import check_first
from .journal import CLIENT, SERVICE, Journal
from .live import PAYMENT, MakeService, Restartable, charge, charged, killable, service


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
    return met(FAULTS[fault], POLICIES[policy])


def met(wrong: Fault, keys: tuple[str, ...], make: MakeService = service) -> Ended:
    """Run one fault against a client that uses one of the keys in each of its attempts."""
    journal = Journal(PAYMENT)
    losing = {wrong.lost} if wrong.lost else set()
    with (
        killable(make) as (running, url),
        Proxy(running.url, lose=losing, tell=journal.passed) as proxy,
    ):
        knows = False
        for key in keys:
            knows = _attempt(running, proxy, journal, key, wrong)
            if knows:
                break
            wrong = Fault()  # a second attempt meets no fault
        journal.note("confirmed" if knows else "gave_up", CLIENT, PAYMENT)
        amounts = charged(url)
    return Ended(journal.trace(), len(amounts), sum(amounts), knows)


def _attempt(
    running: Restartable, proxy: Proxy, journal: Journal, key: str, wrong: Fault
) -> bool:
    """Make one attempt, and restart the service if it was killed; whether an answer came."""

    def dies(step: str) -> bool:
        if step == wrong.killed_at:
            journal.note("crashed", SERVICE, note=f"at “{step}”")
        return step == wrong.killed_at

    reply = running.attempt(
        charge(key), through=proxy, tell=journal.step, kill_at=dies,
        arrives=wrong.lost != ("request", 1),
    )  # fmt: skip
    if wrong.killed_at:
        running.restart()
        proxy.target = running.url
        journal.note("restarted", SERVICE)
    return reply is not None


def fault_view(*, fault: str, policy: str, seed: int = 1) -> View:
    """Show one fault against one policy."""
    ended = faced(fault, policy)
    said = f"{fault}; the client {policy}"
    return _view(ended, said, f"Fault: {fault}. The client {policy}.")


@cache
def killed_after(step: str) -> Ended:
    """Kill the server that checks first after ``step``, and retry with the same key."""
    return met(Fault(killed_at=step), ("key-1", "key-1"), check_first)


def check_first_view(*, step: str, seed: int = 1) -> View:
    """Show the server that checks first, killed after ``step`` and asked again."""
    ended = killed_after(step)
    said = f"check, process, store, killed after “{step}”"
    return _view(ended, said, f"Killed after “{step}”, and asked again with the same key.")


def _view(ended: Ended, title: str, says: str) -> View:
    times = ("not charged", "charged once", "charged twice")[ended.charges]
    return View(
        sequence(ended.trace, title=title, saves=True),
        {
            "charges": ended.charges,
            "money expected": PAYMENT.amount,
            "money there": ended.money,
            "the client has an answer": "yes" if ended.answered else "no",
        },
        f"{says} The card was {times}; "
        f"the client {'has an answer' if ended.answered else 'is in doubt'}.",
    )
