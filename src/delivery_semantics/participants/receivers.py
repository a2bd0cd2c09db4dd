"""Receivers, named by the order of their effects.

Each is two or three lines, and those lines decide the guarantee: a crash can fall between
any two ``yield``s, and what stands above it has happened while what stands below has not.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from ..core.effects import (
    Ack, Handler, IsMarked, Load, Mark, Message, Once, Passive, Payload, Process, Save, Send,
)  # fmt: skip


class ProcessOnly(Passive):
    """Process whatever arrives, and never answer: a screen, a log, a mailbox."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process, with no ack."""
        yield Process(_message(payload))


class AckThenProcess(Passive):
    """Answer first, work later. A crash between the two loses a message that was acked."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Ack, then process."""
        message = _message(payload)
        yield Send(source, Ack(message.id))
        yield Process(message)


class ProcessThenAck(Passive):
    """At-least-once. A crash between the two, or a lost ack, and the work is repeated."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process, then ack."""
        message = _message(payload)
        yield Process(message)
        yield Send(source, Ack(message.id))


class MarkThenProcess(Passive):
    """At-most-once. A crash between mark and process loses the message without a word."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Mark, then process, then ack; a marked message is only acked."""
        message = _message(payload)
        if not (yield IsMarked(message.id)):
            yield Mark(message.id)
            yield Process(message)
        yield Send(source, Ack(message.id))


class ProcessThenMark(Passive):
    """At-least-once. Duplicates are skipped, unless a crash fell between process and mark."""

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process, then mark, then ack; a marked message is only acked."""
        message = _message(payload)
        if not (yield IsMarked(message.id)):
            yield Process(message)
            yield Mark(message.id)
        yield Send(source, Ack(message.id))


class ProcessOnce(Passive):
    """Exactly-once processing: process and mark are one transaction, and the ack comes after.

    It needs a sender that retries until acked, and an effect that the transaction contains.
    """

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process and mark at once, then ack."""
        message = _message(payload)
        yield Once(message.id, Process(message))
        yield Send(source, Ack(message.id))


RECEIVERS: dict[str, type[Passive]] = {
    receiver.__name__: receiver
    for receiver in (
        AckThenProcess, ProcessThenAck, MarkThenProcess, ProcessThenMark, ProcessOnce,
    )
}  # fmt: skip
"""Those that can be told apart by their effects alone: each acks, and takes any id."""


class HighWaterMark(Passive):
    """Keep the newest only: process a message if its number is above every earlier one.

    Right for snapshots, where old data is useless. For payments it is in order, free of
    duplicates, and loses every message that a later one overtook.
    """

    def receive(self, source: str, payload: Payload) -> Handler:
        """Process and raise the mark if the number is new; ack in any case."""
        message = _message(payload)
        number = _number(message)
        if number > (yield Load("newest")):
            yield Save("newest", number)
            yield Process(message)
        yield Send(source, Ack(message.id))


DIGITS_MAX = 1_000


def _message(payload: Payload) -> Message:
    if not isinstance(payload, Message):
        raise TypeError(
            f"payload: a receiver of messages was sent {payload!r}; allowed: a Message"
        )
    return payload


def _number(message: Message) -> int:
    if not message.id.isdecimal() or len(message.id) > DIGITS_MAX:
        raise ValueError(
            f"message.id is {message.id!r}; allowed: a whole number, larger when newer"
        )
    return int(message.id)
