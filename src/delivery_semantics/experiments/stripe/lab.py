"""The payments service on loopback, with a clock and a proxy that an experiment can move.

Book: 08-stripe-idempotency
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from ... import Trace
from ...databases import Connections
from ...idempotency import STRIPE, Claim, KeptAnswer, KeyStore, Profile, Refusal
from ...idempotency.table import KeyName
from ...systems.http.proxy import Place, Proxy
from ...systems.http.serving import serving
from ...systems.payments import Card, payments_app
from ...systems.payments.processor import processor_app
from .journal import CLIENT, DATABASE, SERVICE, Journal
from .live import PAYMENT, charged, store

START_S = 1_800_000_000.0
TIMEOUT_S = 30.0


class Stand:
    """Where the first charge stands still, at ``step``, until it is let go."""

    def __init__(self, step: str) -> None:
        self.step = step
        self._arrived, self._may_go_on = threading.Event(), threading.Event()

    def announce(self, step: str) -> None:
        """Stand still at the step, once."""
        if step == self.step and not self._arrived.is_set():
            self._arrived.set()
            self._may_go_on.wait(TIMEOUT_S)

    def wait(self) -> None:
        """Wait until a charge stands there. Raises TimeoutError after ``TIMEOUT_S``."""
        if not self._arrived.wait(TIMEOUT_S):
            raise TimeoutError(f"no charge came to {self.step!r} within {TIMEOUT_S} s")

    def let_go(self) -> None:
        """Let it go on."""
        self._may_go_on.set()


class Watched(KeyStore):
    """A key store that tells what it was asked and what it found."""

    journal: Journal

    def claim(
        self,
        name: KeyName,
        fingerprint: bytes,
        *more: Any,  # noqa: ANN401  # passed on
        **options: Any,  # noqa: ANN401
    ) -> Claim | KeptAnswer | Refusal:
        """Claim a key, and write both sides of it down."""
        outcome = super().claim(name, fingerprint, *more, **options)
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
    """A running service: ``url`` leads through the proxy to it. ``now_s`` is its clock."""

    proxy: Proxy
    journal: Journal
    stand: Stand
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
    lose: Iterable[Place] = (),
    stand_at: str = "",
    keep_s: float = 86_400.0,
    profile: Profile = STRIPE,
    card: Card | None = None,
) -> Iterator[Lab]:
    """Run the service. ``lose`` is the proxy's; ``stand_at`` holds the first charge there."""
    journal, numbers = Journal(PAYMENT, names=(CLIENT, SERVICE, DATABASE)), itertools.count(1)
    stand = Stand(stand_at)
    with store() as url:
        keys = Watched(
            Connections(url), clock=lambda: made.now_s, effects="in phases", keep_s=keep_s
        )
        keys.journal = journal
        app = payments_app(
            keys, card=card, profile=profile, new_id=lambda: str(next(numbers)),
            announce=partial(_announce, stand, journal),
        )  # fmt: skip
        with serving(app) as address, Proxy(address, lose=lose, tell=journal.passed) as proxy:
            made = Lab(proxy, journal, stand, url)
            try:
                yield made
            finally:
                stand.let_go()


def _announce(stand: Stand, journal: Journal, step: str) -> None:
    stand.announce(step)
    journal.step(step)
    if step == "result committed":
        journal.between(SERVICE, DATABASE, "charge and result")
        journal.between(DATABASE, SERVICE, "committed")


@contextmanager
def processor(*, keys: bool = True, lose: Iterable[Place] = ()) -> Iterator[Card]:
    """Run a card processor of its own, behind a proxy of its own."""
    with store() as url:
        app = processor_app(Connections(url), keys=keys, clock=lambda: START_S)
        with serving(app) as address, Proxy(address, lose=lose) as proxy:
            yield Card(proxy.url)


@contextmanager
def at_once(call: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """Run ``call`` in another thread; what is yielded waits for its result."""
    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(call)
        yield lambda: future.result(TIMEOUT_S)
