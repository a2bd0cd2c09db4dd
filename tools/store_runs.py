"""Count the long run of the page A Million Runs again, and store the tallies.

    python tools/store_runs.py [--workers 2]

The tallies come out the same on every machine; only how long they took is stored anew.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from delivery_semantics import sweep
from delivery_semantics.experiments.million_runs.runs import Runs, tally
from delivery_semantics.experiments.million_runs.stored import CELLS, FILE, LongRun, write


def progress(done: int, all: int) -> None:
    """Say how far it is, on one line."""
    print(f"\r{done:,} of {all:,} cells", end="", file=sys.stderr, flush=True)


def count(cells: Sequence[Runs], *, workers: int) -> LongRun:
    """Run all cells on this machine's processors, and store what they counted."""
    before, began_s = os.times(), time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        tallies = sweep(cells, fn=tally, executor=pool, chunk=4, progress=progress)
    wall_s, after = time.monotonic() - began_s, os.times()
    cpu_s = after.children_user + after.children_system
    cpu_s -= before.children_user + before.children_system
    made = LongRun(
        tuple(tallies), round(wall_s, 1), round(cpu_s, 1), workers, os.cpu_count() or 1,
        platform.python_version(),
    )  # fmt: skip
    write(made)
    return made


def main() -> None:
    """Make and store the long run."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, help="processes; default: cores"
    )
    made = count(CELLS, workers=parser.parse_args().workers)
    print(f"\n{FILE.name}: {made.runs:,} runs in {made.wall_s:,} s, {made.workers} processes")


if __name__ == "__main__":
    main()
