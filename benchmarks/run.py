"""Measure the package and the book, and print a table for each question.

Rivals are measured in turns, in CPU time, so that what else the machine does weighs on both
alike. Times are medians. Nothing here is a test: no limit makes it fail.
"""

from __future__ import annotations

import argparse
import ast
import gc
import io
import math
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import aims
import dedup
import idempotency
import ledger
import nbformat
import page
import queues
import simulators
import sweeps

from delivery_semantics import (
    Bounds,
    ProcessThenAck,
    RetryUntilAcked,
    explore,
    payments,
)
from delivery_semantics.show.panel import Panel

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = [
    page
    for place in ("index.ipynb", "chapters/*.ipynb", "appendix/*.ipynb")
    for page in sorted(ROOT.glob(place))
]
Rows = list[tuple[object, ...]]


def main() -> None:
    """Run the benchmarks that were asked for, all by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "only", nargs="*", choices=[[], *BENCHMARKS], help="default: all that show"
    )
    for name in parser.parse_args().only or [name for name in BENCHMARKS if name != "prices"]:
        BENCHMARKS[name]()


def show(title: str, head: tuple[str, ...], rows: Rows) -> None:
    """Print rows under a head, each column as wide as its widest entry."""
    table = [head, *(tuple(_words(value) for value in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    print(f"\n{title}")
    for row in table:
        first, *rest = (value.rjust(w) for value, w in zip(row, widths, strict=True))
        print("  " + "  ".join((row[0].ljust(len(first)), *rest)), flush=True)


def _words(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" if isinstance(
        value, int
    ) else str(value)  # fmt: skip


# The search -------------------------------------------------------------------------------


def in_turns(*runs: Callable[[], object], turns: int = 5) -> list[float]:
    """Return each run's median CPU seconds, measured in turns."""
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(turns):
        for measured, run in zip(seconds, runs, strict=True):
            gc.collect()  # nobody pays for what another left behind
            began = time.process_time()
            run()
            measured.append(time.process_time() - began)
    return [statistics.median(measured) for measured in seconds]


def search() -> None:
    """Count worlds per second."""
    rows: Rows = []
    for bounds in (Bounds(), Bounds(losses=2, duplicates=2), Bounds(losses=2, crashes=2)):
        parts = {
            "sender": RetryUntilAcked("receiver", payments(2), attempts_max=6),
            "receiver": ProcessThenAck(),
        }
        (seconds,) = in_turns(partial(explore, parts, bounds))
        worlds = explore(parts, bounds).worlds
        rows.append((str(bounds), worlds, 1000 * seconds, int(worlds / seconds)))
    show(
        "Search of two messages, process then ack (CPU time, median of 5)",
        ("bounds", "worlds", "ms", "worlds/s"),
        rows,
    )


# Sliders ----------------------------------------------------------------------------------


def sliders() -> None:
    """Time from a slider's move to the new picture in each live panel of the book."""
    rows: Rows = []
    every: list[float] = []
    for notebook in NOTEBOOKS:
        with redirect_stdout(io.StringIO()):
            found = panels(notebook)
        for panel in found:
            panel.seed.value = 2  # the book's own seed is kept ready; another is run anew
            moves = [1000 * move for move in _moves(panel)]
            every += moves
            rows.append((f"{notebook.stem}: {panel!r}", *_spread(moves)))
    rows.append(("all", *_spread(every)))
    show(
        "From a slider's move to the new picture (wall time)",
        ("panel", "moves", "median ms", "p95 ms"),
        rows,
    )


def panels(notebook: Path) -> list[Panel]:
    """Run a notebook's cells and return the panels that they show."""
    names: dict[str, Any] = {}
    found = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        *body, last = ast.parse(cell.source).body
        exec(compile(ast.Module(body, []), notebook.name, "exec"), names)
        if isinstance(last, ast.Expr):
            shown = eval(compile(ast.Expression(last.value), notebook.name, "eval"), names)
            found += [shown] if isinstance(shown, Panel) else []
        else:
            exec(compile(ast.Module([last], []), notebook.name, "exec"), names)
    return found


def _moves(panel: Panel) -> Iterator[float]:
    """Move each slider over all its positions and back; yield the seconds of each move."""
    for control in panel.controls:
        for index in (*range(len(control.options)), 0):
            if index != control.index:
                began = time.perf_counter()
                control.index = index
                yield time.perf_counter() - began


def _spread(values: list[float]) -> tuple[int, float, float]:
    ordered = sorted(values)
    return len(ordered), statistics.median(ordered), ordered[math.ceil(0.95 * len(ordered)) - 1]


# The book ---------------------------------------------------------------------------------


def book() -> None:
    """Time the build, cold and again, and the comparison of each chapter's outputs."""
    shutil.rmtree(ROOT / "_build" / "html", ignore_errors=True)
    shutil.rmtree(ROOT / "_build" / ".doctrees", ignore_errors=True)
    rows: Rows = [
        ("make book, cold", _seconds("make", "book")),
        ("make book, again", _seconds("make", "book")),
    ]
    pytest = (sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider")
    for notebook in NOTEBOOKS:
        name = f"nbval of {notebook.stem}"
        rows.append((name, _seconds(*pytest, str(notebook.relative_to(ROOT)))))
    show("The book (wall time)", ("what", "s"), rows)


def _seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


# Idempotency keys --------------------------------------------------------------------------


def idempotency_keys() -> None:
    """Show what keys cost a service, and whether they hold when it is killed."""
    for table in idempotency.tables():
        show(*table)


def ledger_protections() -> None:
    """What each protection of the capstone costs."""
    for table in ledger.tables():
        show(*table)


BENCHMARKS: dict[str, Callable[[], None]] = {
    "simulator": lambda: show(*simulators.table()), "search": search,
    "aims": lambda: show(*aims.table()), "dedup": lambda: show(*dedup.table()),
    "sweep": lambda: show(*sweeps.table()),
    "idempotency": idempotency_keys, "queues": lambda: show(*queues.table()),
    "ledger": ledger_protections, "prices": queues.store,
    "sliders": sliders, "book": book, "page": lambda: show(*page.table()),
}  # fmt: skip


if __name__ == "__main__":
    main()
