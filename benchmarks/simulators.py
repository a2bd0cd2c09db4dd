"""Stop-and-wait with full trace, in our simulator and in SimPy, as a reader's script sees it.

Each run has a small process of its own, which first sends a few messages to warm up. In one
process for all, SimPy's collector of cycles walks what the rest of the benchmark holds, and
SimPy looks slower than it is. The two take turns.
"""

from __future__ import annotations

import gc
import math
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from in_simpy import stop_and_wait

from delivery_semantics import Event, ProcessThenAck, RetryUntilAcked, payments, simulate

COUNTS = (1_000, 3_000, 10_000, 30_000, 100_000)
TURNS = 7
WARM_UP = 100
HEAD = (
    "messages", "ours us/message", "SimPy us/message", "times faster (aim 2)",
    "peak MiB with trace", "peak MiB without",
)  # fmt: skip


def table() -> tuple[str, tuple[str, ...], list[tuple[object, ...]]]:
    """Return title, head and rows: the time per message, its growth, and the memory."""
    assert [e[1:] for e in ours(100)] == [e[1:] for e in rival(100)], "the traces differ"
    rows: list[tuple[object, ...]] = []
    means: dict[int, float] = {}
    for count in COUNTS:
        mine, theirs = _in_turns(count)
        means[count] = mine
        each = 1e6 / count
        rows.append((count, mine * each, theirs * each, theirs / mine, *_peaks(count)))
    growth = math.log(means[COUNTS[-1]] / means[COUNTS[0]]) / math.log(COUNTS[-1] / COUNTS[0])
    title = (
        f"Stop-and-wait with full trace, simulate beside SimPy (CPU time, median of {TURNS}, "
        f"each in a process of its own); ours grows with the messages to the power {growth:.2f}"
    )
    return title, HEAD, rows


def _pair(count: int) -> dict[str, Any]:
    """Return a retrying sender of `count` payments and a receiver that processes, then acks."""
    return {
        "sender": RetryUntilAcked("receiver", payments(count)),
        "receiver": ProcessThenAck(),
    }


def ours(count: int) -> list[Event]:
    """Simulate `count` payments with a full trace."""
    return list(simulate(_pair(count)).events)


def rival(count: int) -> list[Event]:
    """Let SimPy send the same payments and make the same trace."""
    events: list[Event] = []
    stop_and_wait(count, events.append)
    return events


SIDES: dict[str, Callable[[int], list[Event]]] = {"ours": ours, "rival": rival}


def _in_turns(count: int) -> Iterator[float]:
    """Yield each side's median CPU seconds."""
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(TURNS):
        for side, measured in seconds.items():
            run = subprocess.run(
                [sys.executable, __file__, side, str(count)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            measured.append(float(run.stdout))
    yield from map(statistics.median, seconds.values())


def _peaks(count: int) -> Iterator[float]:
    """Yield the peak memory of a run with its trace, and of one that only counts events."""
    counted: Counter[str] = Counter()
    for record in (None, lambda event: counted.update((event.what,))):
        parts = _pair(count)
        tracemalloc.start()
        simulate(parts, record=record)
        yield tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    assert counted["processed"] == count


def main(arguments: Iterable[str]) -> None:
    """Print the CPU seconds that one side takes for so many messages."""
    side, count = arguments
    run = SIDES[side]
    run(WARM_UP)
    gc.collect()
    began = time.process_time()
    run(int(count))
    print(time.process_time() - began)


if __name__ == "__main__":
    main(sys.argv[1:])
