"""The exercises of chapter 1.

Book: 01-the-problem
"""

from __future__ import annotations

from ... import (
    Bounds, Deliver, Duplicate, ProcessThenAck, RetryUntilAcked, Timeout, Trace, payments,
    script, simulate,
)  # fmt: skip
from ...theory.retries import sends_mean_in_order
from ..exercise import Exercise
from ..judges import called, number, ran, searched, steps_of
from ..reader import Defined

PAIR = {"sender": RetryUntilAcked("receiver", payments(1)), "receiver": ProcessThenAck()}
THREE_TRIES = PAIR | {"sender": RetryUntilAcked("receiver", payments(1), attempts_max=3)}
RATIOS = [ratio / 100 for ratio in range(100, 1000)]


def _twice(names: Defined) -> Trace:
    return script(PAIR, *steps_of(names, Deliver, Duplicate, Timeout))


def _cut(names: Defined) -> Trace:
    return simulate(THREE_TRIES, names["network"])


def _share(loss: float, ack_loss: float) -> float:
    return loss * (1 - loss) * ack_loss * (1 - loss)


def _patience() -> float:
    means = ((r, sends_mean_in_order(timeout_s=r, round_trip_s_mean=1.0)) for r in RATIOS)
    return next(ratio for ratio, sends in means if sends - 1 < 0.01)


EXERCISES = (
    Exercise(
        name="cut-wire",
        title="a cut wire",
        question="""
            The sender may try three times, a second apart. Change one line, so that the
            payment is never made and the sender is in doubt. How long has the wire to be cut?
            """,
        start='network = Network(placed={("message", 1): LOST})',
        judge=ran(_cut, "0 in doubt"),
        hints={
            "1 confirmed": """
                One attempt came through, and that is enough. Each message has a number, from
                1, and each attempt is a message.
                """,
            "1 in doubt": "The money has moved: the last message arrived. Lose that one too.",
            "2 in doubt": """
                You lose acks. The sender is in doubt, and the money has moved twice.
                """,
            "3 in doubt": """
                You lose acks. The sender is in doubt, and the money has moved three times.
                The wire has to be cut on the way there.
                """,
        },
        steps=("`placed` may name several packets: `{(kind, number): LOST, …}`.",),
        solution='network = Network(placed={("message", n): LOST for n in (1, 2, 3)})',
        why="""
            Attempts leave at 0, 1 and 2 seconds, and all are lost. The sender gives up: to it
            the payment is in doubt, and in truth it was never made. A wire that is cut for
            longer than the sender is patient defeats every limit of attempts.
            """,
    ),
    Exercise(
        name="twice-without-loss",
        title="twice, and nothing is lost",
        question="""
            Write the steps after which the customer has paid twice and the sender knows that
            it worked. No packet may be lost, and nobody crashes. Packets are numbered as they
            are sent: 1 is the message, 2 its ack.
            """,
        start="steps = [Deliver(1), Deliver(2)]",
        judge=ran(_twice, "2 confirmed"),
        hints={
            "1 confirmed": """
                All went well, and quickly. What if the network copies the message, or if the
                ack takes longer than the sender waits?
                """,
            "2": "The money is there twice. Now let the sender hear of it: deliver an ack.",
            "1": "The sender has heard nothing yet: the ack is on its way.",
            "3 confirmed": "Three times is one too many. Leave one of the copies out.",
        },
        steps=("`Duplicate(1)` copies packet 1. The copy has the next free number.",),
        solution="steps = [Duplicate(1), Deliver(1), Deliver(2), Deliver(3)]",
        why="""
            The network copies the message, and both copies are delivered: packet 2 is the
            copy. A timer that runs out early does the same: `[Deliver(1), Timeout("sender",
            early=True), Deliver(2), Deliver(3)]`. Nothing was lost in either.
            """,
    ),
    Exercise(
        name="as-in-the-diagram",
        title="how often is it like the diagram?",
        question="""
            Messages are lost with probability `loss`, acks with probability `ack_loss`. With
            which probability does a payment begin like this: the message is lost, the second
            one arrives, its ack is lost, the third message arrives?
            """,
        start="def share(loss, ack_loss):\n    return loss * ack_loss",
        judge=called(
            "share",
            _share,
            {"certain": (1.0, 1.0), "arrives": (0.2, 1.0), "acks": (0.2, 0.3)},
        ),
        hints={
            "certain": """
                If every message is lost, none arrives. Arriving is a factor as well: `1 -
                loss`, twice.
                """,
            "arrives": "Two of the messages have to arrive, the second and the third.",
            "acks": "With 20 % and 30 % the product has four factors. Which one is missing?",
        },
        solution="""
def share(loss, ack_loss):
    return loss * (1 - loss) * ack_loss * (1 - loss)
""",
        why="""
            Four things happen one after the other, and each is independent of the others.
            With 20 % and 30 % it is 0.0384: of 5,000 payments 192 begin like this, give or
            take 14.
            """,
    ),
    Exercise(
        name="patience",
        title="patience",
        question="""
            The network loses nothing, and a round trip takes a random time, exponential
            around its mean. How long has the timer to be, in mean round trips, so that on
            average no more than one payment in a hundred is sent twice?
            """,
        start="answer = 2",
        judge=number(_patience, within=0.01),
        hints={
            "2": """
                A timer of two mean round trips looks generous, and 13 in 100 payments are
                sent twice.
                """,
            "100": "The chance falls much faster than the timer grows.",
            "less": """
                Longer: the share of round trips that outlast `T` means is about e to the
                power of minus `T`.
                """,
            "more": "That is safe, and slower than it has to be.",
        },
        steps=("Solve e^-T = 1/100. `import math` is allowed.",),
        solution="import math\n\nanswer = math.log(100)",
        why="""
            For rare duplicates both closed forms of the chapter are near e^-T, the chance
            that one round trip outlasts one timer. So T is ln 100, about 4.6, on a queue and
            on a link where packets overtake each other.
            """,
    ),
    Exercise(
        name="first-receiver",
        title="a receiver that is not fooled",
        question="""
            Write a receiver that processes each payment once, though one packet may be lost
            and one copied. Nobody crashes. `Mark(id)` writes down that an id was seen, and
            `(yield IsMarked(id))` asks for it. The search tries every run.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            lambda names: PAIR | {"receiver": names["Mine"]()},
            Bounds(losses=1, duplicates=1, crashes=0),
        ),
        hints={
            "twice": """
                Each copy is processed as if it were the first. Ask whether the id is marked
                before you process, and mark it when you have.
                """,
            "lost": """
                There is a run after which the payment is never processed. Does your code
                reach `Process` when the id is new?
                """,
        },
        steps=("`if not (yield IsMarked(payload.id)):` and below it, indented, two effects.",),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if not (yield IsMarked(payload.id)):
            yield Process(payload)
            yield Mark(payload.id)
        yield Send(source, Ack(payload.id))
""",
        why="""
            A copy is only acked. The ack stands outside of the `if`, since the ack of the
            first copy may have been lost. Whether it is better to mark before or after
            processing shows when somebody crashes: that is the next chapters' subject.
            """,
    ),
)  # fmt: skip
