"""The alternating-bit protocol: one bit against loss and duplication on a link that is a queue.

Source: Bartlett, Scantlebury and Wilkinson, "A note on reliable full-duplex transmission over
half-duplex links", CACM 12(5), 1969. It needs first-in-first-out links and two ends that never
forget their bit. Reordering breaks it, and so does a crash that clears the receiver's memory.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from ..core.check import at_least, of_type, positive, truth
from ..core.door import check_messages
from ..core.effects import (
    Atomic, CarriesMessage, Confirm, GiveUp, Handler, Load, Message, Passive, Payload, Process,
    Receive, Save, Send,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame(CarriesMessage):
    """A message with its bit. On the wire the bit is all that tells two messages apart.

    The id is for the trace; the receiver does not look at it.
    """

    bit: int
    message: Message

    @property
    def label(self) -> str:
        """Its name in pictures and tables."""
        return f"Message {self.id}, bit {self.bit}"


@dataclass(frozen=True, slots=True)
class BitAck:
    """The receiver's word that it has a message with this bit."""

    kind: ClassVar[str] = "ack"
    bit: int

    @property
    def id(self) -> str:
        """The bit, as text."""
        return str(self.bit)

    @property
    def label(self) -> str:
        """Its name in pictures and tables."""
        return f"Ack, bit {self.bit}"


@dataclass(frozen=True)
class AlternatingBitSender(Passive):
    """Send each message until an ack bears its bit; then the next one with the other bit."""

    receiver: str
    messages: tuple[Message, ...]
    _: KW_ONLY
    timeout_s: float = 1.0
    attempts_max: int | None = None

    def __post_init__(self) -> None:
        of_type("receiver", self.receiver, str)
        check_messages(self.messages)
        positive("timeout_s", self.timeout_s)
        if self.attempts_max is not None:
            at_least("attempts_max", self.attempts_max, 1)

    def start(self) -> Handler:
        """Settle, in order, every message that no earlier life of this sender has settled."""
        for number in range((yield Load("settled")), len(self.messages)):
            yield from self._settle(Frame(number % 2, self.messages[number]))
            yield Save("settled", number + 1)

    def _settle(self, frame: Frame) -> Handler:
        left = self.attempts_max
        while left != 0:
            left = left and left - 1
            yield Send(self.receiver, frame)
            if (yield Receive(BitAck(frame.bit), self.timeout_s)):
                yield Confirm(frame.id)
                return
        yield GiveUp(frame.id)


@dataclass(frozen=True)
class AlternatingBitReceiver(Passive):
    """Process a frame that bears the expected bit, then expect the other one; ack the bit.

    With ``durable=False`` the expected bit is kept in memory, and a crash sets it back to 0.
    """

    durable: bool = True

    def __post_init__(self) -> None:
        truth("durable", self.durable)

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process and turn the bit in one transaction, then ack."""
        if not isinstance(payload, Frame):
            raise TypeError(f"payload: {payload!r} is no Frame")
        expected = yield Load("expected")
        if payload.bit == expected:
            turned = Save("expected", 1 - expected, durable=self.durable)
            yield Atomic(Process(payload.message), turned)
        yield Send(source, BitAck(payload.bit))
