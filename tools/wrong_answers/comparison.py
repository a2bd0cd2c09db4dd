"""Wrong answers to the exercises of chapter 9."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "the-price-of-a-mark": (("1 confirmed", "start"), ("0", ("    Deliver(3),\n", ""))),
    "which-row": (
        ("lost", "start"),
        ("both", ("if lost and twice:", "if False:")),
    ),
    "attempts-for-a-million": (("9", "start"), ("more", "answer = 20"), ("less", "answer = 1")),
    "two-halves": (
        ("lost", "start"),
        ("twice", ("ProcessOnce()", "ProcessThenAck()")),
    ),
    "a-choice-of-mistakes": (
        ("twice", "start"),
        ("twice", ("            yield Mark(payload.id)\n", "")),
    ),
}
