"""The exercises of chapter 11.

Book: 11-kafka
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ... import (
    Bounds, Broker, Message, Network, Participant, Passive, ProcessOnly, Send, payments,
    simulate,
)  # fmt: skip
from ...core.effects import Handler
from ...protocols.log import Topic
from ..exercise import Exercise
from ..judges import called, number, searched
from ..kafka import FencingBroker, PollLoop, TransactionalWorker
from ..reader import Defined

KEPT = 5
"""How many of a producer's last batches a broker knows again."""

UNDER_WAY = 7
ONE_KILL = Bounds(losses=0, duplicates=0, crashes=1, crashable=("consumer",))
ONE_ABORT = Bounds(losses=0, duplicates=0, crashes=0, failures=1)
NO_FAULT = Bounds(losses=0, duplicates=0, crashes=0)
COPIED = (*payments(1), *payments(2))
"""A log with payment 1 twice, and payment 2."""


def _to_commit(committed: int, done: Collection[int]) -> int:
    while committed in done:
        committed += 1
    return committed


@dataclass(frozen=True)
class _AllAgain(Passive):
    """Send all batches, hear nothing, and send all of them again."""

    messages: tuple[Message, ...]

    def start(self) -> Handler:
        for message in self.messages * 2:
            yield Send("broker", message)


def _appended_again() -> int:
    parts = {
        "producer": _AllAgain(payments(UNDER_WAY)),
        "broker": Broker("log", visibility_s=None, confirm="never", ids_max=KEPT),
        "log": ProcessOnly(),
    }
    return sum(simulate(parts, Network(), seed=1).processed().values()) - UNDER_WAY


def _polled(names: Defined) -> Mapping[str, Participant]:
    return {"log": Topic(payments(2)), "consumer": PollLoop(names["work"])}


def _polled_copies(names: Defined) -> Mapping[str, Participant]:
    return {"log": Topic(COPIED), "consumer": PollLoop(names["work"])}


def _workers(names: Defined) -> Mapping[str, Participant]:
    first, second, other = (
        {"host": "pod-4f", "partition": 0}, {"host": "pod-9c", "partition": 0},
        {"host": "pod-b2", "partition": 1},
    )  # fmt: skip
    name = names["transactional_id"]
    return {
        "first": TransactionalWorker(name(first), 0),
        "second": TransactionalWorker(name(second), 0),
        "Kafka": FencingBroker(payments(2)),
        "other": TransactionalWorker(name(other), 1),
    }


EXERCISES = (
    Exercise(
        name="the-offset-to-commit",
        title="the offset to commit",
        question="""
            A consumer works on several records of a partition at once. `committed` is the
            offset from which its group would read on, `done` the offsets whose work is done.
            Write the function that returns the offset to commit now: nothing may be lost, and
            as little as possible done again.
            """,
        start="def to_commit(committed, done):\n    return max(done)",
        judge=called(
            "to_commit",
            _to_commit,
            {
                "one off": (0, {0, 1}),
                "gap": (0, {0, 2}),
                "first": (5, {6, 7}),
                "nothing": (5, set()),
            },
        ),
        hints={
            "one off": "An offset says where to read next: it is that of the next record.",
            "gap": """
                Record 1 is still being worked on. A group that reads on behind it never comes
                back to it.
                """,
            "first": "The work on record 5 is not done. Nothing behind it counts yet.",
            "nothing": "Nothing is done, and what is committed stays committed.",
        },
        solution="""
def to_commit(committed, done):
    while committed in done:
        committed += 1
    return committed
""",
        why="""
            An offset is a mark for a whole prefix: it says of everything before it that it is
            done. So the slowest record holds the offset back, and after a crash all that was
            done behind it is done again.
            """,
    ),
    Exercise(
        name="seven-under-way",
        title="seven under way",
        question="""
            A broker knows a producer's last five batches again. Suppose that a producer could
            have seven under way: it sends seven, all seven acks are lost, and it sends the
            seven again, in their order. How many of them are appended a second time?
            """,
        start="answer = 7 - 5",
        judge=number(_appended_again),
        hints={
            "2": """
                Batches 1 and 2 are no longer known, and are appended. Each is now one of the
                last five, so which one does it push out?
                """,
            "0": "So it is with five under way. Which batches are known when 1 comes again?",
            "less": "Go through it on paper: write down the last five after each batch.",
            "more": "Only seven are sent again.",
        },
        solution="answer = 7",
        why="""
            All seven. Each batch that is taken for a new one pushes out the very one that
            comes next. A window that is a little too small does not catch a little less, it
            catches nothing. That is why a producer with idempotence may have five batches
            under way, and no more.
            """,
    ),
    Exercise(
        name="an-offset-in-your-database",
        title="an offset in your database",
        question="""
            The consumer polls, and calls `work` for each record; when it starts it reads from
            the saved offset on. Money and offset are in one database. It may be killed once,
            at any step. Change `work`, so that each payment is made once.
            """,
        start="""
def work(offset, payment):
    yield Process(payment)
    yield Save("offset", offset + 1)
""",
        judge=searched(_polled, ONE_KILL),
        hints={
            "twice": """
                Killed between the two lines: the payment is made, and the offset still stands
                before it.
                """,
            "lost": """
                The offset stands behind a payment that has not been made. Nobody goes back to
                it.
                """,
        },
        steps=("`Atomic(…)` is one commit for all that is in it.",),
        solution="""
def work(offset, payment):
    yield Atomic(Process(payment), Save("offset", offset + 1))
""",
        why="""
            No order of two commits is right, so let there be one. Kafka commits nothing here:
            where the effect is, there is the offset.
            """,
    ),
    Exercise(
        name="after-an-abort",
        title="after an abort",
        question="""
            Here one commit may fail: the transaction is aborted, and nothing of it was done.
            `work` returns the offset at which the loop polls next. Change it, so that no
            payment is missing.
            """,
        start="""
def work(offset, payment):
    try:
        yield Atomic(Process(payment), Save("offset", offset + 1))
    except EffectFailed:
        pass  # aborted
    return offset + 1
""",
        judge=searched(_polled, ONE_ABORT),
        hints={
            "lost": """
                The abort took back the payment and the offset, and not the position of the
                loop. If it reads on behind the payment, the next commit makes that final; if
                it ends, nobody reads on.
                """,
            "twice": "Done outside of the transaction, it is done again with the next one.",
        },
        steps=("After an abort, seek back to what is committed.",),
        solution="""
def work(offset, payment):
    try:
        yield Atomic(Process(payment), Save("offset", offset + 1))
    except EffectFailed:
        return (yield Load("offset"))
    return offset + 1
""",
        why="""
            A consumer has two offsets: one is committed, the other is in its memory. An abort
            puts back the first, and `seek` the second.
            """,
    ),
    Exercise(
        name="whose-transactional-id",
        title="whose transactional id?",
        question="""
            Three workers pass payments on in transactions. The first was taken for dead, and
            the second does its work now; the other one has a partition of its own. Who begins
            raises the epoch of its transactional id, and a commit of an older epoch is
            refused. Change one line: each payment is to be passed on once.
            """,
        start="""
def transactional_id(worker):
    return worker["host"]
    # worker: {"host": "pod-4f", "partition": 0}
""",
        judge=searched(_workers, NO_FAULT),
        hints={
            "twice": """
                The first one came back as a zombie, and its commit was taken. An id that is
                new for each process fences nobody.
                """,
            "lost": """
                A worker was fenced that is alive, and does the work of another partition. It
                ends, and its payment is nobody's.
                """,
        },
        solution="""
def transactional_id(worker):
    return f"partition-{worker['partition']}"
""",
        why="""
            One id for the same work, whoever does it, and another one for other work. The
            epoch is a fencing token, and the id says for what.
            """,
    ),
    Exercise(
        name="a-copy-in-the-log",
        title="a copy in the log",
        question="""
            A producer was restarted and sent payment 1 once more: it is in the log twice, at
            offsets 0 and 1, with one id. The consumer may be killed once, at any step. Design
            its `work`, so that each payment is made once.
            """,
        start="""
def work(offset, payment):
    yield Atomic(Process(payment), Save("offset", offset + 1))
""",
        judge=searched(_polled_copies, ONE_KILL),
        hints={
            "twice": """
                Either the two records are two payments to your work, or a kill fell between
                the payment and what remembers it. The offset names a record; what names a
                payment?
                """,
            "lost": "Something says that the payment is done before it is.",
        },
        steps=("`Once(payment.id, Process(payment))` processes and marks in one commit.",),
        solution="""
def work(offset, payment):
    yield Once(payment.id, Process(payment))
    yield Save("offset", offset + 1)
""",
        why="""
            The offset tells records apart, and the id payments. With the id in the commit of
            the effect the offset need not be in it any more: it saves work, and decides
            nothing.
            """,
    ),
)
