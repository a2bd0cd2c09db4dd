"""Deduplicated where? A queue that knows its ids, and a consumer behind it that does not.

Book: 07-deduplication
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import (
    Ack,
    Deliver,
    IsMarked,
    Lose,
    Mark,
    Message,
    Participant,
    Passive,
    ProcessOnce,
    ProcessThenAck,
    Receive,
    RetryUntilAcked,
    Send,
    Timeout,
    Trace,
    script,
)
from ...core.effects import Handler, Payload


@dataclass(frozen=True)
class DedupQueue(Passive):
    """A queue that accepts each id once, and hands the message on until it is acked."""

    consumer: str = "consumer"
    visibility_timeout_s: float = 30.0

    def receive(self, source: str, payload: Payload) -> Handler:
        """Accept and ack a new message, then hand it on; only ack a copy."""
        if not isinstance(payload, Message):
            return
        new = not (yield IsMarked(payload.id))
        if new:
            yield Mark(payload.id)
        yield Send(source, Ack(payload.id))
        while new:
            yield Send(self.consumer, payload)
            new = not (yield Receive(Ack(payload.id), self.visibility_timeout_s))


def behind_a_queue(*, consumer: Participant | None = None) -> Trace:
    """Lose the queue's ack to the sender, and the consumer's first ack to the queue."""
    parts: dict[str, Participant] = {
        "sender": RetryUntilAcked("queue", (Message("abc123"),)),
        "queue": DedupQueue(),
        "consumer": consumer or ProcessThenAck(),
    }
    accepted = (Deliver(1), Lose(2), Deliver(3))
    handed_on_again = (Lose(4), Timeout("queue"), Deliver(5), Deliver(6))
    sent_again = (Timeout("sender"), Deliver(7), Deliver(8))
    return script(parts, *accepted, *handed_on_again, *sent_again)


def with_and_without() -> dict[str, Trace]:
    """Run the same story with a consumer that knows its ids, and with one that does not."""
    return {
        "the queue only": behind_a_queue(),
        "the queue and the consumer": behind_a_queue(consumer=ProcessOnce()),
    }
