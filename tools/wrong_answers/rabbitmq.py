"""Wrong answers to the exercises of chapter 12."""

from __future__ import annotations

from .answer import Wrong

ONCE = "            yield Once(payload.id, Process(payload))\n"
HEARD = '"stored" if "ack" in heard else "send again"'
UNTIL = "confirmed = False\n            while not confirmed:"

WRONG: dict[str, tuple[Wrong, ...]] = {
    "what-is-a-copy": (
        ("published twice", "start"),
        (
            "not looked at",
            (
                'delivery["message_id"] in seen',
                'delivery["redelivered"] or delivery["message_id"] in seen',
            ),
        ),
        ("new", ('delivery["message_id"] in seen', 'not delivery["redelivered"]')),
    ),
    "what-the-publisher-heard": (
        ("returned", "start"),
        ("nacked", ('if "ack" in heard', "if heard")),
        ("cut", (HEARD, '"send again" if "nack" in heard else "stored"')),
        ("stored", (HEARD, '"send again"')),
    ),
    "acks-in-bulk": (("9", "start"), ("1", "answer = 1"), ("20", "answer = 20")),
    "an-ack-in-any-case": (
        ("lost", "start"),
        ("twice", ("yield Once(payload.id, Process(payload))", "yield Process(payload)")),
    ),
    "numbers-that-rise": (
        ("lost", "start"),
        ("lost", (UNTIL, "for _ in range(1):")),
        (
            "twice",
            (
                '                yield Send("stream", payment)\n'
                "                confirmed = yield Receive(Ack(payment.id), 1.0)\n",
                "                yield Process(payment)\n                confirmed = True\n",
            ),
        ),
    ),
    "put-aside": (
        ("lost", "start"),
        (
            "lost",
            (
                "            if not (yield Receive(Ack(payload.id), 1.0)):\n"
                "                return\n",
                "",
            ),
        ),
        ("carried out", ("if payload.amount == 0:", "if payload.amount < 0:")),
        ("good one aside", ("if payload.amount == 0:", "if payload.amount >= 0:")),
        ("twice", (ONCE, "            yield Process(payload)\n")),
    ),
}
