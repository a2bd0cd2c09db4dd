"""Consume, process, produce: payments from one topic to another, in a process that is killed.

Source: Apache Kafka documentation, 4.6 "Message Delivery Semantics": the output and the offsets
of the input are written in one transaction.

Book: 11-kafka
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cache

from confluent_kafka import OFFSET_STORED, Consumer, Producer, TopicPartition
from confluent_kafka import Message as Delivered

from ... import Message, Trace, payments
from ...core.check import one_of
from ...live.standing import Announcer, Died, Standing
from ...show.strips import Commit, boundary, breaks_of
from ...show.view import View
from ...systems.kafka.client import (
    TIMEOUT_S,
    OwnTopic,
    consumer,
    fill,
    next_of,
    producer,
    read,
    topic,
    transactional,
)
from ..strips import strip_view
from .journal import confirmed_and_read

TRANSFER = "transfer"
Acts = list[tuple[str, Callable[[], object]]]


@dataclass(frozen=True)
class Route:
    """Where payments come from and go to, and in which ``way``, one of ``WAYS``."""

    source: OwnTopic
    target: OwnTopic
    way: str

    def __post_init__(self) -> None:
        one_of("way", self.way, WAYS)


def no_transaction(reading: Consumer, made: Producer, to: Route, one: Delivered) -> Acts:
    """Produce, then commit the offset."""
    return [
        ("Produce", lambda: _produce(made, to, one)),
        ("CommitOffset", lambda: reading.commit(message=one, asynchronous=False)),
    ]


def offset_apart(reading: Consumer, made: Producer, to: Route, one: Delivered) -> Acts:
    """Produce in a transaction, and commit the offset as if there were none."""
    return [
        ("Begin", made.begin_transaction),
        ("Produce", lambda: _produce(made, to, one)),
        ("CommitTransaction", lambda: made.commit_transaction(TIMEOUT_S)),
        ("CommitOffset", lambda: reading.commit(message=one, asynchronous=False)),
    ]


def in_transaction(reading: Consumer, made: Producer, to: Route, one: Delivered) -> Acts:
    """Produce and commit the offset in one transaction."""
    return [
        ("Begin", made.begin_transaction),
        ("Produce", lambda: _produce(made, to, one)),
        ("SendOffset", lambda: send_offset(made, reading, one)),
        ("CommitTransaction", lambda: made.commit_transaction(TIMEOUT_S)),
    ]


WAYS = {
    "no transaction": no_transaction,
    "offset apart": offset_apart,
    "one transaction": in_transaction,
}
"""The ways to pass a payment on."""


def send_offset(made: Producer, reading: Consumer, one: Delivered) -> None:
    """Have the transaction say that this record is done with: the *next* one is to be read."""
    next_one = TopicPartition(one.topic() or "", one.partition() or 0, (one.offset() or 0) + 1)
    made.send_offsets_to_transaction([next_one], reading.consumer_group_metadata(), TIMEOUT_S)


def _produce(made: Producer, to: Route, one: Delivered) -> None:
    made.produce(to.target.name, one.value(), partition=0)
    made.flush(TIMEOUT_S)


# In the process ----------------------------------------------------------------------------


def run(route: Route, announcer: Announcer) -> None:
    """Pass on what is there, one by one, and stand before each step; say "" in the end.

    A transactional producer first ends what another one of its name has left open.
    """
    if route.way == "no transaction":
        made = producer(route.target)
    else:
        made = transactional(route.target, TRANSFER)
    with closing(consumer(route.source)) as reading:
        reading.assign([TopicPartition(route.source.name, 0, OFFSET_STORED)])
        last = ""
        while (one := next_of(reading)) is not None:
            for last, act in WAYS[route.way](reading, made, route, one):
                announcer.stand(f"before {last}")
                act()
        announcer.stand(f"after {last}")
    announcer.say("")


# Outside of it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class TransferEnd:
    """How a transfer with one fault ended, as `RunEnd` of the kill strip wants it.

    ``money`` is what a reader sees who takes committed records only, ``uncommitted`` what one
    sees who takes all. ``zombie`` is what the one that was paused was told when it came back.
    """

    fault: str
    step: str
    money: int
    expected: int
    uncommitted: int
    trace: Trace
    zombie: str = ""


@cache
def at_each_step(
    address: str, way: str, sent: tuple[Message, ...], *, fault: str = "killed"
) -> list[TransferEnd]:
    """Kill, or pause, the process at each step in turn; another one goes on to the end."""
    one_of("fault", fault, ("killed", "paused"))
    found: list[TransferEnd] = []
    while end := _run(address, way, sent, fault, len(found)):
        found.append(end)
    return found


def _run(
    address: str, way: str, sent: tuple[Message, ...], fault: str, place: int
) -> TransferEnd | None:
    with ExitStack() as stack:
        made = Route(*stack.enter_context(two_topics(address, *sent)), way)
        first = stack.enter_context(Standing(run, made))
        steps = [first.next()]
        while len(steps) <= place and steps[-1]:
            steps.append(first.next())
        step, zombie = steps[-1], ""
        if not step:
            return None
        first.kill() if fault == "killed" else first.pause()
        with Standing(run, made) as second:
            _to_the_end(second)
        if fault == "paused":
            first.resume()
            zombie = _to_the_end(first)
        records = read(made.target)
        everything = read(made.target, isolation="read_uncommitted")
    trace = confirmed_and_read(sent, records, (fault, TRANSFER))
    money, uncommitted = (sum(r.amount for r in each) for each in (records, everything))
    expected = sum(payment.amount for payment in sent)
    return TransferEnd(fault, step, money, expected, uncommitted, trace, zombie)


def _to_the_end(process: Standing) -> str:
    """Let a process go on; return the name of the error that it died of, "" if of none."""
    try:
        while process.next():
            pass
    except Died as died:
        return next((word for word in str(died).replace(",", "=").split("=") if
                     word.startswith("_") or word.isupper()), str(died))  # fmt: skip
    return ""


@contextmanager
def two_topics(address: str, *sent: Message) -> Iterator[tuple[OwnTopic, OwnTopic]]:
    """Yield a topic with these payments, and an empty one."""
    with topic(address) as source, topic(address) as target:
        yield fill(source, *sent), target


# In a panel --------------------------------------------------------------------------------

COMMITS: dict[str, list[str | Commit]] = {
    "no transaction": ["Produce", "CommitOffset"],
    "offset apart": [Commit("transaction", ("Produce",)), "CommitOffset"],
    "one transaction": [Commit("transaction", ("Produce", "SendOffset"))],
}
"""What each of ``WAYS`` has Kafka commit together."""


def killed_view(address: str, *, way: str, seed: int = 1) -> View:
    """Show a kill at each step of one way, and what its commits hold."""
    ends = at_each_step(address, way, payments(1))
    held = boundary(
        {way: COMMITS[way]},
        breaks={way: breaks_of(ends)},
        title="What one commit of Kafka holds",
    )
    return strip_view(way, ends, beside=[held])


def paused_view(address: str, *, way: str, seed: int = 1) -> View:
    """Show a pause at each step of one way; the sentence says what the zombies were told."""
    ends = at_each_step(address, way, payments(1), fault="paused")
    told = ", ".join(end.zombie or "nothing" for end in ends)
    view = strip_view(way, ends)
    return View(view.picture, view.numbers, f"{view.sentence} The zombies are told: {told}.")
