"""Wrong answers to the exercises of chapter 10."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "behind-a-broker": (
        ("1 confirmed", "start"),
        ("1 confirmed", "steps = [Deliver(1), Deliver(2), Deliver(3), Lose(4)]"),
        ("0 confirmed", "steps = [Deliver(1), Deliver(2)]"),
        ("1", "steps = [Deliver(1), Lose(2), Deliver(3), Deliver(4)]"),
        ("2", ("    Deliver(2),\n", "")),
    ),
    "eighteen-mixes": (("1", "start"), ("6", "answer = 6"), ("more", "answer = 9")),
    "page-views": (
        ("twice", "start"),
        ("twice", ("FireAndForget", "RetryUntilAcked")),
        ("twice", (", visibility_s=None", "")),
    ),
    "the-cheaper-queue": (
        ("FIFO", "start"),
        ("twice", ("ProcessOnce", "ProcessThenAck")),
        ("lost", ("ProcessOnce", "MarkThenProcess")),
    ),
    "from-the-queue-to-the-bank": (
        ("lost", "start"),
        ("lost", ("if (yield Receive(Ack(payload.id), 1.0)):", "if True:")),
        ("lost", ('yield Send("bank", payload)', 'yield Send("bank", Message("new"))')),
        (
            "twice",
            (
                'yield Send("bank", payload)',
                'yield Process(payload)\n            yield Send("bank", payload)',
            ),
        ),
    ),
}
