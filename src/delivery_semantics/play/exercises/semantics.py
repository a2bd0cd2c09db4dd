"""The exercises of chapter 2.

Book: 02-delivery-semantics
"""

from __future__ import annotations

from ... import (
    AckThenProcess, Bounds, Crash, Deliver, FireAndForget, ProcessThenMark, Restart,
    RetryUntilAcked, Trace, explore, payments, script,
)  # fmt: skip
from ..exercise import Exercise
from ..judges import number, ran, searched, steps_of
from ..reader import Defined

SENDER = {"sender": RetryUntilAcked("receiver", payments(1))}
RECEIVER_CRASHES = Bounds(losses=1, duplicates=0, crashes=1, crashable=("receiver",))
LATE = {"sender": FireAndForget("receiver", payments(1)), "receiver": ProcessThenMark()}


def _most() -> int:
    bounds = Bounds(losses=0, duplicates=1, crashes=1, crashable=("receiver",))
    found = explore(LATE, bounds)
    return max(times for outcome in found.outcomes for _, times, _ in outcome)


def _lost(names: Defined) -> Trace:
    ends = SENDER | {"receiver": AckThenProcess()}
    return script(ends, *steps_of(names, Deliver, Crash, Restart))


EXERCISES = (
    Exercise(
        name="lost-though-acked",
        title="acked, and lost",
        question="""
            The receiver acks, then processes. Add one step, so that the sender knows that it
            worked and the money never moved. `Crash("receiver", before=Process)` stops the
            receiver there.
            """,
        start="steps = [Deliver(1), Deliver(2)]",
        judge=ran(_lost, "0 confirmed"),
        hints={
            "1 confirmed": "The receiver did both. Let it crash between its two effects.",
            "0": """
                It crashed, and the sender has not heard of the payment. Deliver the ack too.
                """,
        },
        steps=("Packet 1 is the message. The crash belongs right after its delivery.",),
        solution='steps = [Deliver(1), Crash("receiver", before=Process), Deliver(2)]',
        why="""
            The ack had left before the work was done. It says that the message arrived, and
            the sender takes it for done. Nobody will ask again.
            """,
    ),
    Exercise(
        name="send-once-mark-late",
        title="sent once, marked late",
        question="""
            A sender sends once. The receiver processes, then marks, and skips what is marked.
            The network may copy one packet, and the receiver may crash once. How often can
            the payment be processed at the most?
            """,
        start="answer = 1",
        judge=number(_most),
        hints={
            "1": """
                Sent once is not delivered once: the network may copy. What if the crash falls
                between process and mark?
                """,
            "3": "There are two copies and one crash. No copy is processed more than once.",
            "0": "That is the least: both copies may be refused while the receiver is down.",
        },
        solution="answer = 2",
        why="""
            It processes the first copy, crashes before it has marked, and processes the
            second. At the least it is 0: the crash comes first, and both copies are refused
            while it is down.
            """,
    ),
    Exercise(
        name="never-lost",
        title="at least once",
        question="""
            The sender retries. One packet may be lost, and the receiver may crash once.
            Change the order of the lines, so that no payment is lost. Twice is allowed here.
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Send(source, Ack(payload.id))
        yield Process(payload)
""",
        judge=searched(
            lambda names: SENDER | {"receiver": names["Mine"]()},
            RECEIVER_CRASHES,
            allows=("twice",),
        ),
        hints={
            "lost": """
                The ack ends the sender's patience. After it, nobody sends again what a crash
                has left undone. When may it leave at the earliest?
                """,
        },
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        why="""
            What is acked has been processed. A crash between the two lets the sender ask
            again, so the payment may be processed twice: at least once.
            """,
    ),
    Exercise(
        name="never-twice",
        title="at most once",
        question="""
            The same sender, which retries. Now no payment may be processed twice, whatever
            crashes. That one is lost is allowed here. Which two lines change places?
            """,
        start="""
class Mine(Passive):
    def receive(self, source, payload):
        if not (yield IsMarked(payload.id)):
            yield Process(payload)
            yield Mark(payload.id)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            lambda names: SENDER | {"receiver": names["Mine"]()},
            RECEIVER_CRASHES,
            allows=("lost",),
        ),
        hints={
            "twice": """
                A crash after `Process` and before `Mark` makes it forget what it has done.
                What has to be on disk before the money moves?
                """,
        },
        steps=("Mark first. A crash then costs the payment, and never repeats it.",),
        solution="""
class Mine(Passive):
    def receive(self, source, payload):
        if not (yield IsMarked(payload.id)):
            yield Mark(payload.id)
            yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        why="""
            The mark says “I will”, and not “I have”. After a crash between the two it still
            stands, and the payment is skipped for ever: at most once.
            """,
    ),
    Exercise(
        name="ids-on-self",
        title="where are the ids?",
        question="""
            This is the receiver that most people write first, and every way to run it refuses
            it. Keep the ids where a crash spares them. One packet may be lost and one copied.
            """,
        start="""
class Mine(Passive):
    def __init__(self):
        self.seen = set()

    def receive(self, source, payload):
        if payload.id not in self.seen:
            self.seen.add(payload.id)
            yield Process(payload)
        yield Send(source, Ack(payload.id))
""",
        judge=searched(
            lambda names: SENDER | {"receiver": names["Mine"]()},
            Bounds(losses=1, duplicates=1, crashes=0),
        ),
        hints={
            "mistake": """
                An attribute outlives the handler, and here it would outlive a crash as well.
                `Mark` and `IsMarked` are what the disk offers.
                """,
            "twice": """
                It has forgotten that it has seen this id. `yield Mark(payload.id)` writes it
                down.
                """,
            "lost": "An id that is new has to be processed.",
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
            In a real process a crash would clear the set, and a simulation that keeps it
            would praise a receiver that forgets. So what has to last is asked for by an
            effect.
            """,
    ),
)
