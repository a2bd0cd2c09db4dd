"""The exercises of chapter 5.

Book: 05-exactly-once-a-myth
"""

from __future__ import annotations

from ... import (
    Bounds, Crash, Deliver, ProcessOnce, ProcessOnly, ProcessThenMark, Restart, RetryUntilAcked,
    Timeout, Trace, explore, payments, script,
)  # fmt: skip
from ...core.world import World
from ..exercise import Exercise
from ..judges import number, ran, searched, steps_of
from ..reader import Defined

SENDER = {"sender": RetryUntilAcked("receiver", payments(1))}
EVERYBODY = Bounds(losses=1, duplicates=1, crashes=1)
RECEIPTS = Bounds(
    losses=1, duplicates=0, crashes=1, crashable=("receiver",),
    links=(("sender", "receiver"), ("receiver", "sender")),
)  # fmt: skip


def no_receipt(world: World) -> bool:
    """Whether the sender takes the payment for done, and no receipt is there or on its way."""
    done = world.stores["sender"].settled.get("1") == "confirmed"
    under_way = any(packet.target == "customer" for packet in world.packets.values())
    return done and not under_way and not world.stores["customer"].processed


def _twice(names: Defined) -> Trace:
    ends = SENDER | {"receiver": ProcessThenMark()}
    return script(ends, *steps_of(names, Deliver, Crash, Restart, Timeout))


def _enough() -> int:
    def holds(attempts: int) -> bool:
        sender = RetryUntilAcked("receiver", payments(1), attempts_max=attempts)
        bounds = Bounds(losses=3, duplicates=0, crashes=0)
        return explore({"sender": sender, "receiver": ProcessOnce()}, bounds).holds

    return next(attempts for attempts in range(1, 9) if holds(attempts))


EXERCISES = (
    Exercise(
        name="one-crash-twice",
        title="one crash, two payments",
        question="""
            The receiver processes, marks, acks. Change the steps, so that the customer pays
            twice and the sender knows that it worked. Nothing is lost or copied by the
            network.
            """,
        start="""
steps = [
    Deliver(1),
    Crash("receiver", before=Process),
    Restart("receiver"),
    Timeout("sender"),
    Deliver(2),
    Deliver(3),
]
""",
        judge=ran(_twice, "2 confirmed"),
        hints={
            "1 confirmed": """
                The money had not moved when it crashed. Where is the gap between what it has
                done and what it remembers?
                """,
            "1": "The sender waits. Let its timer run out and deliver what it sends.",
            "2": "Paid twice. The sender has still to hear of it: deliver the ack.",
        },
        solution="""
steps = [
    Deliver(1),
    Crash("receiver", before=Mark),
    Restart("receiver"),
    Timeout("sender"),
    Deliver(2),
    Deliver(3),
]
""",
        why="""
            One word. Between `Process` and `Mark` the receiver has done what it does not
            know. There is such a gap in whichever order two steps stand.
            """,
    ),
    Exercise(
        name="enough-attempts",
        title="how many attempts are enough?",
        question="""
            The receiver is `ProcessOnce`, nobody crashes, and up to three packets may be
            lost. The sender gives up after some attempts. What is the smallest number with
            which no run loses the payment?
            """,
        start="answer = 3",
        judge=number(_enough),
        hints={
            "3": """
                Three losses can be the three messages. It is the sender that broke the
                promise.
                """,
            "less": "Each loss can take one attempt. How many are left?",
            "more": "That is enough, and more than enough.",
        },
        solution="answer = 3 + 1",
        why="""
            One more than there can be losses. Nobody knows that number beforehand, which is
            why a sender that must not lose anything never gives up.
            """,
    ),
    Exercise(
        name="exactly-once",
        title="the receiver of this chapter",
        question="""
            One packet may be lost, one copied, and anybody may crash once. Write a receiver
            that processes the payment exactly once in every run. `Once(id, Process(payload))`
            processes unless the id is marked, and marks it, in one step.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if not (yield IsMarked(payload.id)):
            yield Process(payload)
            yield Mark(payload.id)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(lambda names: SENDER | {"receiver": names["Mine"]()}, EVERYBODY),
        hints={
            "twice": """
                The shortest run crashes between `Process` and `Mark`. Put both into one step.
                """,
            "lost": "It is marked, or acked, and not processed. What must a crash not divide?",
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Once(payload.id, Process(payload))
        yield Send(source, Ack(payload.id))
""",
        why="""
            Delivered it may be several times: `Once` skips what is marked. Processed it is
            once, since no crash falls between the effect and the mark.
            """,
    ),
    Exercise(
        name="without-once",
        title="the same from its parts",
        question="""
            `Once` is short for an `Atomic`: one transaction of several effects. Write the
            receiver without `Once`. `Atomic(…, unless_marked=id)` does nothing where the id
            is marked.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Atomic(Process(payload), Mark(payload.id))
        yield Send(source, Ack(payload.id))
""",
        judge=searched(lambda names: SENDER | {"receiver": names["Mine"]()}, EVERYBODY),
        hints={
            "twice": """
                Nothing asks for the mark, so each copy processes and marks once more. The
                question has to be part of the transaction.
                """,
            "lost": "The ack has left before the transaction, and a crash came between.",
        },
        steps=("`unless_marked=payload.id` stands after the two effects.",),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Atomic(Process(payload), Mark(payload.id), unless_marked=payload.id)
        yield Send(source, Ack(payload.id))
""",
        why="""
            Asked outside, the answer could be old by the time it is used: with two copies at
            once both would hear “no”. Here asking, processing and marking are one.
            """,
    ),
    Exercise(
        name="the-receipt",
        title="the mail after the transaction",
        question="""
            The customer is to get a receipt by mail, which no transaction contains. This
            receiver sends it only when it has processed. Change it, so that the sender never
            takes a payment for done whose receipt is missing. A second receipt is allowed.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if (yield Once(payload.id, Process(payload))):
            yield Send("customer", Message(f"receipt {payload.id}", 0))
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            lambda names: SENDER | {"receiver": names["Mine"](), "customer": ProcessOnly()},
            RECEIPTS,
            allows=("twice",),
            never={"no receipt": no_receipt},
        ),
        hints={
            "no receipt": """
                A crash between the transaction and the mail, and the retry finds the id
                marked. Which copies of the payment may send a mail? And may the ack go first?
                """,
            "lost": "The payment itself has to be processed in every run.",
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Once(payload.id, Process(payload))
        yield Send("customer", Message(f"receipt {payload.id}", 0))
        yield Send(source, Ack(payload.id))
""",
        why="""
            Each copy sends a mail before it is acked: at least one, perhaps two. Outside of
            the transaction you choose between “perhaps none” and “perhaps two”; exactly one
            needs a mail server that knows the id.
            """,
    ),
)
