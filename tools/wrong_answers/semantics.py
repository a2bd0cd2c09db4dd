"""Wrong answers to the exercises of chapter 2."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "lost-though-acked": (
        ("1 confirmed", "start"),
        ("0", ("before=Process), Deliver(2)", "before=Process)")),
    ),
    "send-once-mark-late": (("1", "start"), ("3", "answer = 3"), ("0", "answer = 0")),
    "never-lost": (
        ("lost", "start"),
        ("lost", ("        yield Process(payload)\n", "")),
    ),
    "never-twice": (
        ("twice", "start"),
        ("twice", ("            yield Mark(payload.id)\n", "")),
    ),
    "ids-on-self": (
        ("mistake", "start"),
        ("twice", ("            yield Mark(payload.id)\n", "")),
        ("lost", ("if not (", "if (")),
    ),
}
