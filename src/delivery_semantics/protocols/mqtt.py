"""MQTT's quality of service 2: four packets, and a sender that remembers how far it came.

Source: OASIS, "MQTT Version 3.1.1", 2014, sections 4.3.3 and 4.4.

Book: protocols
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .. import (
    Atomic, Bounds, Confirm, Exploration, Load, Message, Passive, Process, Receive, Save, Send,
    explore, payments,
)  # fmt: skip
from ..core.effects import Handler, Payload


@dataclass(frozen=True, slots=True)
class Control:
    """PUBREC, PUBREL or PUBCOMP: a control packet about message ``id``."""

    kind: ClassVar[str] = "control"
    name: str
    id: str

    @property
    def label(self) -> str:
        """Its name in pictures and tables."""
        return f"{self.name} {self.id}"


@dataclass(frozen=True)
class Publisher(Passive):
    """Publish until PUBREC, release until PUBCOMP; ``remembers`` on disk that it releases."""

    messages: tuple[Message, ...]
    remembers: bool = True

    def start(self) -> Handler:
        """Go on where an earlier life stopped, if that is known."""
        for message in self.messages:
            state = f"state of {message.id}"
            if (yield Load(state)) == 0:
                yield from self._until(message, Control("PUBREC", message.id))
                yield Save(state, "released", durable=self.remembers)
            if (yield Load(state)) == "released":
                release = Control("PUBREL", message.id)
                yield from self._until(release, Control("PUBCOMP", message.id))
                yield Atomic(Save(state, "done"), Confirm(message.id))

    def _until(self, payload: Payload, answer: Control) -> Handler:
        answered = False
        while not answered:
            yield Send("subscriber", payload)
            answered = yield Receive(answer, timeout_s=1.0)


class Subscriber(Passive):
    """Process a message unless its id is held; hold the id until the sender releases it."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Answer PUBLISH with PUBREC, PUBREL with PUBCOMP."""
        held = f"holds {payload.id}"
        if isinstance(payload, Message):
            yield Atomic(Process(payload), Save(held, 1), only_if=(held, 0))
            yield Send(source, Control("PUBREC", payload.id))
        else:
            yield Save(held, 0)
            yield Send(source, Control("PUBCOMP", payload.id))


def qos_2(*, remembers: bool = True, reordering: bool = False) -> Exploration:
    """Search every run of one message."""
    parts = {"publisher": Publisher(payments(1), remembers), "subscriber": Subscriber()}
    return explore(parts, Bounds(crashes=1, reordering=reordering))
