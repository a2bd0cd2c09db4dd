"""Many runs, on one processor or on a cluster: the same rows, in the same order.

A cell is whatever tells one run from another: a seed, bounds, parameters. A function makes a
row of it, and an executor says where. It may run cells in any order, in other processes, on
other machines, and twice if a machine is killed: that is at-least-once, and it does no harm as
long as the function only computes. What must happen once, such as writing a file, is for the
caller to do with the rows.

Let a chunk of cells work for half a second: to send it costs a pool of processes a fraction of
a millisecond, and Dask several. Both need a function that stands at the top of a module, which
they have too.

Book: a-million-runs
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from types import CoroutineType
from typing import TypeVar

from .check import at_least

Cell = TypeVar("Cell")
Output = TypeVar("Output")
OnProgress = Callable[[int, int], object]


class CellFailed(RuntimeError):
    """A cell whose function raised: ``cell``, and in ``reason`` the error's type and text.

    It holds no more than that so that it can come back from any process: many an exception
    cannot be pickled, and one that cannot be unpickled breaks a whole pool.
    """

    def __init__(self, cell: object, reason: str) -> None:
        super().__init__(cell, reason)
        self.cell, self.reason = cell, reason

    def __str__(self) -> str:
        return f"cell {self.cell!r}: {self.reason}"


def sweep(
    cells: Iterable[Cell],
    *,
    fn: Callable[[Cell], Output],
    executor: Executor | None = None,
    chunk: int = 1,
    progress: OnProgress | None = None,
) -> list[Output]:
    """Return ``fn(cell)`` for every cell, in the order of the cells.

    Without an ``executor`` the cells run here, one after the other; with one, ``chunk`` of them
    travel together. It is the caller's, and never shut down. ``progress(done, all)`` is called
    here, whenever more rows have arrived in order.

    Raises ValueError for arguments that make no sense, and CellFailed for the first cell, in
    the order of the cells, whose ``fn`` raised. Then, as after any error, what has not begun is
    cancelled.
    """
    listed = _checked(cells, fn, executor, progress)
    at_least("chunk", chunk, 1)
    parts = [listed[first : first + chunk] for first in range(0, len(listed), chunk)]
    rows: list[Output] = []
    futures: list[Future[list[Output]]] = []
    try:
        if executor is not None:
            for part in parts:  # not Executor.map: Dask's ignores its chunksize, silently
                futures.append(_submitted(executor, fn, part))
        for number, part in enumerate(parts):
            rows += _received(futures[number], fn, part) if futures else _rows(fn, part)
            if progress is not None:
                progress(len(rows), len(listed))
    finally:
        for future in futures:
            future.cancel()  # nothing, for one that has begun
    return rows


def _rows(fn: Callable[[Cell], Output], part: Sequence[Cell]) -> list[Output]:
    """Return the rows of some cells; at the top of a module, so that processes can find it."""
    rows = []
    for cell in part:
        try:
            rows.append(row := fn(cell))
            if isinstance(row, CoroutineType):
                row.close()
                raise TypeError(f"fn is {fn!r}; allowed: a function, no `async def`")
        except Exception as error:
            raise CellFailed(cell, f"{type(error).__name__}: {error}") from error
    return rows


def _submitted(
    executor: Executor, fn: Callable[[Cell], Output], part: Sequence[Cell]
) -> Future[list[Output]]:
    try:
        return executor.submit(_rows, fn, part)
    except Exception as error:
        error.add_note(f"executor is {executor!r}; allowed: one that still takes work")
        raise


def _received(
    future: Future[list[Output]], fn: Callable[[Cell], Output], part: Sequence[Cell]
) -> list[Output]:
    """Wait for the rows of some cells; whatever else goes wrong names the cells as well."""
    try:
        return future.result()
    except CellFailed:
        raise
    except Exception as error:
        error.add_note(f"while waiting for cells {part[0]!r} to {part[-1]!r}")
        if "pickle" in str(error):
            allowed = "a function at the top of a module, with cells and rows that are values"
            error.add_note(f"fn is {fn!r}; allowed, for other processes: {allowed}")
        raise


def _checked(
    cells: Iterable[Cell], fn: object, executor: object, progress: object
) -> Sequence[Cell]:
    """Return the cells as a list. Raises ValueError for what is none of the four."""
    if isinstance(cells, str | bytes | set | frozenset | Mapping) or not isinstance(
        cells, Iterable
    ):
        raise ValueError(f"cells is {cells!r}; allowed: values in an order, such as a list")
    if not callable(fn):
        raise ValueError(f"fn is {fn!r}; allowed: a function of one cell")
    if executor is not None and not isinstance(executor, Executor):
        allowed = "None, or a concurrent.futures.Executor; a Dask client has get_executor()"
        raise ValueError(f"executor is {executor!r}; allowed: {allowed}")
    if progress is not None and not callable(progress):
        raise ValueError(f"progress is {progress!r}; allowed: None, or a function (done, all)")
    listed = list(cells)
    if not listed:
        raise ValueError("cells is empty; allowed: one cell or more")
    return listed
