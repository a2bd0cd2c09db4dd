"""Wrong answers to the exercises of chapter 7."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "the-smallest-window": (("21", "start"), ("52", "answer = 52"), ("more", "answer = 60")),
    "first-time": (
        ("expired", "start"),
        ("edge", (">= window", "> window")),
        (
            "fixed",
            ("            since[id] = now\n", "            pass\n        since[id] = now\n"),
        ),
    ),
    "enough-bits": (("30", "start"), ("50", "answer = 50"), ("more", "answer = 128")),
    "bits-of-a-filter": (("100", "start"), ("less", "answer = 7")),
    "where-the-mark-is": (
        ("twice", "start"),
        (
            "lost",
            (
                "yield Atomic(Process(payload), Save(payload.id, True))",
                "yield Save(payload.id, True)\n            yield Process(payload)",
            ),
        ),
    ),
}
