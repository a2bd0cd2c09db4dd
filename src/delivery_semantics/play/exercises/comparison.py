"""The exercises of chapter 9.

Book: 09-comparison-table
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ... import (
    Bounds, Crash, Deliver, Lose, MarkThenProcess, Restart, RetryUntilAcked, Timeout, Trace,
    payments, script,
)  # fmt: skip
from ...theory.retries import Model
from ..exercise import Exercise
from ..judges import called, number, ran, searched, steps_of
from ..reader import Defined

SENDER = {"sender": RetryUntilAcked("receiver", payments(1))}
FIFTH = Fraction(1, 5)
MILLIONTH = Fraction(1, 10**6)


def _in_doubt() -> int:
    return Model(loss=FIFTH, ack_loss=FIFTH).attempts_needed(in_doubt=MILLIONTH)


def _row(times: Sequence[int]) -> str:
    lost, twice = min(times, default=1) < 1, max(times, default=1) > 1
    return {
        (False, False): "exactly once", (True, False): "at most once",
        (False, True): "at least once", (True, True): "none",
    }[lost, twice]  # fmt: skip


def _gone(names: Defined) -> Trace:
    ends = SENDER | {"receiver": MarkThenProcess()}
    return script(ends, *steps_of(names, Deliver, Crash, Restart, Timeout, Lose))


EXERCISES = (
    Exercise(
        name="the-price-of-a-mark",
        title="what the mark costs",
        question="""
            The receiver marks, processes, acks. Change the steps, so that the payment is lost
            and the sender takes it for done. One crash is enough.
            """,
        start="""
steps = [
    Deliver(1),
    Crash("receiver", before=Mark),
    Restart("receiver"),
    Timeout("sender"),
    Deliver(2),
    Deliver(3),
]
""",
        judge=ran(_gone, "0 confirmed"),
        hints={
            "1 confirmed": """
                It crashed before it had marked, so the next copy was new. When is the mark
                written and the money not moved?
                """,
            "0": """
                It is lost. The sender has still to ask again, and to be told that all is
                well.
                """,
        },
        solution="""
steps = [
    Deliver(1),
    Crash("receiver", before=Process),
    Restart("receiver"),
    Timeout("sender"),
    Deliver(2),
    Deliver(3),
]
""",
        why="""
            The mark says that the payment was seen, and the retry is acked because of it. At
            most once: the row of the table that loses, and says nothing.
            """,
    ),
    Exercise(
        name="which-row",
        title="which row is it?",
        question="""
            `times` says for each message how often it was processed. Write a function that
            returns the row of the table that these messages belong to: "exactly once", "at
            most once", "at least once" or "none".
            """,
        start="""
def row(times):
    return "at least once" if max(times) > 1 else "exactly once"
""",
        judge=called(
            "row",
            _row,
            {
                "lost": ([1, 0, 1],),
                "both": ([0, 2],),
                "repeated": ([1, 3],),
                "right": ([1, 1],),
            },
        ),
        hints={
            "lost": "One message is missing, and none is repeated.",
            "both": "One lost and one repeated: no row promises that.",
            "repeated": "Nothing is missing, and something is repeated.",
            "right": "Each was processed once.",
        },
        solution="""
def row(times):
    lost, twice = min(times) < 1, max(times) > 1
    if lost and twice:
        return "none"
    return "at most once" if lost else "at least once" if twice else "exactly once"
""",
        why="""
            Two questions, four answers: is anything missing, is anything repeated? What a run
            shows is not yet a promise: for that every run has to be searched.
            """,
    ),
    Exercise(
        name="attempts-for-a-million",
        title="attempts for a million",
        question="""
            20 % of the messages and 20 % of the acks are lost. How many attempts does a
            sender need, so that less than one payment in a million is in doubt at the end?
            """,
        start="answer = 9",
        judge=number(_in_doubt),
        hints={
            "9": """
                With nine attempts less than one in a million is lost. In doubt is more: the
                ack has to come back as well.
                """,
            "less": "An attempt leaves doubt if its message or its ack is lost.",
            "more": "Fewer are enough.",
        },
        steps=("An attempt leaves doubt with the chance 1 - 0.8², which is 0.36.",),
        solution="answer = next(k for k in range(1, 99) if (1 - 0.8**2) ** k < 10**-6)",
        why="""
            0.36 to the power of k is below one in a million from 14 on. The other five
            attempts are spent on knowing.
            """,
    ),
    Exercise(
        name="two-halves",
        title="two halves",
        question="""
            A guarantee needs both ends. Choose a sender and a receiver of the package whose
            payment is processed exactly once, with one loss, one copy and one crash.
            """,
        start="""
sender = FireAndForget("receiver", payments(1))
receiver = ProcessOnce()
""",
        judge=searched(
            lambda names: {"sender": names["sender"], "receiver": names["receiver"]},
            Bounds(losses=1, duplicates=1, crashes=1),
        ),
        hints={
            "lost": """
                A receiver cannot process what is not sent again, nor what it has acked and
                not done. Which sender insists, and which receiver keeps its word?
                """,
            "twice": """
                A sender that insists makes copies. Which receiver processes and marks in one
                step?
                """,
        },
        solution="""
sender = RetryUntilAcked("receiver", payments(1))
receiver = ProcessOnce()
""",
        why="""
            At least once from the sender, at most once from the receiver: together exactly
            once. Each half alone is another row of the table.
            """,
    ),
    Exercise(
        name="a-choice-of-mistakes",
        title="choose your mistake",
        question="""
            No transaction contains this effect: only `Process`, `Mark` and `IsMarked` are
            there. A second payment would cost far more than a missing one. Write the
            receiver: never twice, whatever happens.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Process(payload)
        yield Mark(payload.id)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            lambda names: SENDER | {"receiver": names["Mine"]()},
            Bounds(losses=1, duplicates=1, crashes=1),
            allows=("lost",),
        ),
        hints={
            "twice": """
                Somewhere it works before it has marked, or marks and does not ask. The order
                is: ask, mark, process.
                """,
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if not (yield IsMarked(payload.id)):
            yield Mark(payload.id)
            yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        why="""
            Where no step can hold both, the order decides which mistake you make. Choose it
            by its price, and say so to whoever depends on you.
            """,
    ),
)
