"""Outbox and inbox: a row and an event that are written in one transaction.

Source: C. Richardson, "Microservices Patterns", 2018, chapter 3, on transactional messaging.

Book: protocols
"""

from __future__ import annotations

from .. import (
    Ack, Arm, Atomic, Bounds, Exploration, Load, Mark, Message, Participant, Passive,
    RetryUntilAcked, Save, Send, explore, payments,
)  # fmt: skip
from ..core.effects import Handler, Payload


class DualWrite(Passive):
    """Store the order, then tell the mailer: two writes to two systems."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Do both for a new order; ack in any case."""
        if not isinstance(payload, Message):
            return
        if (yield Atomic(Mark(payload.id), unless_marked=payload.id)):
            yield Send("mailer", payload)
        yield Send(source, Ack(payload.id))


class Outbox(Passive):
    """Store the order and its event at once; send events until they are acked."""

    def start(self) -> Handler:
        """Send what an earlier life has left."""
        yield from self.timer("relay")

    def receive(self, source: str, payload: Payload) -> Handler:
        """Take an order from the customer, or an ack from the mailer."""
        outbox = yield Load("outbox", ())
        if not isinstance(payload, Message):
            yield Save("outbox", tuple(each for each in outbox if each.id != payload.id))
            return
        event = Save("outbox", (*outbox, payload))
        new = yield Atomic(Mark(payload.id), event, unless_marked=payload.id)
        yield Send(source, Ack(payload.id))
        if new:
            yield from self.timer("relay")

    def timer(self, name: str) -> Handler:
        """Send every event in the outbox, and again after a second."""
        for event in (yield Load("outbox", ())):
            yield Send("mailer", event)
            yield Arm("relay", 1.0)


def order_and_mail(shop: Participant, mailer: Participant) -> Exploration:
    """Search every run of one order with one loss and one crash of the shop."""
    customer = RetryUntilAcked("shop", payments(1))
    parts = {"customer": customer, "shop": shop, "mailer": mailer}
    return explore(parts, Bounds(losses=1, duplicates=0, crashes=1, crashable=("shop",)))
