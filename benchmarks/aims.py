"""The aims for speed and room, each in a process of its own, with the aim beside it."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial

from delivery_semantics import (
    Bounds,
    Faults,
    Network,
    ProcessOnce,
    ProcessThenAck,
    RetryUntilAcked,
    explore,
    payments,
    simulate,
)

MESSAGES = 1_000_000
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes, in which the system tells the peak


def table() -> tuple[str, tuple[str, ...], list[tuple[object, ...]]]:
    """Return title, head and rows: what was measured of each aim."""
    rows = [_row(name) for name in MEASURED]
    head = ("what", "CPU s", "wall s", "MiB", "aim")
    return "The aims (each in a process of its own; MiB: peak resident memory)", head, rows


def _row(name: str) -> tuple[object, ...]:
    run = subprocess.run(
        [sys.executable, __file__, name], capture_output=True, text=True, check=True
    )
    cpu_s, wall_s, peak, already = map(float, run.stdout.split())
    what, aim, _ = MEASURED[name]
    return what, cpu_s, wall_s, peak - already, aim


def _search() -> None:
    parts = {"sender": RetryUntilAcked("receiver", payments(5)), "receiver": ProcessOnce()}
    found = explore(parts, Bounds(losses=2, duplicates=2, crashes=2))
    assert found.never_more_than_once.holds, found
    assert found.at_least_once_eventually.holds, found


def _messages(sender: RetryUntilAcked) -> None:
    faults = Faults(loss=0.2)
    parts = {"sender": sender, "receiver": ProcessThenAck()}
    simulate(
        parts, Network(messages=faults, acks=faults), record=lambda event: None,
        steps_max=10 * MESSAGES, time_s_max=10.0 * MESSAGES,
    )  # fmt: skip


def _prepared(name: str) -> Callable[[], None]:
    """Return what is measured; what it is given is there already."""
    if name == "search":
        return _search
    return partial(_messages, RetryUntilAcked("receiver", payments(MESSAGES)))


MEASURED = {
    "search": ("search: 5 messages, 2 losses, 2 copies, 2 crashes", "8 s, 300 MiB", False),
    "messages": (f"{MESSAGES:,} messages, 20 % loss, no trace", "100 MiB above them", True),
}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 2**20


def main(arguments: Iterable[str]) -> None:
    """Measure one; print seconds of CPU and wall, the peak, and what of it was there before."""
    (name,) = arguments
    run = _prepared(name)
    already = _peak_mb() if MEASURED[name][2] else 0.0
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    run()
    print(time.process_time() - cpu_s, time.perf_counter() - wall_s, _peak_mb(), already)


if __name__ == "__main__":
    main(sys.argv[1:])
