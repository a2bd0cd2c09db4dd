"""One call and one fault, with and without gRPC's retries, on a server that remembers or not.

Book: 14-grpc
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ... import Exploration, Trace
from ...show.diagram import sequence
from ...show.picture import how_many
from ...show.view import View
from ...systems.frames import FrameName
from ...systems.grpc.frames import reply, request
from .lab import PAYMENT, CallLab, Setting, call_lab
from .model import ATTEMPTS_ALLOWED, CUT_ONCE, EARLY, searched_in_two_parts

DEADLINE = "deadline in the handler"
REFUSED = "refused by the server"
CUTS: dict[str, tuple[FrameName, ...]] = {
    "request lost": (request(1),),
    "reply lost": (reply(1),),
    "reply cut after its headers": (reply(1, "trailers"),),
}
FAULTS = ("nothing", REFUSED, *CUTS, DEADLINE)
CLIENTS = {"no retryPolicy": 1, "retryPolicy, 4 attempts": 4}
SERVERS = {"forgets": False, "remembers request ids": True}
DEADLINES_S = (0.1, 0.5, 2.5, 12.5, 60.0)


@dataclass(frozen=True)
class CallEnded:
    """How a call ended: what the client was told, and what the server had done."""

    trace: Trace
    status: str
    effects: int
    attempts: int

    @property
    def money(self) -> int:
        """The money that moved."""
        return self.effects * PAYMENT.amount


@cache
def faced(fault: str, client: str, server: str) -> CallEnded:
    """Make one call that meets one of ``FAULTS``, on a real connection."""
    if fault == DEADLINE:
        return _late(client, server)
    setting = Setting(
        cut=CUTS.get(fault, ()), refuse=(1,) if fault == REFUSED else (),
        attempts_max=CLIENTS[client], once=SERVERS[server],
    )  # fmt: skip
    with call_lab(setting) as lab:
        return call_ended(lab, lab.call())


def _late(client: str, server: str) -> CallEnded:
    return late_with(attempts_max=CLIENTS[client], once=SERVERS[server])


def late_with(
    *, attempts_max: int, codes: tuple[str, ...] = ("UNAVAILABLE",), once: bool = False
) -> CallEnded:
    """Hold the handler until the call's deadline is over; then let it go on to its end.

    On a slow machine a short deadline is over before the handler has begun, which would be
    another experiment: then a longer one is tried.
    """
    setting = Setting(hold_at="received", attempts_max=attempts_max, codes=codes, once=once)
    for deadline_s in DEADLINES_S:
        with call_lab(setting) as lab:
            status = lab.call(timeout_s=deadline_s)
            if lab.held_in_time:
                lab.gate.open()
                lab.finished.wait(DEADLINES_S[-1])
                return call_ended(lab, status)
    raise TimeoutError(f"no handler began within {DEADLINES_S[-1]} s")


@cache
def lost_replies(lost: int, attempts_max: int, server: str) -> CallEnded:
    """Make one call whose first replies are lost, with gRPC's retryPolicy."""
    cut = [reply(number) for number in range(1, lost + 1)]
    setting = Setting(cut=cut, attempts_max=attempts_max, once=SERVERS[server])
    with call_lab(setting) as lab:
        return call_ended(lab, lab.call())


def call_ended(lab: CallLab, status: str) -> CallEnded:
    """Return how a call ended of which the client was told this status."""
    return CallEnded(lab.trace(), status, len(lab.paid()), len(lab.seen.metadata))


def effects_expected(lost: int, attempts_max: int, server: str) -> int:
    """How often a server carries out a call of which so many replies are lost."""
    return 1 if SERVERS[server] else min(lost + 1, attempts_max, ATTEMPTS_ALLOWED)


def searched_for(fault: str, client: str, server: str) -> Exploration:
    """Search what a call can come to that meets this fault; a deadline leaves one attempt."""
    late = fault == DEADLINE
    return searched_in_two_parts(
        attempts_max=1 if late else CLIENTS[client], once=SERVERS[server],
        bounds=EARLY if late else CUT_ONCE,
    )  # fmt: skip


def among(fault: str, client: str, server: str) -> bool:
    """Whether the real call ended in one of the ways that the search finds for it."""
    found = searched_for(fault, client, server)
    return faced(fault, client, server).trace.outcome() in found.outcomes


# In panels --------------------------------------------------------------------------------


def fault_view(*, fault: str, client: str, server: str, seed: int = 1) -> View:
    """Show one call and one fault."""
    return call_view(
        faced(fault, client, server), f"{fault}; {client}; the server {server}",
        f"Fault: {fault}. The client has {client}; the server {server}.",
    )  # fmt: skip


def attempts_view(*, lost: int, attempts_max: int, server: str, seed: int = 1) -> View:
    """Show one call whose first replies are lost."""
    replies = f"{how_many(lost, 'reply', 'replies')} lost"
    return call_view(
        lost_replies(lost, attempts_max, server),
        f"{replies}, maxAttempts {attempts_max}; the server {server}",
        f"{replies.capitalize()}, maxAttempts {attempts_max}, and the server {server}.",
    )


def call_view(ended: CallEnded, title: str, begin: str) -> View:
    """Show how a call ended; ``begin`` says which one it was."""
    numbers: dict[str, str | int] = {
        "status": ended.status.replace("_", " ").lower(),
        "arrived": ended.attempts, "effects": ended.effects,
        "money expected": PAYMENT.amount, "money there": ended.money,
    }  # fmt: skip
    made = {0: "never made", 1: "made once"}.get(ended.effects, f"made {ended.effects} times")
    sentence = f"{begin} The client is told {ended.status}, and the payment was {made}."
    return View(sequence(ended.trace, title=title), numbers, sentence)
