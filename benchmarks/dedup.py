"""Deduplication decisions per second of each store, side by side.

Half of what is asked is new. A database commits each decision by itself where nothing else is
said, which is what a receiver with one message at a time does.
"""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

import rbloom

from delivery_semantics.databases import Database, connect, empty_place
from delivery_semantics.dedup import (
    Bloom,
    DedupStore,
    Generations,
    Highest,
    Id,
    InDatabase,
    InMemory,
    Shared,
)
from delivery_semantics.experiments.dedup.memory import random_ids
from delivery_semantics.systems.postgresql import postgresql

FAST, SLOW = 40_000, 2_000
ERROR = 1e-6
Make = Callable[[int], DedupStore]


class Rival:
    """``rbloom``'s filter behind the same question."""

    def __init__(self, ids: int) -> None:
        self._known = rbloom.Bloom(ids, ERROR, _steady)

    def first_time(self, id: Id, now_s: float) -> bool:
        """Return whether the id is surely new, and set its bits."""
        new = id not in self._known
        self._known.add(id)
        return new


def _steady(raw: object) -> int:
    assert isinstance(raw, bytes)
    return int.from_bytes(blake2b(raw, digest_size=16).digest(), "big", signed=True)


IN_MEMORY: dict[str, Make] = {
    "in memory": lambda ids: InMemory(window_s=1e6),
    "in memory, with a lock": lambda ids: Shared(InMemory(window_s=1e6), threading.Lock()),
    "highest number": lambda ids: Highest(),
    "Bloom, 1 in a million": lambda ids: Bloom.for_ids(ids, error=ERROR),
    "Bloom, two generations": lambda ids: Generations(
        lambda: Bloom.for_ids(ids, error=ERROR), window_s=1e6
    ),
    "rbloom, 1 in a million": Rival,
}


def table() -> tuple[str, tuple[str, ...], list[tuple[object, ...]]]:
    """Return title, head and rows: for each store its decisions per second."""
    found: list[tuple[str, int, float]] = []
    for name, make in IN_MEMORY.items():
        asked = list(_asked(FAST, numbers=name == "highest number"))
        found.append((name, FAST, _per_second(make, asked)))
    for name, opened, each in _databases():
        with opened as database:
            found.append((name, SLOW, _in_database(database, each=each)))
    return (
        "Is this the first time? (wall time, median of 3, half of the ids are new)",
        ("store", "decisions", "per second", "us each"),
        [(name, count, int(rate), 1e6 / rate) for name, count, rate in found],
    )


def _asked(count: int, *, numbers: bool) -> Iterator[Id]:
    """Yield each id twice, the second time at once, since most copies come soon."""
    for number, raw in enumerate(random_ids(count // 2), start=1):
        id: Id = str(number) if numbers else raw
        yield id
        yield id


def _per_second(make: Make, asked: list[Id], *, turns: int = 3) -> float:
    took_s = []
    for _ in range(turns):
        store = make(len(asked))
        gc.collect()
        began = time.perf_counter()
        new = sum(store.first_time(id, 0.0) for id in asked)
        took_s.append(time.perf_counter() - began)
        assert new > 0.49 * len(asked)
    return len(asked) / statistics.median(took_s)


def _in_database(database: Database, *, each: int, count: int = SLOW) -> float:
    """Ask with this many decisions in each transaction."""
    store, asked = InDatabase(database), list(_asked(count, numbers=False))
    took_s = []
    for _ in range(3):
        database.rows("DELETE FROM seen_ids")
        began, new = time.perf_counter(), 0
        for first in range(0, len(asked), each):
            with database.transaction():
                new += sum(store.first_time(id, 0.0) for id in asked[first : first + each])
        took_s.append(time.perf_counter() - began)
        assert new == len(asked) // 2
    return len(asked) / statistics.median(took_s)


def _databases() -> Iterator[tuple[str, AbstractContextManager[Database], int]]:
    yield "SQLite, synchronous FULL", _sqlite("FULL"), 1
    yield "SQLite, synchronous NORMAL", _sqlite("NORMAL"), 1
    yield "SQLite, 100 in a transaction", _sqlite("FULL"), 100
    yield "PostgreSQL", _server(), 1
    yield "PostgreSQL, 100 in a transaction", _server(), 100


@contextmanager
def _sqlite(synchronous: str) -> Iterator[Database]:
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ids.db'}"
        with closing(connect(url, synchronous=synchronous)) as database:
            yield database


@contextmanager
def _server() -> Iterator[Database]:
    with postgresql() as url, empty_place(url) as place, closing(connect(place)) as database:
        yield database
