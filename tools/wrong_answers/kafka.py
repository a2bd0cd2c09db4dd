"""Wrong answers to the exercises of chapter 11."""

from __future__ import annotations

from .answer import Wrong

ATOMIC = 'yield Atomic(Process(payment), Save("offset", offset + 1))'

WRONG: dict[str, tuple[Wrong, ...]] = {
    "the-offset-to-commit": (
        ("one off", "start"),
        ("gap", "def to_commit(committed, done):\n    return max(done) + 1"),
        ("gap", "def to_commit(committed, done):\n    return committed + len(done)"),
        (
            "nothing",
            (
                "    while committed",
                "    if not done:\n        return 0\n    while committed",
            ),
        ),
    ),
    "seven-under-way": (("2", "start"), ("0", "answer = 0"), ("more", "answer = 14")),
    "an-offset-in-your-database": (
        ("twice", "start"),
        (
            "lost",
            (ATOMIC, 'yield Save("offset", offset + 1)\n    yield Process(payment)'),
        ),
        ("lost", ("offset + 1", "offset + 2")),
    ),
    "after-an-abort": (
        ("lost", "start"),
        (
            "twice",
            ('return (yield Load("offset"))', "yield Process(payment); return 0"),
        ),
        ("lost", f"def work(offset, payment):\n    {ATOMIC}"),
    ),
    "whose-transactional-id": (
        ("twice", "start"),
        ("lost", ("f\"partition-{worker['partition']}\"", '"payments"')),
    ),
    "a-copy-in-the-log": (
        ("twice", "start"),
        (
            "lost",
            (
                "    yield Once(payment.id, Process(payment))\n"
                '    yield Save("offset", offset + 1)',
                '    yield Save("offset", offset + 1)\n'
                "    yield Once(payment.id, Process(payment))",
            ),
        ),
        ("twice", ("    yield Once(payment.id, Process(payment))", f"    {ATOMIC}")),
    ),
}
