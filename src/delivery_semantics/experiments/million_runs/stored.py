"""The long run: many payments, counted once and kept beside this module.

`make runs` makes the file again. Its tallies depend on nothing but the cells, so any part of
them can be checked by running those cells anew; how long it took is the machine's affair.

Book: a-million-runs
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .runs import Runs, Tally, digest

FILE = Path(__file__).with_name("long_run.json")
PER_CELL = 2_500
CELLS = tuple(Runs(PER_CELL * number, PER_CELL) for number in range(4_000))
"""What the long run runs: a quarter of a second of work each."""


@dataclass(frozen=True)
class LongRun:
    """The tallies of ``CELLS`` in their order, and how they were made.

    ``wall_s`` is the time that passed, ``cpu_s`` the time that all ``workers`` computed.
    """

    tallies: tuple[Tally, ...]
    wall_s: float
    cpu_s: float
    workers: int
    cores: int
    python: str

    @property
    def runs(self) -> int:
        """How many runs that were."""
        return sum(map(sum, self.tallies))


def write(run: LongRun) -> None:
    """Store a long run, a line for each part, with the digest of its tallies."""
    facts = {name: value for name, value in vars(run).items() if name != "tallies"}
    content = facts | {"digest": digest(run.tallies), "tallies": run.tallies}
    parts = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in content.items())
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8", newline="\n")


def read() -> LongRun:
    """Return the stored long run. Raises ValueError if its tallies are not those stored."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    tallies = tuple(map(tuple, content.pop("tallies")))
    if (found := digest(tallies)) != (stored := content.pop("digest")):
        raise ValueError(f"{FILE.name} has the digest {found}; allowed: {stored}, as it says")
    return LongRun(tallies, **content)
