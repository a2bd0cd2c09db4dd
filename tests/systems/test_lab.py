"""The lab kills and pauses a consumer at each of its steps, whatever the queue is.

Here the queue is a table of SQLite: it hands over what nobody has acked, like a broker without
a visibility time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import pytest

from delivery_semantics import (
    AckThenProcess,
    Message,
    ProcessOnce,
    ProcessThenAck,
    ProcessThenMark,
    audit,
)
from delivery_semantics.core.audit import AT_LEAST_ONCE, AT_MOST_ONCE, EXACTLY_ONCE
from delivery_semantics.core.trace import Record
from delivery_semantics.databases import connect, empty_place
from delivery_semantics.live.standing import Died
from delivery_semantics.systems.consumer import AckRefused, Open
from delivery_semantics.systems.lab import (
    PAUSED,
    Ending,
    fault_at_each_step,
    kill_at_each_step,
    undisturbed,
)

PAYMENTS = (Message("payment-1", 10), Message("payment-2", 20))
EXPECTED = 30


class TableQueue:
    """What nobody has acked is handed over, each at most once by one source."""

    def __init__(self, url: str) -> None:
        self.database = connect(url)
        self.last = 0

    def take(self) -> Record | None:
        rows = self.database.rows(
            "SELECT number, id, amount, delivered FROM queue WHERE NOT acked AND number > ? "
            "ORDER BY number LIMIT 1", (self.last,)
        )  # fmt: skip
        for number, id, amount, delivered in rows:
            self.last = int(number)
            self.database.change(
                "UPDATE queue SET delivered = delivered + 1 WHERE number = ?", (number,)
            )
            return Record(
                str(id), int(amount), position=int(number), delivery=int(delivered) + 1
            )
        return None

    def ack(self, record: Record) -> None:
        if not self.database.change(
            "UPDATE queue SET acked = 1 WHERE number = ? AND NOT acked", (record.position,)
        ):
            raise AckRefused(f"{record.id} is gone")

    def close(self) -> None:
        self.database.close()


@contextmanager
def filled() -> Iterator[Open]:
    with empty_place() as url:
        with closing(connect(url)) as database:
            database.change(
                "CREATE TABLE queue (number INTEGER PRIMARY KEY, id TEXT, amount BIGINT, "
                "acked INTEGER DEFAULT 0, delivered INTEGER DEFAULT 0)"
            )
            for message in PAYMENTS:
                database.change(
                    "INSERT INTO queue (id, amount) VALUES (?, ?)", (message.id, message.amount)
                )
        yield partial(TableQueue, url)


def wrong(endings: list[Ending]) -> list[tuple[str, str, int]]:
    return [(e.step, e.at, e.money - e.expected) for e in endings if e.money != e.expected]


def test_undisturbed() -> None:
    ending = undisturbed(filled, ProcessThenAck(), PAYMENTS)
    assert (ending.fault, ending.step, ending.money, ending.expected) == ("none", "", 30, 30)
    found = audit(ending.trace)
    assert found.processed == (("payment-1", 1), ("payment-2", 1))
    assert found.acked == ("payment-1", "payment-2")
    assert found.verdict(EXACTLY_ONCE) == "unknown: no fault fired"


def test_a_killed_consumer_that_acks_first_loses() -> None:
    endings = kill_at_each_step(filled, AckThenProcess(), PAYMENTS)
    assert [e.step for e in endings] == [
        "before the first",
        *("before Send", "before Process", "after Process") * 2,
    ]
    assert {at for _, at, _ in wrong(endings)} == {"payment-1", "payment-2"}
    assert all(money < 0 for _, _, money in wrong(endings))
    for ending in endings:
        assert audit(ending.trace).verdict(AT_MOST_ONCE) == "ok", ending
        assert audit(ending.trace).money_there == ending.money


def test_a_killed_consumer_that_acks_last_repeats() -> None:
    endings = kill_at_each_step(filled, ProcessThenAck(), PAYMENTS)
    assert wrong(endings) == [
        ("before Send", "payment-1", 10),
        ("before Send", "payment-2", 20),
    ]
    assert {audit(e.trace).verdict(AT_LEAST_ONCE) for e in endings} == {"ok"}
    assert {audit(e.trace).money_there - e.money for e in endings} == {0}


def test_once_is_right_wherever_it_is_killed() -> None:
    endings = kill_at_each_step(filled, ProcessOnce(), PAYMENTS)
    assert wrong(endings) == []
    assert any(e.step.startswith("inside Once") for e in endings)
    assert {audit(e.trace).verdict(EXACTLY_ONCE) for e in endings} == {"ok"}


def test_a_zombie_repeats_what_another_did() -> None:
    endings = fault_at_each_step(PAUSED, filled, ProcessThenMark(), PAYMENTS)
    assert ("before Process", "payment-1", 10) in wrong(endings)
    [told] = [e for e in endings if (e.step, e.at) == ("before Process", "payment-1")]
    assert "second consumer" in told.trace.names
    assert [e.what for e in told.trace.of("paused", "resumed", "ignored")] == [
        "paused", "resumed", "ignored",
    ]  # fmt: skip
    assert wrong(
        fault_at_each_step(PAUSED, filled, ProcessOnce(), PAYMENTS)
    ) == []  # fmt: skip


def refuse() -> TableQueue:
    raise OSError("no broker")


@contextmanager
def without_a_broker() -> Iterator[Open]:
    yield refuse


def test_what_the_source_raises_is_told() -> None:
    with pytest.raises(Died, match="OSError: no broker"):
        undisturbed(without_a_broker, ProcessThenAck(), PAYMENTS)
