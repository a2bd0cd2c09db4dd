"""The whole system on one machine, and a customer who pays; one thing goes wrong at a time.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from ...databases import connect
from ...dedup import SCHEMA as INBOX
from ...idempotency.table import SCHEMA as KEYS
from ...live.standing import Standing
from ...systems.http.client import NoAnswer, NotSent, Request, ask
from ...systems.http.killable import Killable
from ...systems.ledger.bank import LEDGER
from ...systems.ledger.shop import PATH, PAYMENTS
from ...systems.payments.processor import MOVEMENTS
from .actor import GOES_ON, KILLED, PAUSED, Actor
from .hops import (
    BANK,
    CARD,
    FORWARDER,
    FROM_QUEUE,
    PROCESSES,
    RELAY,
    SHOP,
    TO_CARD,
    TO_SHOP,
    Hops,
)
from .processes import (
    LEASE_S,
    MovedClock,
    Surroundings,
    make_card,
    make_shop,
    run_bank,
    run_forwarder,
    run_relay,
)
from .servers import BROKER, DATABASE, Servers
from .without import KEY, PROTECTED, Without

AMOUNT = 10
ATTEMPTS_MAX, ROUNDS_MAX = 6, 12
WORKERS = {RELAY: run_relay, BANK: run_bank, FORWARDER: run_forwarder}
SERVICES = {SHOP: (make_shop, TO_SHOP), CARD: (make_card, TO_CARD)}
REPLY_LOST, RESTARTED = "reply lost", {"database died": DATABASE, "broker died": BROKER}
ZOMBIE = "zombie"
"""What becomes of a paused process that is back: it goes on as if nothing had been."""
CUSTOMER, ACCEPTED = "customer", "202"
START_S = 1_800_000_000.0


@dataclass(frozen=True)
class OneFault:
    """What goes wrong once, in one payment.

    A process is "killed" or "paused" at its ``nth`` step, the ``step``; or while it stands
    there "database died" or "broker died"; or the ``nth`` "reply lost" is that of a hop.
    """

    kind: str
    where: str
    nth: int
    step: str = ""


NOTHING = OneFault("none", "", 0)


class Moment(NamedTuple):
    """What was said: ``who`` is about to do a ``step``, and what became of it there."""

    who: str
    step: str
    fate: str = GOES_ON


class LedgerLab:
    """The system as it runs, until ``stack`` ends.

    ``met`` says whether the last payment's fault came about, ``moments`` what happened.
    ``confirmed`` are the orders that the shop has accepted, to the customer's knowledge.
    """

    def __init__(self, stack: ExitStack, servers: Servers, variant: Without) -> None:
        self.variant, self.fault, self.met = variant, NOTHING, False
        self.moments: list[Moment] = []
        self.confirmed: set[str] = set()
        self._servers = servers
        self._shop = servers.new_tables(PAYMENTS, KEYS)
        self._bank = servers.new_tables(LEDGER, KEYS, INBOX)
        self._card = servers.new_tables(MOVEMENTS, KEYS)
        stores = {SHOP: self._shop, RELAY: self._shop, BANK: self._bank}
        stores |= {FORWARDER: self._bank, CARD: self._card}
        queue = stack.enter_context(servers.kind.queue(servers.broker.address))
        self._clock = MovedClock.at(servers.new_file(), START_S)
        self._hops = hops = Hops(stack, servers, stores, queue, self._reply_lost)
        self._setting = Surroundings(
            hops.stores, hops.queues, hops.url(TO_CARD), self._clock, variant
        )
        self._actors: dict[str, Actor] = {}
        for name in PROCESSES:
            actor = Actor(name, partial(self._start, name), self._meet)
            self._actors[name] = stack.enter_context(actor)
        self._settle()

    def pay(self, order: str, fault: OneFault = NOTHING) -> dict[str, list[str]]:
        """Send a payment from the button to the card; return each process's steps."""
        self.fault, self.met, self.moments = fault, False, []
        for actor in self._actors.values():
            actor.steps.clear()
        if fault.kind == REPLY_LOST:
            self._hops.lose(fault.where, fault.nth)
        self._buy(order)
        self._settle()
        if any(actor.awaken_zombie(self._zombie_goes_on) for actor in self._actors.values()):
            self._buy(order)
            self._settle()
        return {name: list(actor.steps) for name, actor in self._actors.items()}

    def processes(self) -> list[int]:
        """Return the ids of the five processes."""
        return [actor.process.pid for actor in self._actors.values()]

    def booked(self) -> Counter[str]:
        """Return how often each order stands in the ledger, by the word of the database."""
        return _counted(self._bank, "SELECT order_id FROM entries WHERE account = 'shop'")

    def charged(self) -> Counter[str]:
        """Return how often each order's card was charged, by the processor's own word."""
        found = _counted(self._card, "SELECT source FROM movements")
        return Counter({source.removeprefix("tok_"): n for source, n in found.items()})

    # The customer, and whoever has the workers work

    def _buy(self, order: str) -> None:
        """Ask the shop until it has accepted, a few times."""
        body = {"order": order, "amount": AMOUNT, "card": f"tok_{order}"}
        headers = [("Authorization", "Bearer sk_test_book")]
        if self.variant.without != KEY:
            headers.append(("Idempotency-Key", order))
        request = Request("POST", PATH, tuple(headers), json.dumps(body).encode())
        for again in range(ATTEMPTS_MAX):
            if order in self.confirmed or (again > 1 and self._has_zombie()):
                return
            if self._attempt(request) == ACCEPTED:
                self.confirmed.add(order)

    def _attempt(self, request: Request) -> str:
        """Ask once; a claim that was left behind has ended by then."""
        self._clock.move(LEASE_S + 1)
        self._actors[SHOP].wake()
        self.moments.append(Moment(CUSTOMER, "asks"))
        try:
            answer = str(ask(self._hops.url(TO_SHOP), request).status)
        except (NoAnswer, NotSent):
            answer = ""
        self._actors[SHOP].rest()
        self.moments.append(Moment(CUSTOMER, answer))
        return answer

    def _settle(self) -> None:
        """Let the workers work until none finds anything to do, or a zombie is in the way."""
        for again in range(ROUNDS_MAX):
            before = self._steps_taken()
            self._clock.move(LEASE_S + 1)
            for name in WORKERS:
                self._actors[name].wake()
                self._actors[name].rest()
            if self._steps_taken() == before or (again and self._has_zombie()):
                return
        steps = {name: actor.steps[-6:] for name, actor in self._actors.items()}
        raise RuntimeError(f"after {ROUNDS_MAX} rounds there is still work: {steps}")

    def _has_zombie(self) -> bool:
        return any(actor.has_zombie for actor in self._actors.values())

    def _steps_taken(self) -> int:
        return sum(len(actor.steps) + actor.failures for actor in self._actors.values())

    # What becomes of a process at a step

    def _meet(self, name: str, step: str) -> str:
        """Have the fault happen if it is to happen here."""
        if (name, step) == (FORWARDER, "answered"):
            self._actors[CARD].rest()  # who has answered goes first
        fault, place = self.fault, (name, len(self._actors[name].steps))
        if self.met or fault.kind == REPLY_LOST or place != (fault.where, fault.nth):
            return self._go_on(name, step)
        self.met = True
        if fault.kind in (KILLED, PAUSED):
            self.moments.append(Moment(name, step, fault.kind))
            return fault.kind
        self.moments.append(Moment(RESTARTED[fault.kind], step, fault.kind))
        self._servers.restart(RESTARTED[fault.kind])
        return self._go_on(name, step)

    def _go_on(self, name: str, step: str) -> str:
        """Let it go on; if it is about to ask the card processor, have that answer."""
        self.moments.append(Moment(name, step))
        self._wake_whom_it_asks(name, step)
        return GOES_ON

    def _zombie_goes_on(self, name: str, step: str) -> None:
        self.moments.append(Moment(name, step, ZOMBIE))
        self._wake_whom_it_asks(name, step)

    def _wake_whom_it_asks(self, name: str, step: str) -> None:
        if (name, step) == (FORWARDER, "ask"):
            self._actors[CARD].rest()
            self._actors[CARD].wake()

    def _reply_lost(self, hop: str) -> None:
        self.met = True
        self.moments.append(Moment(hop, "reply", REPLY_LOST))

    def _start(self, name: str) -> Standing:
        """Start a process, and have its network know no other of this name."""
        if name in self._actors and not self._actors[name].has_zombie:
            self._servers.wait_until_gone(self._hops.known_as(name))
        if name == BANK:
            self._hops.lead(FROM_QUEUE)  # so that the broker gives up who was there before
        if name in WORKERS:
            return Standing(WORKERS[name], self._setting)
        make, hop = SERVICES[name]
        service = Killable(partial(make, setting=self._setting))
        self._hops.lead(hop, service.url)
        return service


def _counted(place: str, statement: str) -> Counter[str]:
    with closing(connect(place)) as database:
        return Counter(str(row[0]) for row in database.rows(statement))


@contextmanager
def lab(servers: Servers, variant: Without = PROTECTED) -> Iterator[LedgerLab]:
    """Run the system on these servers."""
    with ExitStack() as stack:
        yield LedgerLab(stack, servers, variant)
