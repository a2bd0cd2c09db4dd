"""What a sweep costs on each executor: cells a second, and what a cell costs that does nothing.

Wall time, since what other processes do is what is measured. Workers are started before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from statistics import median

from distributed import Client, LocalCluster

from delivery_semantics import sweep
from delivery_semantics.experiments.million_runs.runs import Runs, Tally, tally

WORKERS = 2
TURNS = 3
CELLS = [Runs(100 * number, 100) for number in range(128)]
"""Some milliseconds of work each."""
IDLE = range(1_000)
Table = tuple[str, tuple[str, ...], list[tuple[object, ...]]]


def table() -> Table:
    """Return title, head and rows; raises AssertionError where an executor counts otherwise."""
    rows: list[tuple[object, ...]] = []
    expected = [tally(cell) for cell in CELLS]
    with processes() as pool, dask() as cluster:
        executors: dict[str, Executor | None] = {
            "here": None, f"{WORKERS} processes": pool, f"Dask, {WORKERS} workers": cluster,
        }  # fmt: skip
        for name, executor in executors.items():
            for chunk in (1, 16) if executor else (1,):
                each_s = seconds(partial(counted, executor, chunk, expected))
                idle_s = seconds(partial(sweep, IDLE, fn=abs, executor=executor, chunk=chunk))
                rate, idle_us = len(CELLS) / each_s, 1e6 * idle_s / len(IDLE)
                rows.append((name, chunk, rate, idle_us))
    head = ("executor", "chunk", "cells/s, 100 runs each", "us a cell that does nothing")
    return f"A sweep on each executor (wall time, median of {TURNS})", head, rows


def counted(executor: Executor | None, chunk: int, expected: Sequence[Tally]) -> None:
    """Sweep the cells and compare."""
    assert sweep(CELLS, fn=tally, executor=executor, chunk=chunk) == expected


def seconds(run: Callable[[], object]) -> float:
    """Return the median seconds that a run takes."""
    measured = []
    for _ in range(TURNS):
        began_s = time.perf_counter()
        run()
        measured.append(time.perf_counter() - began_s)
    return median(measured)


@contextmanager
def processes() -> Iterator[Executor]:
    """A pool whose processes have started and imported what they need."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        sweep(CELLS, fn=tally, executor=pool)
        yield pool


@contextmanager
def dask() -> Iterator[Executor]:
    """Dask on the loopback, with two worker processes."""
    with ExitStack() as stack:
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1",
                dashboard_address=None,
            )
        )  # fmt: skip
        client = stack.enter_context(Client(cluster, set_as_default=False))
        executor: Executor = stack.enter_context(client.get_executor(pure=False))
        sweep(CELLS, fn=tally, executor=executor, chunk=8)
        yield executor
