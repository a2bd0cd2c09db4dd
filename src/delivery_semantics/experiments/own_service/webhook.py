"""A shop calls a webhook, and the webhook has a mail service write to the customer.

The mail is what the customer sees, so the mail service is where the event is processed.

Book: bring-your-own
"""

from __future__ import annotations

from ... import (
    Ack, IsMarked, Mark, Message, Once, Participant, Passive, Process, RetryUntilAcked, Send,
)  # fmt: skip
from ...core.effects import Handler, Payload

EVENT = Message("order-7")
"""What the shop has to tell; the customer is to get one mail about it."""


def service(webhook: Participant, mail: Participant) -> dict[str, Participant]:
    """Return all who take part; the shop asks again until it hears an ack."""
    return {"shop": RetryUntilAcked("webhook", (EVENT,)), "webhook": webhook, "mail": mail}


class SaveAckMail(Passive):
    """The webhook as most of us write it first."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Save the event, ack it, and ask for the mail."""
        if source != "shop":
            return
        if (yield IsMarked(payload.id)):
            yield Send("shop", Ack(payload.id))
            return
        yield Mark(payload.id)
        yield Send("shop", Ack(payload.id))
        yield Send("mail", Message(payload.id))


class MailThenAck(Passive):
    """The webhook that acks only what the mail service has acked."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Ask for the mail; once it is acked, save the event and ack it."""
        if source == "mail":
            yield Mark(payload.id)
        elif not (yield IsMarked(payload.id)):
            yield Send("mail", Message(payload.id))
            return
        yield Send("shop", Ack(payload.id))


class Mail(Passive):
    """A mail service that sends what it is asked to send."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Send the mail, and ack."""
        yield Process(Message(payload.id))
        yield Send(source, Ack(payload.id))


class MailWithKey(Passive):
    """A mail service that knows a mail by its key, and sends it once."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Send the mail unless its key is known, and ack."""
        yield Once(payload.id, Process(Message(payload.id)))
        yield Send(source, Ack(payload.id))


class Remembers(Passive):
    """A webhook that keeps the ids in a set of its own: the mistake that a test refuses."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def receive(self, source: str, payload: Payload) -> Handler:
        """Ask for the mail, unless the id is in the set."""
        if source == "shop" and payload.id not in self.seen:
            self.seen.add(payload.id)
            yield Send("mail", Message(payload.id))
        yield Send("shop", Ack(payload.id))
