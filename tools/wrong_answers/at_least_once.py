"""Wrong answers to the exercises of chapter 4."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "in-doubt": (
        ("1 confirmed", "start"),
        ("1", ('Lose(2), Timeout("sender")', "Lose(2)")),
        ("0 in doubt", "steps = [Lose(1), Timeout('sender')]"),
    ),
    "one-layer-retries": (
        ("more", "start"),
        ("more", ('1, "B": 1', '3, "B": 1')),
        ("less", ("3", "1")),
    ),
    "copies-to-expect": (("0.19", "start"), ("0.1", "answer = 0.1"), ("more", "answer = 1")),
    "down-to-a-target": (
        ("half", "start"),
        ("tenths", ("Fraction(str(loss)), Fraction(str(target))", "loss, target")),
    ),
    "a-sender-that-insists": (
        ("lost", "start"),
        ("lost", ("while not acked:", "for _ in range(3):")),
    ),
}
