"""A broker: it stores, confirms, hands out, and hands out again what nobody has acked.

The words are those of the field. *Visibility time*: how long a message that was handed out is
hidden, from Amazon's Simple Queue Service (SQS). *Nack* and *dead letter*: from RabbitMQ.
*Deduplication window*: from SQS FIFO queues (300 s) and NATS JetStream (120 s).

Book: protocols
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from ..core.check import at_least, of_type, one_of, positive
from ..core.effects import (
    Ack,
    Arm,
    Atomic,
    Disarm,
    Effect,
    Handler,
    Load,
    Message,
    Now,
    Passive,
    Payload,
    Save,
    Send,
)  # fmt: skip

CONFIRMS = ("stored", "received", "never")


@dataclass(frozen=True, slots=True)
class Nack:
    """The consumer's word that it could not process message ``id``."""

    kind: ClassVar[str] = "nack"
    id: str


@dataclass(frozen=True, slots=True)
class Extend:
    """The consumer's word that it still works on message ``id``: hide it for as long again."""

    kind: ClassVar[str] = "extend"
    id: str


@dataclass(frozen=True)
class Broker(Passive):
    """Take messages from producers, and hand each to ``consumer`` until it is acked.

    Every message has a timer of its own, so the broker listens while it waits. It holds no
    message twice at a time; two messages may overtake each other.
    ``visibility_s``: seconds until a message that is not acked is handed out again; None: it
    counts as done when it is handed out. ``confirm``: when the producer gets its ack, once the
    message is "stored", as soon as it is "received", or "never". ``deliveries_max``: what was
    handed out so often goes to the participant ``park`` instead, or stays on this disk, under
    "parked", if there is none. ``ids_max``: how many ids it remembers to tell copies by, None
    for all, each for ``window_s`` seconds if that is given.
    Raises ValueError for a number out of range, TypeError for a name that is no text.
    """

    consumer: str
    _: KW_ONLY
    visibility_s: float | None = 30.0
    confirm: str = "stored"
    deliveries_max: int | None = None
    park: str = ""
    ids_max: int | None = 0
    window_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("consumer", "park"):
            of_type(name, getattr(self, name), str)
        one_of("confirm", self.confirm, CONFIRMS)
        for name, least in (("deliveries_max", 1), ("ids_max", 0)):
            if getattr(self, name) is not None:
                at_least(name, getattr(self, name), least)
        for name in ("visibility_s", "window_s"):
            if getattr(self, name) is not None:
                positive(name, getattr(self, name))

    def start(self) -> Handler:
        """Hand out what is on disk: a crash has cleared the timers."""
        for message in (yield from self._held()):
            yield from self._hand_out(message)

    def receive(self, source: str, payload: Payload) -> Handler:
        """Take a message; drop one that is acked; hand out again, or later, as it is told."""
        match payload:
            case Message():
                yield from self._take(source, payload)
            case Ack():
                yield Disarm(payload.id)
                yield from self._drop(payload.id)
            case Nack():
                yield from self.timer(payload.id)
            case Extend():
                yield from self._hide(payload.id)

    def timer(self, name: str) -> Handler:
        """Hand out again the message of that id, if it is still held."""
        for message in (yield from self._held()):
            if message.id == name:
                yield from self._hand_out(message)

    def _take(self, source: str, message: Message) -> Handler:
        if self.confirm == "received":
            yield Send(source, Ack(message.id))
        held, now_s = (yield from self._held()), (yield from self._now_s())
        known = yield from self._known(now_s)
        new = message not in held and message.id not in known
        if new:
            ids = deque([*known.items(), (message.id, now_s)], maxlen=self.ids_max)
            store = Save("held", (*held.items(), (message, 0)))
            yield Atomic(store, Save("known", tuple(ids)))
        if self.confirm == "stored":
            yield Send(source, Ack(message.id))
        if new:
            yield from self._hand_out(message)

    def _hand_out(self, message: Message) -> Handler:
        held = yield from self._held()
        failed = held[message] == self.deliveries_max
        if self.visibility_s is None or (failed and not self.park):
            yield from self._drop(message.id, parked=failed)
        elif self.deliveries_max is not None and not failed:
            yield Save("held", tuple({**held, message: held[message] + 1}.items()))
        if self.park or not failed:
            yield Send(self.park if failed else self.consumer, message)
            if self.visibility_s is not None:
                yield Arm(message.id, self.visibility_s)

    def _hide(self, message_id: str) -> Handler:
        held = yield from self._held()
        if self.visibility_s is not None and any(each.id == message_id for each in held):
            yield Arm(message_id, self.visibility_s)

    def _drop(self, message_id: str, *, parked: bool = False) -> Handler:
        held = yield from self._held()
        left = Save("held", tuple(each for each in held.items() if each[0].id != message_id))
        if parked:
            yield Atomic(left, Save("parked", (*(yield Load("parked", ())), message_id)))
        else:
            yield left

    def _held(self) -> Generator[Effect, Any, dict[Message, int]]:
        """Return what is on disk, and how often each was handed out, if that is counted."""
        return dict((yield Load("held", ())))

    def _known(self, now_s: float) -> Generator[Effect, Any, dict[str, float]]:
        """Return the ids that it remembers now, oldest first, and when each came."""
        known = dict((yield Load("known", ()))) if self.ids_max != 0 else {}
        window_s = self.window_s
        return {i: at for i, at in known.items() if window_s is None or now_s < at + window_s}

    def _now_s(self) -> Generator[Effect, Any, float]:
        return (yield Now()) if self.window_s is not None else 0.0
