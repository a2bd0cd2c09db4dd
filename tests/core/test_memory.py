"""A run that keeps no trace needs no room for its past, however long it is."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import Executor

import pytest

from delivery_semantics import (
    CrashPoint,
    Faults,
    Network,
    ProcessThenAck,
    RetryUntilAcked,
    Send,
    payments,
    simulate,
)
from delivery_semantics.core import dice


def peak_bytes(count: int) -> int:
    """Peak memory of a run of so many messages, in a process that does nothing else."""
    dice.REMEMBERED = 50
    faults = Faults(loss=0.2, duplication=0.05)
    parts = {
        "sender": RetryUntilAcked("receiver", payments(count)),
        "receiver": ProcessThenAck(),
    }
    points = (CrashPoint("receiver", before=Send, probability=0.01),)
    tracemalloc.start()
    simulate(
        parts, Network(messages=faults, acks=faults), crashes=points, record=lambda event: None
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.slow
def test_four_times_the_messages_need_no_more_room_than_a_list_of_their_ids(
    alone: Executor,
) -> None:
    _made_once, few, many = alone.map(peak_bytes, (100, 500, 2_000))
    assert many - few < 1_500 * 100


def test_what_came_often_is_counted_until_many_others_have_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dice, "REMEMBERED", 10)
    ordinals = dice.Ordinals()
    assert [ordinals.next("a") for _ in range(3)] == [1, 2, 3]
    for other in range(9):
        ordinals.next(other)
    assert ordinals.next("a") == 4, "nine others are no reason to forget"
    for other in range(100, 120):
        ordinals.next(other)
    assert ordinals.next("a") == 1
