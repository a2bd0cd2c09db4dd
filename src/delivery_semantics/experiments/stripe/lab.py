"""The payments service on loopback, with a clock and a proxy that an experiment can move.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ... import Trace
from ...databases import Connections, empty_place
from ...idempotency import STRIPE, Claim, KeptAnswer, KeyStore, Profile, Refusal
from ...idempotency.table import KeyName
from ...systems.frames import FrameName
from ...systems.gate import Gate
from ...systems.http.proxy import Proxy
from ...systems.http.serving import serving
from ...systems.payments import Card, payments_app
from ...systems.payments.processor import processor_app
from .journal import CLIENT, DATABASE, SERVICE, Journal
from .live import PAYMENT, charged

START_S = 1_800_000_000.0
TIMEOUT_S = 30.0

Told = TypeVar("Told")
"""What a call returns."""


class Watched(KeyStore):
    """A key store that tells what it was asked and what it found."""

    journal: Journal

    async def claim_soon(
        self, name: KeyName, fingerprint: bytes
    ) -> Claim | KeptAnswer | Refusal:
        """Claim a key, and write both sides of it down."""
        outcome = await super().claim_soon(name, fingerprint)
        self.journal.between(SERVICE, DATABASE, f"claim {name.key}")
        self.journal.between(DATABASE, SERVICE, _found(outcome))
        return outcome


def _found(outcome: Claim | KeptAnswer | Refusal) -> str:
    match outcome:
        case Claim():
            return "new: yours"
        case KeptAnswer():
            return f"found: {outcome.status}"
    return outcome.code


@dataclass
class Lab:
    """A running service: ``url`` leads through the proxy to it. ``now_s`` is its clock.

    Charges are held at ``gate``, if they are to be held at a step.
    """

    proxy: Proxy
    journal: Journal
    gate: Gate
    store: str
    now_s: float = START_S

    @property
    def url(self) -> str:
        """Where a client sends its requests."""
        return self.proxy.url

    def charged(self) -> list[int]:
        """Return the amount of each charge that has succeeded, in their order."""
        return charged(self.store)

    def trace(self) -> Trace:
        """Return what has happened so far."""
        return self.journal.trace()


@contextmanager
def lab(
    *,
    lose: Iterable[FrameName] = (),
    hold_at: str = "",
    keep_s: float = 86_400.0,
    profile: Profile = STRIPE,
    card: Card | None = None,
) -> Iterator[Lab]:
    """Run the service. ``lose`` is the proxy's; charges are held at the step ``hold_at``."""
    journal, numbers = Journal(PAYMENT, names=(CLIENT, SERVICE, DATABASE)), itertools.count(1)
    gate = Gate(hold_at)
    with empty_place() as url:
        keys = Watched(
            Connections(url), clock=lambda: made.now_s, effects="in phases", keep_s=keep_s
        )
        keys.journal = journal
        app = payments_app(
            keys, card=card, profile=profile, new_id=lambda: str(next(numbers)),
            announce=partial(_announce, hold_at, gate, journal),
        )  # fmt: skip
        with serving(app) as address, Proxy(address, lose=lose, tell=journal.passed) as proxy:
            made = Lab(proxy, journal, gate, url)
            try:
                yield made
            finally:
                gate.open()


def _announce(hold_at: str, gate: Gate, journal: Journal, step: str) -> None:
    if step == hold_at:
        gate.enter()
    journal.step(step)
    if step == "result committed":
        journal.between(SERVICE, DATABASE, "charge and result")
        journal.between(DATABASE, SERVICE, "committed")


@contextmanager
def processor(*, keys: bool = True, lose: Iterable[FrameName] = ()) -> Iterator[Card]:
    """Run a card processor of its own, behind a proxy of its own."""
    with empty_place() as url:
        app = processor_app(Connections(url), keys=keys, clock=lambda: START_S)
        with serving(app) as address, Proxy(address, lose=lose) as proxy:
            yield Card(proxy.url)


@contextmanager
def at_once(call: Callable[[], Told]) -> Iterator[Callable[[], Told]]:
    """Run ``call`` in another thread; what is yielded waits for its result."""
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(call)
        yield lambda: future.result(TIMEOUT_S)
