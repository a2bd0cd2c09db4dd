"""The exercises of chapter 3.

Book: 03-at-most-once
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ... import (
    Bounds, Deliver, Duplicate, FireAndForget, Lose, ProcessOnly, RetryUntilAcked, Trace,
    payments, script,
)  # fmt: skip
from ...theory.retries import any_of
from ..exercise import Exercise
from ..judges import called, number, ran, searched, steps_of
from ..reader import Defined

FIRED = {"sender": FireAndForget("receiver", payments(1)), "receiver": ProcessOnly()}
TWO = {"sender": RetryUntilAcked("receiver", payments(2))}


def _copied(names: Defined) -> Trace:
    return script(FIRED, *steps_of(names, Deliver, Duplicate, Lose))


def _needed() -> int:
    return next(count for count in range(1, 200) if any_of(count, 0.01) > 0.5)


def _increases(totals: Sequence[int]) -> int:
    return sum(b - a if b >= a else b for a, b in pairwise([0, *totals]))


EXERCISES = (
    Exercise(
        name="fired-once",
        title="fired once, there twice",
        question="""
            The sender sends once and forgets. Add one step, so that the customer pays twice
            all the same.
            """,
        start="steps = [Deliver(1)]",
        judge=ran(_copied, "2"),
        hints={
            "1": "One packet, delivered once. Who else can make a packet?",
            "0": "Lost or on its way: the money has not moved at all.",
        },
        steps=("`Duplicate(1)` is the network's doing. The copy is packet 2; deliver both.",),
        solution="steps = [Duplicate(1), Deliver(1), Deliver(2)]",
        why="""
            A sender that never repeats itself is half of at-most-once. The other half is a
            receiver that skips copies, or a network that makes none.
            """,
    ),
    Exercise(
        name="one-lost",
        title="how soon is one lost?",
        question="""
            1 % of the messages are lost, independently. How many must you send before it is
            more likely than not that at least one is lost?
            """,
        start="answer = 100",
        judge=number(_needed),
        hints={
            "100": """
                At 100 one is lost on average, and averages are not chances: at least one is
                lost in 63 % of the runs.
                """,
            "50": "Half of a hundred gives 39 %. The chances of single messages do not add up.",
            "less": "That all arrive has the chance 0.99 to the power of the number.",
            "more": """
                It is likely before. When does 0.99 to the power of the number fall below one
                half?
                """,
        },
        solution="answer = next(n for n in range(1, 200) if 0.99**n < 0.5)",
        why="All arrive with the chance 0.99^n, which falls below one half at 69.",
    ),
    Exercise(
        name="a-total-that-falls",
        title="a total that starts again",
        question="""
            A server counts events in memory and reports totals. After a crash it begins again
            at zero: 5, 11, 18, 3, 9. Write a function that returns of how many events you can
            be sure.
            """,
        start="def events(totals):\n    return totals[-1]",
        judge=called(
            "events",
            _increases,
            {
                "restart": ([5, 11, 18, 3, 9],),
                "twice": ([5, 2, 8, 1],),
                "rising": ([4, 4, 6],),
                "none": ([],),
            },
        ),
        hints={
            "restart": """
                A total that falls means a restart. What was counted before has happened all
                the same.
                """,
            "twice": "It may crash more than once: each fall begins a new count.",
            "rising": "Where nothing falls, the last total is right.",
            "none": "No report, no event.",
        },
        steps=("Add up the increases; after a fall take the new total as it is.",),
        solution="""
def events(totals):
    sure, before = 0, 0
    for total in totals:
        sure += total - before if total >= before else total
        before = total
    return sure
""",
        why="""
            18 + 9 = 27. Gone is what happened between the report of 18 and the crash: it was
            in memory, and nobody had heard of it. A counter on disk would keep it.
            """,
    ),
    Exercise(
        name="a-sender-that-forgets-nothing",
        title="a sender that may crash",
        question="""
            Write a sender that sends each of two payments at most once, though it may crash
            once. `Save(key, value)` keeps a number on disk, `(yield Load(key))` reads it, 0
            at first. A payment may be lost. The receiver processes whatever arrives.
            """,
        start="""
class Mine(Passive):
    messages = payments(2)

    def start(self):
        for message in self.messages:
            yield Send("receiver", message)
""",
        judge=searched(
            lambda names: {"sender": names["Mine"](), "receiver": ProcessOnly()},
            Bounds(losses=0, duplicates=0, crashes=1, crashable=("sender",)),
            allows=("lost",),
        ),
        hints={
            "twice": """
                `start` runs after each restart as well, and sends again what it sent. Note on
                disk that a payment is sent, and before it is.
                """,
        },
        steps=("`first = yield Load('sent')`, and go on from there.",),
        solution="""
class Mine(Passive):
    messages = payments(2)

    def start(self):
        first = yield Load("sent")
        for number in range(first, len(self.messages)):
            yield Save("sent", number + 1)
            yield Send("receiver", self.messages[number])
""",
        why="""
            A crash between the note and the sending loses a payment, and never repeats one.
            With the note after the sending it is the other way round.
            """,
    ),
    Exercise(
        name="one-number",
        title="one number instead of all ids",
        question="""
            The ids are numbers, and the sender sends one payment at a time, so one number is
            enough: the highest that was processed. This receiver loses a payment if it
            crashes. Mend it. `Atomic(effect, …)` is one step that a crash cannot divide.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if int(payload.id) > (yield Load("newest")):
            yield Save("newest", int(payload.id))
            yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            lambda names: TWO | {"receiver": names["Mine"]()},
            Bounds(losses=1, duplicates=1, crashes=1, crashable=("receiver",)),
        ),
        hints={
            "lost": """
                The number stands on disk, and the money has not moved: a crash between the
                two, and the payment is old for ever.
                """,
            "twice": """
                Now the money moves first, and a crash before `Save` makes it new again. Any
                order is wrong. Can both be one step?
                """,
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if int(payload.id) > (yield Load("newest")):
            yield Atomic(Process(payload), Save("newest", int(payload.id)))
        yield Send(source, Ack(payload.id))
""",
        why="""
            The number and the money change together, or neither does. It needs a sender that
            waits for each ack: if two payments could overtake each other, the lower one would
            be lost.
            """,
    ),
)
