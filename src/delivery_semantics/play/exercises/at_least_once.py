"""The exercises of chapter 4.

Book: 04-at-least-once
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ... import (
    Bounds, Deliver, Lose, Participant, Passive, ProcessOnce, ProcessThenAck, Relay,
    RetryUntilAcked, Timeout, Trace, payments, script, simulate,
)  # fmt: skip
from ...show.picture import how_many
from ...theory.retries import Model
from ..exercise import Exercise
from ..judges import called, number, ran, searched, steps_of, tried
from ..reader import Defined

ONE_TRY = {
    "sender": RetryUntilAcked("receiver", payments(1), attempts_max=1),
    "receiver": ProcessThenAck(),
}


def _doubt(names: Defined) -> Trace:
    return script(ONE_TRY, *steps_of(names, Deliver, Lose, Timeout))


def _attempts(loss: float, target: float) -> int:
    exact = Model(loss=Fraction(str(loss)))
    return exact.attempts_needed(undelivered=Fraction(str(target)))


def _layers(attempts: Mapping[str, int]) -> Mapping[str, Participant]:
    b_s = 2.0 * attempts["B"] + 1
    a_s = b_s * attempts["A"] + 1
    return {
        "client": RetryUntilAcked(
            "A", payments(1), timeout_s=a_s, attempts_max=attempts["client"]
        ),
        "A": Relay("B", timeout_s=b_s, attempts_max=attempts["A"]),
        "B": Relay("database", timeout_s=2.0, attempts_max=attempts["B"]),
        "database": Passive(),
    }


def _one_layer(names: Defined) -> tuple[str, str]:
    run = simulate(_layers(names["attempts"]))
    calls = sum(event.who == "database" for event in run.of("delivered"))
    said = f"The database is called {how_many(calls, 'time')} for one payment."
    return ("" if calls == 3 else "more" if calls > 3 else "less"), said


EXERCISES = (
    Exercise(
        name="in-doubt",
        title="paid, and in doubt",
        question="""
            The sender makes one attempt. Change the steps, so that the payment is made and
            the sender does not know it: it is in doubt.
            """,
        start="steps = [Deliver(1), Deliver(2)]",
        judge=ran(_doubt, "1 in doubt"),
        hints={
            "1 confirmed": "The ack came back. Lose it, and let the sender's timer run out.",
            "0 in doubt": "In doubt it is, but the payment was not made: you lost the message.",
            "1": "The sender still waits. `Timeout('sender')` ends its patience.",
        },
        solution='steps = [Deliver(1), Lose(2), Timeout("sender")]',
        why="""
            To the sender this is the same as a lost message: it has sent, and heard nothing.
            “In doubt” is all that it can honestly say, and it is not “failed”.
            """,
    ),
    Exercise(
        name="one-layer-retries",
        title="retry in one place",
        question="""
            A client calls A, A calls B, and B calls a database that never answers. Each makes
            up to three attempts, and the database is called 27 times. Change the numbers, so
            that it is called three times.
            """,
        start='attempts = {"client": 3, "A": 3, "B": 3}',
        judge=tried(_one_layer),
        hints={
            "more": "Attempts multiply from layer to layer. How many layers may retry?",
            "less": "Now nobody retries enough. One layer has to make three attempts.",
        },
        solution='attempts = {"client": 3, "A": 1, "B": 1}',
        why="""
            3 · 1 · 1, in whichever layer the 3 stands. The layer above the database repeats
            the least work. The client is the one who knows whether anybody still waits for
            the answer.
            """,
    ),
    Exercise(
        name="copies-to-expect",
        title="how many duplicates?",
        question="""
            10 % of the messages and 10 % of the acks are lost, and the sender never gives up.
            How many duplicates of a payment are processed, on average?
            """,
        start="answer = 0.19",
        judge=number(lambda: float(Model(loss=0.1, ack_loss=0.1).duplicates_mean())),
        hints={
            "0.19": """
                0.19 is the chance that an attempt is not acked. A lost message makes no
                duplicate.
                """,
            "0.1": """
                Nearly. A lost ack brings one more delivery, and the ack of that one may be
                lost as well.
                """,
            "more": "Only lost acks make duplicates: the lost messages never arrived.",
            "less": "Each lost ack makes one, and its successor may lose its ack again.",
        },
        solution="answer = 0.1 / (1 - 0.1)",
        why="""
            Q + Q² + Q³ + … = Q / (1 - Q) = 0.111. The loss of messages does not appear in it:
            it makes attempts, and no duplicates.
            """,
    ),
    Exercise(
        name="down-to-a-target",
        title="attempts down to a target",
        question="""
            Each message is lost with probability `loss`. Write a function that returns how
            many attempts bring the chance that none arrives down to `target`.
            """,
        start="def attempts(loss, target):\n    return round(1 / loss)",
        judge=called(
            "attempts",
            _attempts,
            {"half": (0.5, 0.01), "rare": (0.05, 1e-9), "tenths": (0.1, 0.001)},
        ),
        hints={
            "half": """
                None of k attempts arrives with the chance `loss**k`. Which k is the first
                that is small enough?
                """,
            "rare": "Seven attempts: 0.05 to the power of 7 is below one in a billion.",
            "tenths": """
                Three tenths multiplied are one in a thousand exactly, but `0.1**3` is
                0.0010000000000000002. Count with `Fraction(str(loss))`.
                """,
        },
        steps=("`from fractions import Fraction` gives numbers that are not rounded.",),
        solution="""
from fractions import Fraction


def attempts(loss, target):
    loss, target = Fraction(str(loss)), Fraction(str(target))
    k = 1
    while loss**k > target:
        k += 1
    return k
""",
        why="""
            Down to means that the target itself is good enough. Where numbers meet it
            exactly, a binary fraction is a little off, and one attempt too many is the
            answer.
            """,
    ),
    Exercise(
        name="a-sender-that-insists",
        title="a sender that does not give up",
        question="""
            Write a sender whose payment arrives, though one packet may be lost and each end
            may crash once. `(yield Receive(Ack(id), 1.0))` waits a second for the ack and is
            False if it did not come.
            """,
        start="""
class Mine(Passive):
    messages = payments(1)

    def start(self):
        for message in self.messages:
            yield Send("receiver", message)
            yield Receive(Ack(message.id), 1.0)
""",
        judge=searched(
            lambda names: {"sender": names["Mine"](), "receiver": ProcessOnce()},
            Bounds(losses=1, duplicates=0, crashes=1),
        ),
        hints={
            "lost": """
                After the last attempt nobody asks again. A loss takes one attempt, and an
                outage may last longer than any number of them.
                """,
        },
        steps=("Send again and again, for as long as `Receive` says False.",),
        solution="""
class Mine(Passive):
    messages = payments(1)

    def start(self):
        for message in self.messages:
            acked = False
            while not acked:
                yield Send("receiver", message)
                acked = yield Receive(Ack(message.id), 1.0)
""",
        why="""
            No fixed number of attempts outlasts every outage, so the search breaks each of
            them. After a crash this sender begins again, which is harmless: the receiver
            knows the id.
            """,
    ),
)
