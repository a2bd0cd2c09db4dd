"""A sweep has the same rows on every executor, whatever that does with the cells."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import partial
from multiprocessing import get_context
from typing import Any

import pytest

from delivery_semantics import CellFailed, sweep
from delivery_semantics.experiments.million_runs.runs import Runs, digest, tally

CELLS = [Runs(8 * number, 8, crash=0.3) for number in range(40)]
BROKEN = 2.0  # no probability


class OnDemand(Executor):
    """Begins nothing before a result is asked for, and then takes what comes first or any."""

    def __init__(self, *, shuffled: bool = False, times: int = 1) -> None:
        self.waiting: list[tuple[Future[Any], Callable[[], Any]]] = []
        self.futures: list[Future[Any]] = []
        self.dice = random.Random(7) if shuffled else None
        self.times = times
        self.begun = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
        future = Asked(self)
        self.futures.append(future)
        self.waiting.append((future, partial(fn, *args, **kwargs)))
        return future

    def work_until(self, asked: Future[Any]) -> None:
        while not asked.done():
            chosen = self.dice.randrange(len(self.waiting)) if self.dice else 0
            future, call = self.waiting.pop(chosen)
            if not future.set_running_or_notify_cancel():
                continue
            self.begun += 1
            try:
                results = [call() for _ in range(self.times)]
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(results[-1])


class Asked(Future[Any]):
    """What `OnDemand` promises; to ask for it makes the work begin."""

    def __init__(self, executor: OnDemand) -> None:
        super().__init__()
        self._executor = executor

    def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401
        self._executor.work_until(self)
        return super().result(timeout)


def processes() -> Executor:
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


EXECUTORS: dict[str, Callable[[], Executor]] = {
    "threads": lambda: ThreadPoolExecutor(3),
    "on demand": OnDemand,
    "random order": lambda: OnDemand(shuffled=True),
    "everything twice": lambda: OnDemand(shuffled=True, times=2),
}
each_executor = pytest.mark.parametrize(
    "executor",
    [*EXECUTORS.values(), pytest.param(processes, marks=pytest.mark.slow)],
    ids=[*EXECUTORS, "processes"],
)


def reject(cell: int) -> int:
    """Raise for 3 and for 7."""
    if cell in (3, 7):
        raise KeyError(cell)
    return cell


# The same rows ----------------------------------------------------------------------------


@each_executor
def test_rows_are_those_of_a_plain_loop(executor: Callable[[], Executor]) -> None:
    loop = [tally(cell) for cell in CELLS]
    assert len(set(loop)) > 5  # rows that differ, so that their order is seen
    assert digest(sweep(CELLS, fn=tally)) == digest(loop)
    with executor() as pool:
        for chunk in (1, 3, 100):
            rows = sweep(iter(CELLS), fn=tally, executor=pool, chunk=chunk)
            assert digest(rows) == digest(loop), chunk


def test_an_executor_that_shuffles_and_repeats_does_so() -> None:
    begun: list[int] = []
    sweep(range(9), fn=begun.append, executor=OnDemand(shuffled=True, times=2))
    assert begun != sorted(begun)
    assert sorted(begun) == sorted([*range(9), *range(9)])


def test_a_callers_pool_stays_open() -> None:
    with ThreadPoolExecutor(1) as pool:
        sweep([1], fn=abs, executor=pool)
        with pytest.raises(CellFailed):
            sweep([3], fn=reject, executor=pool)
        assert pool.submit(abs, -1).result() == 1


@pytest.mark.slow
def test_a_function_that_cannot_travel_is_named() -> None:
    with processes() as pool, pytest.raises(Exception, match="pickle") as error:
        sweep([1], fn=lambda cell: cell, executor=pool)
    [_, note] = error.value.__notes__
    assert "fn is <function" in note
    assert "allowed, for other processes: a function at the top of a module" in note


# Progress ---------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", [None, OnDemand(shuffled=True)], ids=["here", "executor"])
def test_progress_counts_the_rows_that_are_there(executor: Executor | None) -> None:
    told: list[tuple[int, int]] = []
    sweep(range(5), fn=abs, executor=executor, chunk=2, progress=lambda *now: told.append(now))
    assert told == [(2, 5), (4, 5), (5, 5)]


# Failures ---------------------------------------------------------------------------------


@each_executor
def test_the_first_cell_that_fails_is_named(executor: Callable[[], Executor]) -> None:
    bad = [Runs(number, 1, crash=BROKEN) for number in (70, 80)]
    cells = [*CELLS[:3], bad[0], *CELLS[3:6], bad[1], *CELLS[6:]]
    said = f"cell {bad[0]!r}: ValueError: probability is 2.0; allowed: a number from 0 to 1"
    with executor() as pool:
        for where in (None, pool):
            with pytest.raises(CellFailed) as error:
                sweep(cells, fn=tally, executor=where, chunk=2)
            assert str(error.value) == said
            assert error.value.cell == bad[0]
        assert sweep(CELLS[:2], fn=tally, executor=pool) == list(map(tally, CELLS[:2]))


def test_what_has_not_begun_is_cancelled_when_a_cell_fails() -> None:
    executor = OnDemand()
    with pytest.raises(CellFailed, match="cell 3: KeyError: 3"):
        sweep(range(10), fn=reject, executor=executor)
    assert executor.begun == 4
    assert [future.cancelled() for future in executor.futures] == [False] * 4 + [True] * 6


def test_what_has_not_begun_is_cancelled_by_ctrl_c_as_well() -> None:
    def interrupt(done: int, all: int) -> None:
        raise KeyboardInterrupt

    executor = OnDemand()
    with pytest.raises(KeyboardInterrupt):
        sweep(range(10), fn=abs, executor=executor, progress=interrupt)
    assert [future.cancelled() for future in executor.futures] == [False] + [True] * 9


def test_what_was_submitted_is_cancelled_when_the_executor_takes_no_more() -> None:
    class Full(OnDemand):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401
            if len(self.futures) == 3:
                raise RuntimeError("full")
            return super().submit(fn, *args, **kwargs)

    executor = Full()
    with pytest.raises(RuntimeError, match="full"):
        sweep(range(10), fn=abs, executor=executor)
    assert [future.cancelled() for future in executor.futures] == [True] * 3


def test_an_error_of_the_executor_names_the_cells_that_were_waited_for() -> None:
    executor = OnDemand()

    def take_back(done: int, all: int) -> None:
        executor.futures[1].cancel()

    with pytest.raises(CancelledError) as error:
        sweep(list("abcd"), fn=str, executor=executor, chunk=2, progress=take_back)
    assert error.value.__notes__ == ["while waiting for cells 'c' to 'd'"]


def test_a_failure_survives_a_journey_between_processes() -> None:
    with pytest.raises(CellFailed) as error:
        sweep([3], fn=reject)
    back = pickle.loads(pickle.dumps(error.value))
    assert (str(back), back.cell, back.reason) == ("cell 3: KeyError: 3", 3, "KeyError: 3")
    assert isinstance(error.value.__cause__, KeyError)


# Bad input --------------------------------------------------------------------------------

ANY: dict[str, Any] = {"cells": [1], "fn": abs}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no cells": ({"cells": []}, "cells is empty; allowed: one cell or more"),
    "a number for cells": (
        {"cells": 7}, "cells is 7; allowed: values in an order, such as a list",
    ),
    "cells without an order": (
        {"cells": {7}}, "cells is {7}; allowed: values in an order, such as a list",
    ),
    "a text for cells": (
        {"cells": "7"}, "cells is '7'; allowed: values in an order, such as a list",
    ),
    "no function": ({"fn": None}, "fn is None; allowed: a function of one cell"),
    "a class of executors": (
        {"executor": OnDemand},
        f"executor is {OnDemand!r}; allowed: None, or a concurrent.futures.Executor; "
        "a Dask client has get_executor()",
    ),
    "a number for progress": (
        {"progress": 7}, "progress is 7; allowed: None, or a function (done, all)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_an_argument_that_makes_no_sense_is_named(wrong: str) -> None:
    given, said = WRONG[wrong]
    with pytest.raises(ValueError, match=" is ") as error:
        sweep(**ANY | given)
    assert str(error.value) == said
