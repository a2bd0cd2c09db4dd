"""Deduplicated where? A queue that knows its ids, and a consumer behind it that does not.

Book: 07-deduplication
"""

from __future__ import annotations

from ... import (
    Broker, Deliver, Lose, Message, Participant, ProcessOnce, ProcessThenAck, RetryUntilAcked,
    Timeout, Trace, script,
)  # fmt: skip
from ...show.view import View
from ..runs import of_run

PAYMENT = Message("abc123")


def behind_a_queue(*, consumer: Participant | None = None) -> Trace:
    """Lose the queue's ack to the sender, and the consumer's first ack to the queue."""
    sender, queue = RetryUntilAcked("queue", (PAYMENT,)), Broker("consumer", ids_max=None)
    parts = {"sender": sender, "queue": queue, "consumer": consumer or ProcessThenAck()}
    accepted = (Deliver(1), Lose(2), Deliver(3))
    handed_on_again = (Lose(4), Timeout("queue", name="abc123"), Deliver(5), Deliver(6))
    sent_again = (Timeout("sender"), Deliver(7), Deliver(8))
    return script(parts, *accepted, *handed_on_again, *sent_again)


def with_and_without() -> dict[str, Trace]:
    """Run the same story with a consumer that knows its ids, and with one that does not."""
    return {
        "the queue only": behind_a_queue(),
        "the queue and the consumer": behind_a_queue(consumer=ProcessOnce()),
    }


def hops_view(*, keeps: str, seed: int = 1) -> View:
    """Show the story by who keeps ids: the queue, or its consumer too."""
    trace = with_and_without()[keeps]
    return of_run(
        trace,
        title=f"Ids are kept by {keeps}",
        says=f"Ids are kept by {keeps}.",
        numbers={"processed": trace.processed()[PAYMENT.id]},
    )
