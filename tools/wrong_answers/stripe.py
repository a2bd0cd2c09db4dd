"""Wrong answers to the exercises of chapter 8."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "whose-key": (
        ("content", "start"),
        ("attempt", ("request['order']", "request['attempt']")),
    ),
    "what-is-retried": (
        ("400", "start"),
        ("kept", ("if should_retry:", "if should_retry == 'true':")),
        ("cut", ("(0, 409)", "(409,)")),
    ),
    "how-long-a-key-counts": (("12", "start"), ("23", "answer = 23"), ("more", "answer = 48")),
    "passing-the-key-on": (
        ("charged twice", "start"),
        ("lost", ("acked = False", "acked = True")),
    ),
    "an-outbox": (
        ("no receipt", "start"),
        (
            "no receipt",
            (
                '            yield Send("customer", Message(f"receipt {id}", 0))\n'
                '            yield Save("outbox", 0)\n',
                '            yield Save("outbox", 0)\n'
                '            yield Send("customer", Message(f"receipt {id}", 0))\n',
            ),
        ),
    ),
}
