"""Wrong answers to the exercises of chapter 3."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "fired-once": (("1", "start"), ("0", "steps = [Lose(1)]")),
    "one-lost": (("100", "start"), ("50", "answer = 50"), ("less", "answer = 10")),
    "a-total-that-falls": (
        ("restart", "start"),
        ("twice", "def events(totals):\n    return max(totals) + totals[-1]"),
    ),
    "a-sender-that-forgets-nothing": (
        ("twice", "start"),
        ("twice", ('            yield Save("sent", number + 1)\n', "")),
    ),
    "one-number": (
        ("lost", "start"),
        (
            "twice",
            (
                'yield Atomic(Process(payload), Save("newest", int(payload.id)))',
                'yield Process(payload)\n            yield Save("newest", int(payload.id))',
            ),
        ),
    ),
}
