"""Wrong answers to the exercises of chapter 17."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "nothing-was-lost": (
        ("mistake", "start"),
        ("1 confirmed", "steps = [Deliver(1), Deliver(2)]"),
    ),
    "which-was-forgotten": (("other", "start"), ("other", "forgotten = 2")),
    "four-layers": (("12", "start"), ("64", "answer = 4**3")),
    "one-key": (
        ("paid twice", "start"),
        ("lost", ("while not acked:", "for _ in range(1):")),
    ),
    "the-last-design": (
        ("lost", "start"),
        ("lost", ("while not acked:", "for _ in range(1):")),
    ),
}
