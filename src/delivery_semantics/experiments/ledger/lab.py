"""The whole system on one machine: a database, a broker, five processes, a network for each hop.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

import itertools
import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

from ...databases import connect
from ...dedup import SCHEMA as INBOX
from ...idempotency.table import SCHEMA as KEYS
from ...live.standing import Standing
from ...systems.cut import Cut
from ...systems.http.client import NoAnswer, NotSent, Request, ask
from ...systems.http.killable import Killable
from ...systems.http.proxy import Proxy
from ...systems.ledger.bank import LEDGER
from ...systems.ledger.shop import PATH, PAYMENTS
from ...systems.payments.processor import MOVEMENTS
from ...systems.postgresql import NAME, launch_on_loopback
from ...systems.postgresql_frames import postgres_frames
from ...systems.server import Server, started
from .actor import GOES_ON, KILLED, PAUSED, Actor
from .processes import (
    LEASE_S,
    MovedClock,
    Setting,
    make_card,
    make_shop,
    run_bank,
    run_forwarder,
    run_relay,
)
from .without import PROTECTED, Variant

AMOUNT = 10
ATTEMPTS_MAX, ROUNDS_MAX = 6, 12
SHOP, RELAY, BANK, FORWARDER, CARD = "shop", "relay", "bank", "forwarder", "card"
PROCESSES = (SHOP, RELAY, BANK, FORWARDER, CARD)
WORKERS = {RELAY: run_relay, BANK: run_bank, FORWARDER: run_forwarder}
SERVICES = {SHOP: make_shop, CARD: make_card}
TABLES = {
    SHOP: (PAYMENTS, KEYS), BANK: (LEDGER, KEYS, INBOX), CARD: (MOVEMENTS, KEYS),
}  # fmt: skip
"""Made before anybody stands at a step."""

REPLY_LOST, DATABASE_KILLED, BROKER_KILLED = "reply lost", "database killed", "broker killed"
START_S = 1_800_000_000.0
NOBODY = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Fault:
    """What goes wrong once, in one payment.

    A process is "killed" or "paused" at its ``nth`` step, the database or the broker is killed
    and started again while it stands there, or the ``nth`` reply on the hop ``where`` is lost.
    """

    kind: str
    where: str
    nth: int
    step: str = ""


NONE = Fault("none", "", 0)


class Lab:
    """The system as it runs; `pay` sends one payment through it, with one fault."""

    def __init__(self, variant: Variant, servers: Servers) -> None:
        self.variant, self._servers = variant, servers
        self.fault, self.met = NONE, False
        self.knows: dict[str, str] = {}
        self._replies: Counter[str] = Counter()
        self._ways: dict[str, Cut[Any]] = {}
        self._actors: dict[str, Actor] = {}

    def open(self, stack: ExitStack) -> None:
        """Make tables, networks and processes, which end with the stack."""
        at = self._servers.database_place
        number, address = self._servers.next_lab(), self._servers.database.address
        self.places = {name: _tables(address, f"{name}_{number}", name) for name in TABLES}
        stores = self.places | {RELAY: self.places[SHOP], FORWARDER: self.places[BANK]}
        for name in PROCESSES:
            framing = partial(postgres_frames, partial(next, itertools.count(1)))
            way = self._way(stack, f"{name} – database", Cut(at, framing, tell=self._hears(f"{name} – database")))
            stores[name] = stores[name].replace(at, way.address)
        for name in SERVICES:
            self._way(stack, name, Proxy(NOBODY, tell=self._hears(name)))
        queues = dict.fromkeys((RELAY, BANK), self._servers.queue)
        self.setting = Setting(stores, queues, f"http://{self._ways[CARD].address}", self._clock(stack), self.variant)
        for name in PROCESSES:
            actor = Actor(name, partial(self._start, name), self._meet)
            self._actors[name] = stack.enter_context(actor)
        self._settle()

    def _clock(self, stack: ExitStack) -> MovedClock:
        folder = stack.enter_context(TemporaryDirectory(prefix="delivery-semantics-"))
        clock = MovedClock(Path(folder, "clock"))
        clock.file.write_text(str(START_S))
        return clock

    def pay(self, order: str, fault: Fault = NONE) -> dict[str, list[str]]:
        """Send a payment from the button to the card; return each process's steps."""
        self.fault, self.met = fault, False
        for actor in self._actors.values():
            actor.steps.clear()
        if fault.kind == REPLY_LOST:
            self._ways[fault.where].cut(("reply", self._replies[fault.where] + fault.nth))
        self._buy(order)
        self._settle()
        if any([actor.awaken_zombie(self._go_on) for actor in self._actors.values()]):
            self._buy(order)
            self._settle()
        return {name: list(actor.steps) for name, actor in self._actors.items()}

    def booked(self) -> Counter[str]:
        """Return how often each order stands in the ledger, by the word of the database."""
        return self._counted(BANK, "SELECT order_id FROM entries WHERE account = 'shop'")

    def charged(self) -> Counter[str]:
        """Return how often each order's card was charged, by the processor's own word."""
        found = self._counted(CARD, "SELECT source FROM movements")
        return Counter({source.removeprefix("tok_"): n for source, n in found.items()})

    # The customer, and whoever has the workers work

    def _buy(self, order: str) -> None:
        """Ask the shop until it has accepted, a few times."""
        if self.knows.get(order) == "confirmed":
            return
        key = () if self.variant.without == "idempotency key" else (("Idempotency-Key", order),)
        headers = (("Authorization", "Bearer sk_test_book"), *key)
        body = {"order": order, "amount": AMOUNT, "card": f"tok_{order}"}
        request = Request("POST", PATH, headers, json.dumps(body).encode())
        self.knows[order] = "in doubt"
        for _ in range(ATTEMPTS_MAX):
            self.setting.clock.move(LEASE_S + 1)
            self._actors[SHOP].wake()
            try:
                answer = ask(f"http://{self._ways[SHOP].address}", request)
                if answer.status == 202:
                    self.knows[order] = "confirmed"
            except (NoAnswer, NotSent):
                pass
            self._actors[SHOP].rest()
            if self.knows[order] == "confirmed":
                return

    def _settle(self) -> None:
        """Let the workers work until none finds anything to do, or a zombie is in the way."""
        for again in range(ROUNDS_MAX):
            before = self._steps_taken()
            self.setting.clock.move(LEASE_S + 1)
            for name in WORKERS:
                self._actors[name].wake()
                self._actors[name].rest()
            zombie = any(actor.has_zombie for actor in self._actors.values())
            if self._steps_taken() == before or (again and zombie):
                return
        steps = {name: actor.steps[-6:] for name, actor in self._actors.items()}
        raise RuntimeError(f"after {ROUNDS_MAX} rounds there is still work: {steps}")

    def _steps_taken(self) -> int:
        return sum(len(actor.steps) + actor.failures for actor in self._actors.values())

    # What becomes of a process at a step

    def _meet(self, name: str, step: str) -> str:
        """Have the fault happen if it is to happen here."""
        if self.met or self.fault.where != name or self.fault.kind == REPLY_LOST or (
            len(self._actors[name].steps) != self.fault.nth
        ):
            return self._go_on(name, step)
        self.met = True
        if self.fault.kind in (KILLED, PAUSED):
            return self.fault.kind
        self._servers.restart(self.fault.kind)
        return self._go_on(name, step)

    def _go_on(self, name: str, step: str) -> str:
        """Let it go on; if it is to ask the card processor now, have that answer."""
        if (name, step) == (FORWARDER, "ask"):
            self._actors[CARD].rest()
            self._actors[CARD].wake()
        return GOES_ON

    def _start(self, name: str) -> Standing:
        """Start a process, and lead its network there."""
        if name in WORKERS:
            return Standing(WORKERS[name], self.setting)
        make = partial(SERVICES[name], setting=self.setting)
        service = Killable(make)
        self._ways[name].target = service.url
        self._ways[name].cut_all()
        return service

    # Networks

    def _way(self, stack: ExitStack, name: str, way: Cut[Any]) -> Cut[Any]:
        self._ways[name] = stack.enter_context(way)
        return way

    def _hears(self, hop: str) -> Callable[..., None]:
        def hear(frame: Any, fate: str = "") -> None:  # noqa: ANN401  # of any protocol
            kind, number = frame.name
            if kind == "reply":
                self._replies[hop] = number
                if (fate or frame.fate) in ("lost", "cut"):
                    self.met = True

        return hear

    def _counted(self, place: str, statement: str) -> Counter[str]:
        with closing(connect(self.places[place])) as database:
            return Counter(str(row[0]) for row in database.rows(statement))


class Servers:
    """The database and the broker, which are shared by labs one after another."""

    def __init__(self, database: Server) -> None:
        self.database = database
        self.database_place = urlsplit(database.address).netloc.rpartition("@")[2]
        self._labs = itertools.count(1)

    def next_lab(self) -> int:
        return next(self._labs)

    @property
    def queue(self):
        return f"dev://{self.database_place}/q{next(self._labs)}"

    def restart(self, kind: str) -> None:
        if kind == DATABASE_KILLED:
            self.database.signal(signal.SIGQUIT)  # at once: it recovers from its log
            self.database.wait()
            self.database.start()


def _tables(server: str, schema: str, name: str) -> str:
    """Make the tables of one of ``TABLES`` in a schema of their own; return where it is."""
    with closing(connect(server)) as database:
        database.rows(f"CREATE SCHEMA {schema}")
    place = f"{server}&options={quote(f'-c search_path={schema}')}"
    with closing(connect(place)) as database:
        for each in TABLES[name]:
            each.ensure(database)
    return place


@contextmanager
def servers() -> Iterator[Servers]:
    with started(NAME, launch_on_loopback) as database:
        yield Servers(database)


@contextmanager
def lab(on: Servers, variant: Variant = PROTECTED) -> Iterator[Lab]:
    """Run the system on these servers."""
    with ExitStack() as stack:
        made = Lab(variant, on)
        made.open(stack)
        yield made
