"""Wrong answers to the exercises of chapter 14."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "what-the-customer-is-told": (
        ("told failed", "start"),
        ("told paid", ('"in doubt"', '"paid"')),
    ),
    "hedged-copies": (("4", "start"), ("1", "answer = 1")),
    "another-attempt": (
        ("named", "start"),
        ("headers", ("headers_came or status", "status")),
        ("five", ('min(policy["maxAttempts"], 5)', 'policy["maxAttempts"]')),
        ("deadline", (' or status == "DEADLINE_EXCEEDED"', "")),
    ),
    "where-the-stream-goes-on": (
        ("lost", "start"),
        (
            "twice",
            (
                'yield Atomic(Process(payment), Save("position", position))',
                'yield Process(payment)\n                yield Save("position", position)',
            ),
        ),
    ),
    "the-same-reply": (
        ("two replies", "start"),
        (
            "twice",
            (
                'Save("number", kept), Save(payload.id, kept))',
                'Save("number", kept))\n            yield Save(payload.id, kept)',
            ),
        ),
    ),
}
