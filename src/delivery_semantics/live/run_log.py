"""What really happened, written down in the order in which it was told, and read as a trace.

Whoever takes part tells what it does when it does it: a proxy, a process that stands at a step,
a client. Nothing is added, and nothing is put in another order; the time of an event is its
place in the log.

Book: 10-real-world-systems
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from ..core.effects import Message, Payload
from ..core.trace import Event, Trace


@dataclass(frozen=True)
class LabelledMessage:
    """The message ``id`` under the name that a protocol gives it on this way."""

    kind: ClassVar[str] = "message"
    id: str
    amount: int
    label: str


@dataclass(frozen=True)
class LabelledAck:
    """Anything else that is said about the message ``id``, asked or answered."""

    kind: ClassVar[str] = "ack"
    id: str
    label: str


class RunLog:
    """The log of one run of ``messages``, told from any thread; packets are numbered from 1.

    ``names`` come first among those who take part, in this order; others follow as they are
    met. ``outside`` says that the run may go on after the last line, as one does that this
    package does not drive.
    """

    def __init__(
        self, names: Iterable[str], messages: Iterable[Message], *, outside: bool = True
    ) -> None:
        self._names = dict.fromkeys(names)
        self._messages = dict.fromkeys(messages)
        self._events: list[Event] = []
        self.packets = 0
        self._outside = outside
        self.lock = threading.RLock()

    def meet(self, who: str) -> None:
        """Let somebody take part, of whom nothing may be told later on."""
        self._names.setdefault(who)

    def about(self, message: Message) -> None:
        """Add a message to those that the run is about, unless it is one already."""
        self._messages.setdefault(message)

    def add(self, event: Event) -> Event:
        """Write an event down, at the next time."""
        with self.lock:
            self.meet(event.who)
            self._events.append(event._replace(time_s=float(len(self._events))))
            return self._events[-1]

    def note(self, what: str, who: str, payload: Payload | None = None, note: str = "") -> None:
        """Write down what somebody knows or does, or what is done to them from outside."""
        self.add(Event(0.0, what, who, payload, note=note))

    def leave(self, source: str, target: str, payload: Payload) -> Event:
        """Write down that a packet is on its way, and return that, to say how it ends."""
        with self.lock:
            self.packets += 1
            sent = self.add(Event(0.0, "sent", source, payload, target, self.packets))
            self.meet(target)
            return sent

    def arrive(self, sent: Event, what: str = "delivered") -> None:
        """Write down that a packet has come to its target: delivered, or refused there."""
        self.add(sent._replace(what=what, who=sent.peer, peer=sent.who))

    def lose(self, sent: Event) -> None:
        """Write down that a packet is gone."""
        self.add(sent._replace(what="lost"))

    def packet(self, source: str, target: str, payload: Payload, *, lost: bool = False) -> None:
        """Write down a packet and its end at once."""
        with self.lock:
            (self.lose if lost else self.arrive)(self.leave(source, target, payload))

    def trace(self) -> Trace:
        """Return everything so far."""
        with self.lock:
            names, messages = tuple(self._names), tuple(self._messages)
            return Trace(names, messages, tuple(self._events), outside=self._outside)
