"""Wrong answers to the exercises of chapter 6."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "two-steps": (("zero", "start"), ("same", "x, y = 1, 0")),
    "a-transfer-with-an-id": (
        ("copy", "start"),
        ("equal", "def moved(requests):\n    return sum({amount for id, amount in requests})"),
    ),
    "if-match": (
        ("late", "start"),
        ("copy", ("if version == current:", "if version > current:")),
        ("race", ("if version == current:", "if version >= current - 1:")),
    ),
    "set-the-balance": (
        ("an old balance", "start"),
        (
            "an old balance",
            (
                'yield Atomic(Save("balance", payload.amount), Save("number", number))',
                'yield Save("number", number)\n'
                '            yield Save("balance", payload.amount)',
            ),
        ),
    ),
    "only-if": (
        ("twice", "start"),
        (
            "lost",
            (
                'yield Atomic(Process(payload), Save("state", "paid"), only_if=("state", 0))',
                'if (yield Atomic(Save("state", "paid"), only_if=("state", 0))):\n'
                "            yield Process(payload)",
            ),
        ),
    ),
}
