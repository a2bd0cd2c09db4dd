"""What remembering costs: bytes for each id, measured, times the ids that a window holds.

Book: stores-of-ids
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

from ...databases import connect
from ...dedup import Bloom, DedupStore, InDatabase, InMemory, in_memory
from ...show.picture import how_many, readable
from ...show.plots import scale
from ...show.view import View
from ...theory.windows import bloom_bits, bloom_hashes, bloom_lost, collisions_mean, ids_kept

ID_BYTES = 16
HASH_BYTES = 8
ERROR = 1e-6
SAMPLE = 10_000
LAPTOP_BYTES = 16e9
SERVER_BYTES = 1e12
WINDOWS_S = {
    "5 min": 300,
    "1 hour": 3600,
    "1 day": 86_400,
    "3 days": 259_200,
    "30 days": 2_592_000,
}


def random_ids(count: int, *, seed: int = 1) -> Iterator[bytes]:
    """Yield ids of 16 bytes that look random and are the same in every run."""
    for n in range(count):
        yield blake2b(f"{seed} {n}".encode(), digest_size=ID_BYTES).digest()


def _fill(store: DedupStore, count: int) -> None:
    for n, id in enumerate(random_ids(count)):
        store.first_time(id, n + 0.5)


@lru_cache
def bytes_in_memory(ids: int = SAMPLE) -> float:
    """Measure the bytes that Python allocates for each id of ``InMemory``, id included."""
    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    before = _allocated()
    store = InMemory()
    _fill(store, ids)
    after = _allocated()
    if not already:
        tracemalloc.stop()
    assert len(store) == ids
    return (after - before) / ids


def _allocated() -> int:
    """Return the bytes of what the store and this file hold: a notebook's threads hold more."""
    files = [tracemalloc.Filter(True, file) for file in (__file__, in_memory.__file__)]
    held = tracemalloc.take_snapshot().filter_traces(files)
    return sum(one.size for one in held.statistics("filename"))


@lru_cache
def bytes_in_sqlite(ids: int = SAMPLE) -> float:
    """Measure the bytes of a SQLite file for each id of ``InDatabase``, index included."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ids.db'}"
        with closing(connect(url, synchronous="OFF")) as database:
            store = InDatabase(database)
            with database.transaction():
                _fill(store, ids)
            [(pages,)], [(size,)] = map(
                database.rows, ("PRAGMA page_count", "PRAGMA page_size")
            )
    return float(pages * size / ids)


@lru_cache
def bytes_in_bloom(ids: int = SAMPLE) -> float:
    """Return the bytes of a filter for each id that it was made for, by its own account."""
    return Bloom.for_ids(ids, error=ERROR).size_bytes / ids


def bytes_per_id() -> dict[str, float]:
    """Return bytes for each id, by store; those of memory and SQLite are measured.

    They are rounded to tens: what is below that differs from Python to Python.
    """
    return {
        "in memory, ids and times": round(bytes_in_memory(), -1),
        "SQLite, ids and times": round(bytes_in_sqlite(), -1),
        "the ids alone": float(ID_BYTES),
        "64-bit hashes of ids": float(HASH_BYTES),
        "Bloom filter, 1 in a million": round(bytes_in_bloom(), 1),
    }


def lost_by_bloom(ids: int) -> float:
    """Messages that the filter loses while it takes in this many, by formula."""
    bits, hashes = bloom_bits(ids=ids, error=ERROR), bloom_hashes(error=ERROR)
    return bloom_lost(bits=bits, hashes=hashes, ids=ids)


def memory_view(*, per_second: int, window: str, seed: int = 1) -> View:
    """Show the bytes of each store at a rate of ids and a window."""
    ids = int(ids_kept(per_second=per_second, window_s=WINDOWS_S[window]))
    sizes = {name: ids * each for name, each in bytes_per_id().items()}
    bloom, hashes = lost_by_bloom(ids), float(collisions_mean(ids=ids, bits=8 * HASH_BYTES))
    python, bits = (
        _said(sizes[name])
        for name in ("in memory, ids and times", "Bloom filter, 1 in a million")
    )
    return View(
        scale(
            sizes,
            {"a laptop": LAPTOP_BYTES, "a server": SERVER_BYTES},
            least=1e3,
            most=1e13,
            say=_said,
            title=f"Memory for {how_many(per_second, 'id')} a second, kept for {window}",
        ),
        {
            "ids kept": f"{ids:,}",
            "lost by the filter": float(f"{bloom:.2g}"),
            "lost by 64-bit hashes": float(f"{hashes:.2g}"),
            "money expected": f"{10 * ids:,}",
            "money there, with the filter": f"{10 * ids - round(10 * bloom):,}",
        },
        f"{ids:,} ids are kept: {python} in memory, {bits} in a Bloom filter. Of as many "
        f"messages that filter loses {readable(float(f'{bloom:.2g}'))}, by formula.",
    )


def _said(size: float) -> str:
    units = {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
    unit, scaled = [(unit, size / each) for unit, each in units.items() if size >= each][-1]
    return f"{readable(float(f'{scaled:.3g}'))} {unit}"
