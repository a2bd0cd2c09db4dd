"""Incidents at HTTP: keys that are new each time, and marks at the wrong moment.

Book: incidents
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    Ack, Arm, Atomic, Bounds, Confirm, Load, MarkThenProcess, Message, Passive, Process,
    ProcessOnce, ProcessThenAck, Receive, RetryUntilAcked, Save, Send, payments,
)  # fmt: skip
from ..core.effects import CarriesMessage, Handler, Payload
from .incident import EVENTUALLY, Incident, Parts


@dataclass(frozen=True, slots=True)
class Purchase(CarriesMessage):
    """A request to take the money of ``message``, under an idempotency key."""

    key: str
    message: Message

    @property
    def label(self) -> str:
        """Its name in pictures and tables."""
        return f"Purchase {self.id}, key {self.key}"


@dataclass(frozen=True)
class Form(Passive):
    """Ask for one payment, and again if no answer comes; ``keeps_key`` over the attempts."""

    messages: tuple[Message, ...]
    keeps_key: bool

    def start(self) -> Handler:
        """Try twice at most, as a customer does who sees a spinner."""
        [message] = self.messages
        for key in "AA" if self.keeps_key else "AB":
            yield Send("service", Purchase(key, message))
            if (yield Receive(Ack(message.id), timeout_s=30.0)):
                yield Confirm(message.id)
                return


class Service(Passive):
    """Take the money once for each key."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process and keep the key in one transaction, then answer."""
        if isinstance(payload, Purchase):
            key = f"key {payload.key}"
            yield Atomic(Process(payload.message), Save(key, 1), only_if=(key, 0))
            yield Send(source, Ack(payload.id))


def new_key(mended: bool) -> Parts:
    """A customer who tries again, and a form that calls it a new purchase."""
    return {"form": Form(payments(1), keeps_key=mended), "service": Service()}


@dataclass(frozen=True)
class SlowEndpoint(Passive):
    """Work two seconds on a request with a new key; the key is stored ``first``, or then."""

    first: bool

    def receive(self, source: str, payload: Payload) -> Handler:
        """Begin to work, unless the key is there."""
        key = f"key {payload.id}"
        state = yield Load(key, "new")
        if state == "done":
            yield Send(source, Ack(payload.id))
        elif state == "new":
            if self.first:
                yield Save(key, "at work")
            number = (yield Load("requests")) + 1
            yield Save("requests", number, durable=False)
            yield Save(f"request {number}", payload, durable=False)
            yield Arm(f"request {number}", 2.0)

    def timer(self, name: str) -> Handler:
        """End the work on one request, and answer it."""
        request = yield Load(name)
        yield Atomic(Process(request), Save(f"key {request.id}", "done"))
        yield Send("client", Ack(request.id))


def check_then_store(mended: bool) -> Parts:
    """A client that asks again while its first request is still at work."""
    client = RetryUntilAcked("endpoint", payments(1))
    return {"client": client, "endpoint": SlowEndpoint(first=mended)}


def webhook_again(mended: bool) -> Parts:
    """A webhook that adds the credits that were paid for, at each delivery."""
    sender = RetryUntilAcked("webhook", payments(1))
    return {"sender": sender, "webhook": ProcessOnce() if mended else ProcessThenAck()}


def marked_first(mended: bool) -> Parts:
    """A webhook that writes the event down, and then handles it."""
    sender = RetryUntilAcked("webhook", payments(1))
    return {"sender": sender, "webhook": ProcessOnce() if mended else MarkThenProcess()}


@dataclass(frozen=True)
class Seen(Passive):
    """Process what was not seen; what was seen is on disk if ``durable``."""

    durable: bool

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process and note the id, then ack."""
        assert isinstance(payload, Message)
        seen = f"saw {payload.id}"
        if not (yield Load(seen)):
            if self.durable:
                yield Atomic(Process(payload), Save(seen, 1))
            else:
                yield Process(payload)
                yield Save(seen, 1, durable=False)
        yield Send(source, Ack(payload.id))


def seen_in_memory(mended: bool) -> Parts:
    """A gateway that knows what it has seen, until it is started anew."""
    return {"chat": RetryUntilAcked("gateway", payments(1)), "gateway": Seen(durable=mended)}


LOST = Bounds(losses=1, duplicates=0, crashes=0)

REQUESTS = {
    "a new key for each attempt": Incident(
        report="https://github.com/akash-network/console/pull/3449", day="2026-07-16",
        parts=new_key, bounds=Bounds(losses=0, duplicates=0, crashes=0, early_timeouts=1),
    ),
    "a key that is checked, then stored": Incident(
        report="https://github.com/jcagarcia/grape-idempotency/issues/10", day="2023-11-20",
        parts=check_then_store,
    ),
    "a webhook that comes again": Incident(
        report="https://github.com/wasp-lang/open-saas/issues/688", day="2026-05-27",
        parts=webhook_again, bounds=LOST,
    ),
    "marked before it is handled": Incident(
        report="https://github.com/dj-stripe/dj-stripe/issues/832", day="2019-02-18",
        parts=marked_first, claim=EVENTUALLY,
        bounds=Bounds(losses=0, duplicates=0, crashes=1, crashable=("webhook",)),
    ),
    "ids in memory, and a restart": Incident(
        report="https://github.com/openclaw/openclaw/issues/14431", day="2026-02-12",
        parts=seen_in_memory,
        bounds=Bounds(losses=0, duplicates=0, crashes=1, crashable=("gateway",)),
    ),
}  # fmt: skip
