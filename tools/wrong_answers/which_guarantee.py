"""Wrong answers to the exercises of chapter 16."""

from __future__ import annotations

from .answer import Wrong

WRONG: dict[str, tuple[Wrong, ...]] = {
    "a-mail-that-may-come-twice": (
        ("lost", "start"),
        ("an id kept", ("ProcessThenAck()", "ProcessOnce()")),
        ("lost", ("ProcessThenAck()", "AckThenProcess()")),
    ),
    "a-window-in-a-gigabyte": (
        ("277", "start"),
        ("15,625", "answer = 15_625"),
        ("less", "answer = 1"),
    ),
    "from-which-loss-on": (
        ("0.001", "start"),
        ("more", "answer = 1 / 30"),
        ("less", "answer = 0.001 / 300"),
    ),
    "three-questions": (
        ("nothing", "start"),
        ("repeated", ('return "at least once"', 'return "one commit"')),
        ("none", ('"choose your mistake"', '"pass a key on"')),
    ),
    "an-honest-book": (
        ("missing, and nobody knows", "start"),
        ("a false alarm", ('yield Save("book", "paid")', "pass")),
        ("twice", ('if (yield Load("book")) == 0:', 'if (yield Load("book")) != "paid":')),
    ),
}
