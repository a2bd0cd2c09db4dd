"""Wrong answers that readers give, and the hint that each has to be given.

An answer is a name of a hint and the code; where a pair (old, new) stands for the code, it is
the solution with that part of it changed. "start" is the code that the exercise begins with.
"""

from __future__ import annotations

Wrong = tuple[str, str | tuple[str, str]]

WRONG: dict[str, tuple[Wrong, ...]] = {
    # 01-the-problem
    "cut-wire": (
        ("1 confirmed", "start"),
        ("1 confirmed", ("(1, 2, 3)", "(1, 2)")),
        ("3 in doubt", ('"message"', '"ack"')),
    ),
    "twice-without-loss": (
        ("1 confirmed", "start"),
        ("2", ("Deliver(2), Deliver(3)", "Deliver(2)")),
    ),
    "as-in-the-diagram": (
        ("certain", "start"),
        ("arrives", ("* ack_loss * (1 - loss)", "* ack_loss")),
    ),
    "patience": (("2", "start"), ("more", "answer = 10")),
    "first-receiver": (
        ("twice", "start"),
        ("twice", ("            yield Mark(payload.id)\n", "")),
        ("lost", ("if not (", "if (")),
    ),
    # 02-delivery-semantics
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
    # 03-at-most-once
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
    # 04-at-least-once
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
    # 05-exactly-once-a-myth
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
    # 06-idempotent-operations
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
    # 07-deduplication
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
    # 08-stripe-idempotency
    "whose-key": (
        ("content", "start"),
        ("attempt", ("request['order']", "request['attempt']")),
    ),
    "what-is-retried": (
        ("400", "start"),
        ("kept", ("if should_retry:", "if should_retry == 'true':")),
        ("cut", ("(0, 409)", "(409,)")),
    ),
    "how-long-a-key-counts": (("12", "start"), ("23", "answer = 23"), ("more", "answer = 48")),
    "passing-the-key-on": (
        ("charged twice", "start"),
        ("lost", ("acked = False", "acked = True")),
    ),
    "an-outbox": (
        ("no receipt", "start"),
        (
            "no receipt",
            (
                '            yield Send("customer", Message(f"receipt {id}", 0))\n'
                '            yield Save("outbox", 0)\n',
                '            yield Save("outbox", 0)\n'
                '            yield Send("customer", Message(f"receipt {id}", 0))\n',
            ),
        ),
    ),
    # 09-comparison-table
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
    # 17-key-takeaways
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
