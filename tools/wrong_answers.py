"""Wrong answers that readers give, and the hint that each has to be given.

An answer is a name of a hint and the code; where a pair (old, new) stands for the code, it is
the solution with that part of it changed. "start" is the code that the exercise begins with.
"""

from __future__ import annotations

Wrong = tuple[str, str | tuple[str, str]]

WRONG: dict[str, tuple[Wrong, ...]] = {
    # 01-the-problem
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
