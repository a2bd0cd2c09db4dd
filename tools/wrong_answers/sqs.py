"""Wrong answers to the exercises of chapter 13."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "a-body-with-an-id": (
        ("content", "start"),
        ("attempt", ("request['order']", "request['sent_at']")),
    ),
    "brought-back": (
        ("lost", "start"),
        ("lost", ('            yield Send("queue", Message(f"{payload.id}/again"))\n', "")),
    ),
    "who-waits": (
        ("blocked", "start"),
        ("one", ("            blocked.add(group)\n", "")),
    ),
    "handed-over-how-often": (
        ("lost", "start"),
        ("lost", ("=3", "=2")),
        ("mistake", ("=3", "=None")),
    ),
    "a-heartbeat": (
        ("2 confirmed", "start"),
        ("2 confirmed", ("(20.0, 20.0, 20.0, 10.0)", "(35.0, 35.0)")),
        ("0 confirmed", ("        yield Process(payload)\n", "")),
    ),
    "a-consumer-for-any-queue": (
        ("twice", "start"),
        (
            "lost",
            (
                "        yield Wait(20.0)\n        yield Send(source, Extend",
                "        yield Send(source, Ack(payload.id))\n        yield Wait(20.0)\n"
                "        yield Send(source, Extend",
            ),
        ),
    ),
}
