"""Wrong answers to the exercises of chapter 5."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "one-crash-twice": (
        ("1 confirmed", "start"),
        ("2", ("    Deliver(3),\n", "")),
        ("1", "steps = [Deliver(1), Crash('receiver', before=Mark)]"),
    ),
    "enough-attempts": (("3", "start"), ("less", "answer = 1"), ("more", "answer = 9")),
    "exactly-once": (
        ("twice", "start"),
        (
            "lost",
            (
                "yield Once(payload.id, Process(payload))",
                "if not (yield IsMarked(payload.id)):\n            yield Mark(payload.id)\n"
                "            yield Process(payload)",
            ),
        ),
    ),
    "without-once": (
        ("twice", "start"),
        (
            "lost",
            (
                "yield Atomic(Process(payload), Mark(payload.id), unless_marked=payload.id)",
                "yield Send(source, Ack(payload.id))\n"
                "        yield Once(payload.id, Process(payload))",
            ),
        ),
    ),
    "the-receipt": (
        ("no receipt", "start"),
        (
            "no receipt",
            (
                '        yield Send("customer", Message(f"receipt {payload.id}", 0))\n'
                "        yield Send(source, Ack(payload.id))\n",
                "        yield Send(source, Ack(payload.id))\n"
                '        yield Send("customer", Message(f"receipt {payload.id}", 0))\n',
            ),
        ),
        ("lost", ("        yield Once(payload.id, Process(payload))\n", "")),
    ),
}
