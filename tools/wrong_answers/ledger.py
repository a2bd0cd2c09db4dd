"""Wrong answers to the exercises of chapter 15."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "one-line-higher": (
        ("lost", "start"),
        ("twice", ("Once(payload.id, Process(payload))", "Process(payload)")),
    ),
    "a-key-for-the-refund": (
        ("refund", "start"),
        ("attempt", ("event['payment']}", "event['payment']}-{event['attempt']}")),
        ("payment", ("{event['kind']}-{event['payment']}", "{event['kind']}")),
    ),
    "the-program-at-night": (
        ("twice", "start"),
        ("thrice", ("sorted(extra.elements())", "sorted(extra)")),
    ),
    "until-the-broker-has-it": (
        ("lost", "start"),
        ("lost", ('            yield Arm("outbox", 1.0)\n', "")),
        (
            "lost",
            ('    def start(self):\n        yield from self.timer("outbox")\n\n', ""),
        ),
    ),
    "a-bank-of-your-own": (
        ("booked twice", "start"),
        ("booked twice", ("            unless_marked=payload.id,\n", "")),
        ("lost", ('            yield Arm("outbox", 1.0)\n', "")),
    ),
}
