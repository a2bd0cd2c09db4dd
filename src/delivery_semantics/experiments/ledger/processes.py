"""The five processes, as they are, but for one thing: they stand still at each step.

What they are given announces what it is about to do: the connection to the database, the queue,
the call of the card processor, and what stands around an HTTP service. Their own code is the
one that a reader takes home.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...databases import Connections, Database
from ...databases.announced import Announced
from ...idempotency import KeyStore
from ...live.standing import Announcer
from ...systems.http.killable import Clock
from ...systems.ledger.bank import book_next
from ...systems.ledger.forwarder import charge_card, forward_charges
from ...systems.ledger.payment import Payment
from ...systems.ledger.queue import Delivered, Queue, open_queue
from ...systems.ledger.shop import shop_app
from ...systems.ledger.work import PASSING, work
from ...systems.payments import Card
from ...systems.payments.charging import Announce
from ...systems.payments.processor import processor_app
from .without import NO_KEYS, PROTECTED, Without

LEASE_S = 60.0
LOCK_S = 0.5
REST, FAILED, REPLIED = "rests", "failed", "replied"


@dataclass(frozen=True)
class MovedClock:
    """A clock for all processes, which moves when it is moved: nobody need wait for a lease."""

    file: Path

    @classmethod
    def at(cls, file: Path, now_s: float) -> MovedClock:
        """Make one that shows ``now_s``."""
        file.write_text(str(now_s))
        return cls(file)

    def __call__(self) -> float:
        """Return the time in seconds."""
        return float(self.file.read_text())

    def move(self, by_s: float) -> None:
        """Let time pass."""
        later = self.file.with_suffix(".new")
        later.write_text(str(self() + by_s))
        later.replace(self.file)


@dataclass(frozen=True)
class Surroundings:
    """Where each process finds what it needs, each by a network of its own."""

    stores: dict[str, str]
    queues: dict[str, str]
    card: str
    clock: MovedClock
    variant: Without = PROTECTED


class AnnouncedConnections(Connections):
    """Connections that announce each statement of a transaction."""

    def __init__(self, url: str, announce: Announce) -> None:
        super().__init__(url, lock_timeout_s=LOCK_S)
        self._announce = announce

    def here(self) -> Database:
        """Return the calling thread's connection."""
        return Announced(super().here(), self._announce)


class AnnouncedQueue:
    """A queue that announces what it is about to do."""

    def __init__(self, queue: Queue, announce: Announce) -> None:
        self._queue, self._announce, self.close = queue, announce, queue.close

    def send(self, message_id: str, body: str) -> None:
        """Announce a message, and that it is stored."""
        self._announce("send")
        self._queue.send(message_id, body)
        self._announce("stored")

    def take(self) -> Delivered | None:
        """Announce that a message was taken."""
        delivered = self._queue.take()
        if delivered:
            self._announce("taken")
        return delivered

    def ack(self, delivered: Delivered) -> None:
        """Announce an ack, and that it was heard."""
        self._announce("ack")
        self._queue.ack(delivered)
        self._announce("acked")


class AnnouncedService:
    """An HTTP service that announces both ends of a request, also if nobody waits any more."""

    def __init__(self, app: ASGIApp, announce: Announce) -> None:
        self.app, self.announce = app, announce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its response back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                await run_in_threadpool(self.announce, "replying")
            await send(message)

        await run_in_threadpool(self.announce, "received")
        try:
            await self.app(scope, receive, answer)
        finally:
            await run_in_threadpool(self.announce, REPLIED)


# HTTP services


def make_shop(announce: Announce, _: Clock, *, setting: Surroundings) -> ASGIApp:
    """Make the shop."""
    connections = AnnouncedConnections(setting.stores["shop"], announce)
    keys = KeyStore(connections, clock=setting.clock, effects="in phases", lease_s=LEASE_S)
    return AnnouncedService(shop_app(keys, setting.variant.record(connections)), announce)


def make_card(announce: Announce, _: Clock, *, setting: Surroundings) -> ASGIApp:
    """Make the card processor."""
    connections = AnnouncedConnections(setting.stores["card"], announce)
    keys = setting.variant.without != NO_KEYS
    app = processor_app(connections, keys=keys, clock=setting.clock)
    return AnnouncedService(app, announce)


# Workers


def run_relay(setting: Surroundings, announcer: Announcer) -> None:
    """Run the relay."""
    connections = AnnouncedConnections(setting.stores["relay"], announcer.stand)
    queue = AnnouncedQueue(open_queue(setting.queues["relay"]), announcer.stand)
    _work(lambda: setting.variant.relay(connections, queue), announcer)


def run_bank(setting: Surroundings, announcer: Announcer) -> None:
    """Run the bank."""
    connections = AnnouncedConnections(setting.stores["bank"], announcer.stand)
    queue = AnnouncedQueue(open_queue(setting.queues["bank"]), announcer.stand)
    _work(lambda: book_next(connections, queue, setting.variant.book), announcer)


def run_forwarder(setting: Surroundings, announcer: Announcer) -> None:
    """Run the forwarder."""
    connections = AnnouncedConnections(setting.stores["forwarder"], announcer.stand)
    card = Card(setting.card)

    def charge(payment: Payment) -> bool:
        asked = setting.variant.key(payment)
        announcer.stand("ask")
        moved = charge_card(card, asked)
        announcer.stand("answered")
        return moved

    _work(lambda: forward_charges(connections, charge), announcer)


def _work(do: Callable[[], int], announcer: Announcer) -> None:
    def telling() -> int:
        try:
            return do()
        except PASSING as error:
            announcer.say(f"{FAILED}: {error}")
            raise

    work(telling, lambda: announcer.stand(REST))
