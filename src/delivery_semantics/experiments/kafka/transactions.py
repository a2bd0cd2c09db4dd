"""What a transaction hides, how far a reader gets beside an open one, and what an abort leaves.

Book: 11-kafka
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache

from confluent_kafka import OFFSET_STORED, KafkaException, Producer, TopicPartition

from ... import Trace, audit, payments
from ...core.check import one_of
from ...show.picture import how_many
from ...show.plots import bars, timeline
from ...show.view import View
from ...systems.kafka.client import (
    TIMEOUT_S,
    OwnTopic,
    consumer,
    next_of,
    producer,
    read,
    send_payments,
    topic,
    transactional,
)
from ...systems.kafka.frames import proxy
from ..strips import money_view
from .journal import PRODUCER, KafkaJournal, confirmed_and_read
from .transfer import TRANSFER, send_offset, two_topics

LEVELS = ("read_committed", "read_uncommitted")
IN_A_TRANSACTION = ("init producer id", "add partitions to txn", "produce", "end txn")
ENDS = ("open", "committed", "aborted")


def seen(
    address: str, end: str, *, inside: int = 1, after: int = 1
) -> dict[str, tuple[str, ...]]:
    """Return what a reader of each isolation level sees.

    In the log: payments sent in a transaction, and after them as many outside of any. ``end``
    says what has become of the transaction. Raises ValueError for another one than in ``ENDS``.
    """
    one_of("end", end, ENDS)
    sent = payments(inside + after)
    with topic(address) as there:
        made = transactional(there)
        made.begin_transaction()
        send_payments(made, there, *sent[:inside])
        send_payments(producer(there), there, *sent[inside:])
        if end != "open":
            finish(made, commits=end == "committed")
        found = {
            level: tuple(
                record.id for record in read(there, isolation=level, settled=end != "open")
            )
            for level in LEVELS
        }
        if end == "open":
            finish(made, commits=False)
    return found


def finish(made: Producer, *, commits: bool) -> None:
    """End the transaction."""
    if commits:
        made.commit_transaction(TIMEOUT_S)
    else:
        made.abort_transaction(TIMEOUT_S)


def isolation_view(address: str, *, end: str, after: int, seed: int = 1) -> View:
    """Show what each reader sees of two payments inside and some after a transaction."""
    found = seen(address, end, inside=2, after=after)
    rows = {
        level: {"sent": 10.0 * (2 + after), "seen": 10.0 * len(ids)}
        for level, ids in found.items()
    }
    committed, uncommitted = (len(found[level]) for level in LEVELS)
    return View(
        bars(rows, title=f"A transaction that is {end}", x="money", x_max=60.0),
        {"sent": 2 + after, "committed": committed, "uncommitted": uncommitted},
        f"The transaction is {end}; {how_many(after, 'payment')} came after it. A reader "
        f"of committed records sees {how_many(committed, 'payment')}, one of uncommitted "
        f"records {uncommitted}.",
    )


def aborted(there: OwnTopic, isolation: str) -> Trace:
    """Send a payment in a transaction that is aborted, and one that is committed; read."""
    journal = KafkaJournal(payments(2))
    made = transactional(there)
    for payment, commits in zip(payments(2), (False, True), strict=True):
        journal.now = payment
        made.begin_transaction()
        send_payments(made, there, payment)
        finish(made, commits=commits)
        if not commits:
            journal.tell("timed_out", PRODUCER)  # why it is aborted
        journal.tell("confirmed" if commits else "failed", PRODUCER)
    journal.read(read(there, isolation=isolation))
    return journal.trace()


def frames_of_a_transaction(address: str) -> dict[str, int]:
    """Count the requests of one transaction with one payment, by what they are."""
    passed = Counter[str]()
    counting = proxy(address, tell=lambda frame, fate: passed.update([frame.name[0]]))
    with topic(address) as there, counting as between:
        through = there.at(between.address)
        made = transactional(through)
        made.begin_transaction()
        send_payments(made, through, *payments(1))
        finish(made, commits=True)
    return {name: passed[name] for name in IN_A_TRANSACTION}


# An abort, and what comes after it --------------------------------------------------------


@dataclass(frozen=True)
class Aborts:
    """Payments, a transaction each, some of them aborted: what was tried, and came through.

    ``tried`` has each payment's id in the order of the transactions, and whether it committed.
    """

    trace: Trace
    passed: tuple[str, ...]
    tried: tuple[tuple[str, bool], ...]


@cache
def some_aborted(address: str, *, seeks: bool, every: int = 3, count: int = 10) -> Aborts:
    """Pass payments on; at every third one the work takes too long, once, and is aborted.

    With ``seeks`` the consumer then goes back to what its group has committed, else it goes on.
    """
    sent, tried = payments(count), list[tuple[str, bool]]()
    with two_topics(address, *sent) as (source, target):
        made = transactional(target)
        with closing(consumer(source)) as reading:
            reading.assign([TopicPartition(source.name, 0, OFFSET_STORED)])
            while (one := next_of(reading)) is not None:
                number = (one.offset() or 0) + 1
                fails = number % every == 0 and (str(number), False) not in tried
                tried.append((str(number), not fails))
                made.begin_transaction()
                made.produce(target.name, one.value(), partition=0)
                send_offset(made, reading, one)
                finish(made, commits=not fails)
                if fails and seeks:
                    reading.seek(TopicPartition(source.name, 0, one.offset() or 0))
        records = read(target)
    trace = confirmed_and_read(sent, records, ("timed_out", TRANSFER))
    return Aborts(trace, tuple(record.id for record in records), tuple(tried))


AFTER_AN_ABORT = {"goes on": False, "seeks back": True}
"""What the program does after an abort, and whether that is to seek."""
_DONE, _ABORTED, _LOST = "done", "aborted", "lost"


def abort_view(address: str, *, then: str, every: int, seed: int = 1) -> View:
    """Show the transactions of ten payments, of which some are aborted once, and a reader.

    Raises ValueError for another ``then`` than in ``AFTER_AN_ABORT``.
    """
    one_of("then", then, AFTER_AN_ABORT)
    run = some_aborted(address, seeks=AFTER_AN_ABORT[then], every=every)
    found = audit(run.trace)
    tried = {ok: [float(id) for id, committed in run.tried if committed == ok]
             for ok in (True, False)}  # fmt: skip
    rows = {
        "first try": [(n, _ABORTED) for n in tried[False]]
        + [(n, _DONE) for n in tried[True] if n not in tried[False]],
        "second try": [(n, _DONE) for n in tried[True] if n in tried[False]],
        "the reader": [(float(id), _DONE) for id in run.passed]
        + [(float(id), _LOST) for id in found.lost],
    }
    lost = f"Lost: {', '.join(found.lost)}." if found.lost else "None is lost."
    return View(
        timeline(
            rows, title=f"Every {every} payments one is aborted; then the program {then}",
            x="payment", x_range=(0.0, 11.0),
            hues={_DONE: "good", _ABORTED: "accent", _LOST: "fault"},
        ),
        {
            "aborted": len(tried[False]),
            "money expected": found.money_expected,
            "money there": found.money_there,
        },
        f"{len(tried[False])} transactions are aborted, and the program {then}. {lost}",
    )  # fmt: skip


# Two that do the same work ----------------------------------------------------------------

IDS = ("one for the work", "one per process")


@dataclass(frozen=True)
class Zombie:
    """What a process that had been replaced was told when it went on, and what came of it."""

    told: str
    trace: Trace


def replaced(address: str, *, ids: str, generation: bool) -> Zombie:
    """Let a second process pass a payment on while the first is about to, then the first.

    ``ids`` says who shares a transactional id. With ``generation`` both are members of the
    group, and their offsets are sent with the generation in which they were. Raises ValueError
    for another one than in ``IDS``.
    """
    one_of("ids", ids, IDS)
    sent, told = payments(1), ""
    with ExitStack() as stack:
        source, target = stack.enter_context(two_topics(address, *sent))
        names = ("same", "same") if ids == IDS[0] else ("first", "second")
        workers = [Passer(source, target, name, member=generation) for name in names[:1]]
        workers[0].take()
        workers[0].leave()
        workers.append(Passer(source, target, names[1], member=generation))
        workers[1].take()
        workers[1].finish()
        workers[1].leave()
        try:
            workers[0].finish()
        except KafkaException as error:
            told = error.args[0].name()
        records = read(target)
    return Zombie(told, confirmed_and_read(sent, records, ("paused", TRANSFER)))


def fence_view(address: str, *, ids: str, generation: str, seed: int = 1) -> View:
    """Show what a process is told that was replaced, and how often the payment is there."""
    zombie = replaced(address, ids=ids, generation=generation == "sent")
    there, told = audit(zombie.trace).money_there, zombie.told or "nothing"
    return money_view(
        "the payment", expected=10, there=there, title="What the two have passed on",
        said=f"Transactional id: {ids}; the group's generation is {generation}. "
        f"The zombie is told: {told}. Money there: {there} of 10.",
    )  # fmt: skip


class Passer:
    """Passes on one payment; between taking and finishing, another one may take its place."""

    def __init__(self, source: OwnTopic, target: OwnTopic, name: str, *, member: bool) -> None:
        self._target = target
        self._made = transactional(target, name)
        self._reading = consumer(source)
        if member:
            self._reading.subscribe([source.name])
        else:
            self._reading.assign([TopicPartition(source.name, 0, OFFSET_STORED)])

    def take(self) -> None:
        """Read the payment, and remember in which generation of the group that was."""
        self._one = next_of(self._reading)
        self._generation = self._reading.consumer_group_metadata()

    def leave(self) -> None:
        """Leave the group; what was taken is in work all the same."""
        self._reading.close()

    def finish(self) -> None:
        """Pass it on in a transaction. Raises KafkaException for one that is fenced."""
        one = self._one
        assert one is not None
        self._made.begin_transaction()
        try:
            self._made.produce(self._target.name, one.value(), partition=0)
            after = TopicPartition(one.topic() or "", 0, (one.offset() or 0) + 1)
            self._made.send_offsets_to_transaction([after], self._generation, TIMEOUT_S)
            self._made.commit_transaction(TIMEOUT_S)
        except KafkaException as error:
            if not error.args[0].fatal():
                self._made.abort_transaction(TIMEOUT_S)
            raise
