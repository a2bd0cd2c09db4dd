"""Wrong answers to the exercises of chapter 1."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "cut-wire": (
        ("1 confirmed", "start"),
        ("1 confirmed", ("(1, 2, 3)", "(1, 2)")),
        ("3 in doubt", ('"message"', '"ack"')),
    ),
    "twice-without-loss": (
        ("1 confirmed", "start"),
        ("2", ("Deliver(2), Deliver(3)", "Deliver(2)")),
    ),
    "as-in-the-diagram": (
        ("certain", "start"),
        ("arrives", ("* ack_loss * (1 - loss)", "* ack_loss")),
    ),
    "patience": (("2", "start"), ("more", "answer = 10")),
    "first-receiver": (
        ("twice", "start"),
        ("twice", ("            yield Mark(payload.id)\n", "")),
        ("lost", ("if not (", "if (")),
    ),
}
