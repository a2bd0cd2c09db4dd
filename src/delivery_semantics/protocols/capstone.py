"""From the button to the ledger, as a model: shop, bank and card, a few lines each.

The shop and its relay are one participant here, as are the bank and its forwarder: each pair
has one disk between them. The broker between them is `participants.broker`.

Book: 15-from-the-button-to-the-ledger
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from .. import Ack, Arm, Atomic, Load, Mark, Message, Passive, Process, Save, Send
from ..core.effects import Effect, Handler, Payload
from ..core.world import World


class WithOutbox(Passive):
    """Sends what is in the outbox on its disk, until it is acked."""

    to: str
    confirm = True

    def start(self) -> Handler:
        """Send what an earlier life has left."""
        yield from self.timer("outbox")

    def timer(self, name: str) -> Handler:
        """Send all of it, and again after a second; or take it out first, and send it once."""
        rows = yield Load("outbox", ())
        if rows and not self.confirm:
            yield Save("outbox", ())
        for row in rows:
            yield Send(self.to, (yield from self.addressed(row)))
        if rows and self.confirm:
            yield Arm("outbox", 1.0)

    def addressed(self, row: Message) -> Generator[Effect, Any, Message]:
        """Return what is sent for a row."""
        yield from ()
        return row

    def acked(self, ack: Ack) -> Handler:
        """Take the row out that was acked."""
        rows = yield Load("outbox", ())
        left = tuple(row for row in rows if row.id != ack.id.partition(":")[0])
        if left != rows:
            yield Save("outbox", left)


@dataclass(frozen=True)
class ShopModel(WithOutbox):
    """Payment and event in one commit; the relay waits for the broker's confirm."""

    key: bool = True
    outbox: bool = True
    confirm: bool = True
    to: str = "broker"

    def receive(self, source: str, payload: Payload) -> Handler:
        """Take a payment, or the broker's word that it has an event."""
        if isinstance(payload, Ack):
            yield from self.acked(payload)
            return
        made, rows = (yield Load("made")), (yield Load("outbox", ()))
        event = Message(payload.id if self.key else f"{payload.id}/{made + 1}")
        tell, write = Save("outbox", (*rows, event)), (Mark(event.id), Save("made", made + 1))
        both = (*write, tell) if self.outbox else write
        new = yield Atomic(*both, unless_marked=event.id)
        if new and not self.outbox:
            yield tell
        yield Send(source, Ack(payload.id))
        if new:
            yield from self.timer("outbox")


@dataclass(frozen=True)
class BankModel(WithOutbox):
    """Inbox, ledger and outbox in one commit, the ack after it; the card is asked by a key."""

    inbox: bool = True
    derived_key: bool = True
    to: str = "card"

    def receive(self, source: str, payload: Payload) -> Handler:
        """Book an event, or hear that the card was charged."""
        if source == self.to:
            yield from self.acked(Ack(payload.id))
            return
        booked, rows = (yield Load("booked")), (yield Load("outbox", ()))
        book = Save("booked", booked + 1), Save("outbox", (*rows, Message(payload.id)))
        inbox = (Mark(payload.id),) if self.inbox else ()
        seen = payload.id if self.inbox else None
        new = yield Atomic(*book, *inbox, unless_marked=seen)
        yield Send(source, Ack(payload.id))
        if new:
            yield from self.timer("outbox")

    def addressed(self, row: Message) -> Generator[Effect, Any, Message]:
        """Return the request for the card processor: its id is the key."""
        if self.derived_key:
            return row
        asked = yield Load("asked")
        yield Save("asked", asked + 1)
        return Message(f"{row.id}:{asked + 1}")


class CardProcessor(Passive):
    """Charges a card once for a key."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Charge, and remember the key, in one commit."""
        payment = Message(payload.id.partition(":")[0].partition("/")[0])
        yield Atomic(Process(payment), Mark(payload.id), unless_marked=payload.id)
        yield Send(source, Ack(payload.id))


def times_booked(world: World) -> int:
    """Return how many entries the bank's ledger has for the one payment."""
    booked = world.stores["bank"].saved.get("booked", 0)
    assert isinstance(booked, int)
    return booked
