"""What the benchmarks rest on: the rival does the same work, and memory is what we say."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from concurrent.futures import Executor

import pytest
from in_simpy import stop_and_wait

from delivery_semantics import (
    Event,
    Faults,
    Network,
    ProcessThenAck,
    RetryUntilAcked,
    payments,
    simulate,
)


def test_simpy_makes_the_same_trace() -> None:
    rival: list[Event] = []
    stop_and_wait(20, rival.append)
    parts = {
        "sender": RetryUntilAcked("receiver", payments(20)),
        "receiver": ProcessThenAck(),
    }
    assert rival == list(simulate(parts).events)


def test_simpy_loses_and_retries_as_well() -> None:
    rival: list[Event] = []
    stop_and_wait(200, rival.append, loss=0.2)
    counts = Counter(event.what for event in rival)
    assert counts["confirmed"] == 200
    assert counts["lost"] == counts["timed_out"] > 50
    assert counts["processed"] > 200


def peak_bytes(loss: float, *, kept: bool) -> tuple[int, int]:
    """Peak memory of a run of 200 messages, and the number of its events.

    Other threads allocate too: it is measured in a process that has none.
    """
    faults = Faults(loss=loss)
    parts = {
        "sender": RetryUntilAcked("receiver", payments(200)),
        "receiver": ProcessThenAck(),
    }
    counted: Counter[str] = Counter()

    def count(event: Event) -> None:
        counted[event.what] += 1

    tracemalloc.start()
    trace = simulate(
        parts, Network(messages=faults, acks=faults), record=None if kept else count
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, len(trace.events) or counted.total()


@pytest.mark.slow
def test_without_its_trace_a_long_run_needs_no_more_memory_than_a_short_one(
    alone: Executor,
) -> None:
    short, few = alone.submit(peak_bytes, 0.2, kept=False).result()
    long, many = alone.submit(peak_bytes, 0.8, kept=False).result()
    assert many > 5 * few
    assert long < 1.1 * short
    assert alone.submit(peak_bytes, 0.8, kept=True).result()[0] > 10 * long
