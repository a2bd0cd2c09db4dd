"""Go-back-N: several frames on their way, numbered round and round.

Source: A. S. Tanenbaum, "Computer Networks", the chapter on the data link layer: a window of
n frames needs n + 1 numbers.

Book: protocols
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import (
    Ack, Arm, Atomic, Bounds, Confirm, Disarm, Exploration, Load, Message, Passive, Process,
    Save, Send, explore, payments,
)  # fmt: skip
from ..core.effects import CarriesMessage, Handler, Payload

WINDOW = 2


@dataclass(frozen=True, slots=True)
class Numbered(CarriesMessage):
    """A message and its number, which begins anew at ``numbers``.

    The id is for the trace; the receiver does not look at it.
    """

    number: int
    message: Message

    @property
    def label(self) -> str:
        """Its name in pictures and tables."""
        return f"Message {self.id}, number {self.number}"


@dataclass(frozen=True)
class GoBackN(Passive):
    """Send all frames of the window; if no ack moves it in time, send them all again."""

    messages: tuple[Message, ...]
    numbers: int

    def start(self) -> Handler:
        """Send the first window."""
        yield from self.timer("resend")

    def timer(self, name: str) -> Handler:
        """Go back to the oldest frame that is not acked."""
        base = yield Load("base")
        for number in range(base, min(base + WINDOW, len(self.messages))):
            yield Send("receiver", Numbered(number % self.numbers, self.messages[number]))
        if base < len(self.messages):
            yield Arm("resend", 1.0)

    def receive(self, source: str, payload: Payload) -> Handler:
        """Move the window behind the acked frame: an ack is for all frames before it too."""
        base = yield Load("base")
        acked = (int(payload.id) - base) % self.numbers + 1
        if base + acked <= min(base + WINDOW, len(self.messages)):
            for message in self.messages[base : base + acked]:
                yield Confirm(message.id)
            yield Save("base", base + acked)
            yield Disarm("resend")
            yield from self.timer("resend")


@dataclass(frozen=True)
class InOrder(Passive):
    """Process the frame with the expected number; ack the last one that came in order."""

    numbers: int

    def receive(self, source: str, payload: Payload) -> Handler:
        """Ignore every other frame, but ack again."""
        expected = yield Load("expected")
        if isinstance(payload, Numbered) and payload.number == expected:
            following = (expected + 1) % self.numbers
            yield Atomic(Process(payload.message), Save("expected", following))
            expected = following
        yield Send(source, Ack(str((expected - 1) % self.numbers)))


def window_of_two(*, numbers: int, messages: int = 2) -> Exploration:
    """Search every run over a link that keeps the order and loses up to two packets."""
    parts = {"sender": GoBackN(payments(messages), numbers), "receiver": InOrder(numbers)}
    return explore(parts, Bounds(losses=2, duplicates=0, crashes=0, reordering=False))
